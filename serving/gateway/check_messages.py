"""Between the contract's messages about findings and domain values."""

from __future__ import annotations

from collections.abc import Mapping

from glioserve.v1 import check_pb2, types_pb2

from imaging.casecheck.check import CaseReport
from imaging.casecheck.finding import Finding, FindingRule, Severity
from imaging.modality import Modality
from serving.gateway.checking import CheckOrder
from serving.gateway.errors import OrderError
from serving.gateway.numbers import MODALITIES, REGIONS, known
from serving.gateway.orders import FileSpec

RULES: Mapping[FindingRule, types_pb2.FindingRule.ValueType] = {
    FindingRule.READABLE: types_pb2.FINDING_RULE_READABLE,
    FindingRule.MODALITY_MISSING: types_pb2.FINDING_RULE_MODALITY_MISSING,
    FindingRule.THREE_AXES: types_pb2.FINDING_RULE_THREE_AXES,
    FindingRule.SLICE_THICKNESS: types_pb2.FINDING_RULE_SLICE_THICKNESS,
    FindingRule.ANISOTROPY: types_pb2.FINDING_RULE_ANISOTROPY,
    FindingRule.COVERAGE: types_pb2.FINDING_RULE_COVERAGE,
    FindingRule.OBLIQUE: types_pb2.FINDING_RULE_OBLIQUE,
    FindingRule.GRIDS: types_pb2.FINDING_RULE_GRIDS,
    FindingRule.SKULL: types_pb2.FINDING_RULE_SKULL,
    FindingRule.CONSTANT: types_pb2.FINDING_RULE_CONSTANT,
    FindingRule.CLIPPED: types_pb2.FINDING_RULE_CLIPPED,
    FindingRule.FINITE: types_pb2.FINDING_RULE_FINITE,
    FindingRule.CONTRAST_ORDER: types_pb2.FINDING_RULE_CONTRAST_ORDER,
    FindingRule.DUPLICATE: types_pb2.FINDING_RULE_DUPLICATE,
    FindingRule.LEFT_RIGHT: types_pb2.FINDING_RULE_LEFT_RIGHT,
}
SEVERITIES: Mapping[Severity, types_pb2.Severity.ValueType] = {
    Severity.WARN: types_pb2.SEVERITY_WARN,
    Severity.REFUSE: types_pb2.SEVERITY_REFUSE,
}


def check_order(header: check_pb2.CheckHeader) -> CheckOrder:
    """What a header asks for.

    Raises:
        OrderError: A value is unknown, or the files are not one to four contrasts, each once.
    """
    return CheckOrder(tuple(FileSpec(_contrast(file), file.size_bytes) for file in header.files))


def finding_message(finding: Finding) -> types_pb2.Finding:
    """A finding."""
    return types_pb2.Finding(
        rule=RULES[finding.rule],
        severity=SEVERITIES[finding.severity],
        field=finding.field,
        must=finding.must,
        got=finding.got,
    )


def check_message(report: CaseReport, *, server_version: str) -> check_pb2.CheckResponse:
    """All that was found."""
    return check_pb2.CheckResponse(
        findings=[finding_message(finding) for finding in report.findings],
        possible=[REGIONS[region] for region in report.possible],
        aligned=report.aligned,
        skull_stripped=report.skull_stripped,
        server_version=server_version,
    )


def _contrast(header: types_pb2.FileHeader) -> Modality:
    contrast = known("modality", header.modality, MODALITIES)
    if contrast is None:
        raise OrderError("file", "must be a contrast to be checked", "another role, or none")
    return contrast
