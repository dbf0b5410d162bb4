"""Results for people: tables drawn by rich on a terminal, columns of plain text elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from glioserve.cohorts import Cohort
from glioserve.conventions import MetricConventions
from glioserve.documents import DISCLAIMER
from glioserve.findings import merged
from glioserve.results import EvaluationResult, RegionMetrics, RegionVolume, SegmentationResult, ServerInfo
from glioserve.synthesis import SyntheticExam
from glioserve.terms import Health
from glioserve.wording import (
    DOMAIN_TITLE,
    EMPTY_TITLE,
    HD95_TITLE,
    REGION_TITLE,
    STATUS_NOTE,
    count,
    mebibytes,
    millilitres,
    millimetres,
    seconds,
    share,
)

DIGEST_SHOWN = 12
"""Leading digits of a model's digest that a table shows; the JSON documents hold all."""


@dataclass(frozen=True)
class Table:
    """Rows under headings.

    Args:
        headings: One per column.
        rows: Cells of text.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


Part = Table | str
"""A table, or a line."""


def show(parts: Iterable[Part], console: Console) -> None:
    """Prints the parts, one below the other.

    Args:
        parts: Tables and lines. Texts of a server are shown as they are, without markup or control characters.
        console: Where to. If that is no terminal, there are no frames, no colours and no line breaks within a row.
    """
    for part in parts:
        if isinstance(part, str):
            console.print(Text(_printable(part)), soft_wrap=not console.is_terminal)
        elif console.is_terminal:
            drawn = RichTable(*part.headings)
            for row in part.rows:
                drawn.add_row(*(Text(_printable(cell)) for cell in row))
            console.print(drawn)
        else:
            console.print(Text(_plain(part)), soft_wrap=True)


def segmentation_parts(result: SegmentationResult) -> list[Part]:
    """What `glioserve segment` prints."""
    parts: list[Part] = [_volumes(result.volumes)]
    if result.conventions is not None and result.reference_label_scheme is not None:
        parts += [_metrics(result.metrics), *_stated(result.conventions)]
        parts.append(f"Reference labels: {result.reference_label_scheme.value}")
    parts.append(f"Time on the server: {seconds(result.total_s)} ({result.engine}, version {result.server_version})")
    parts += [f"Case check: {each.field}: {each.must}, got {each.got}" for each in merged(result.findings)]
    parts += [f"Warning: {text}" for text in result.warnings]
    parts += [f"Note: {text}" for text in result.notes]
    return [*parts, DISCLAIMER]


def evaluation_parts(result: EvaluationResult) -> list[Part]:
    """What `glioserve evaluate` prints."""
    sizes = zip(result.prediction_volumes, result.reference_volumes, strict=True)
    volumes = Table(
        ("Region", "Prediction", "Reference"),
        [
            (predicted.region.name, millilitres(predicted.volume_ml), millilitres(expert.volume_ml))
            for predicted, expert in sizes
        ],
    )
    schemes = (
        f"Prediction labels: {result.prediction_label_scheme.value}",
        f"Reference labels: {result.reference_label_scheme.value}",
    )
    return [_metrics(result.metrics), volumes, *_stated(result.conventions), *schemes, DISCLAIMER]


def synthesis_parts(exam: SyntheticExam, folder: Path | None) -> list[Part]:
    """What `glioserve generate` prints.

    Args:
        exam: What was drawn.
        folder: Where it was written, if it was.
    """
    volumes = Table(
        ("Region", "", "Volume", "Voxels"),
        [
            (
                each.region.name,
                REGION_TITLE[each.region],
                millilitres(each.volume_ml) if each.voxels else "none",
                count(each.voxels),
            )
            for each in exam.region_volumes
        ],
    )
    scheme = exam.label_map.label_scheme
    return [
        volumes,
        f"Synthetic exam {exam.case_id}, of nobody: {', '.join(exam.volumes)}, labels in {scheme.value}",
        "Not kept: no --out was given" if folder is None else f"Written to {folder}",
        f"Time on the server: {seconds(exam.total_s)} ({exam.engine}, version {exam.server_version})",
        DISCLAIMER,
    ]


def info_parts(info: ServerInfo, health: Health) -> list[Part]:
    """What `glioserve info` prints."""
    models = Table(
        ("Model", "Version", "Region", "Channels", "SHA-256"),
        [
            (
                model.name,
                model.version,
                "" if model.region is None else model.region.name,
                ", ".join(model.channels),
                model.sha256[:DIGEST_SHOWN],
            )
            for model in info.models
        ],
    )
    generators = Table(
        ("Generator", "Model", "Version", "Draws", "SHA-256"),
        [
            (
                each.name,
                each.model,
                each.version,
                ", ".join(modality.value for modality in each.draws),
                each.sha256[:DIGEST_SHOWN],
            )
            for each in info.generators
        ],
    )
    return [
        f"Server {info.server_version}, {health.value}, engine {info.engine}",
        models,
        generators if info.generators else "Generators: none; this server draws no synthetic exams",
        f"Label schemes: {', '.join(scheme.value for scheme in info.label_schemes)}",
        f"Limits: {mebibytes(info.max_file_bytes)} per file, {count(info.max_voxels)} voxels per volume",
        f"Queue: {info.queue_length} of {info.queue_capacity} places taken",
        DISCLAIMER,
    ]


def cohort_parts(cohort: Cohort) -> list[Part]:
    """What `glioserve cohort get` prints."""
    parts = cohorts_parts([cohort])
    parts += [f"Output: {cohort.output}", f"Spec: {cohort.name}, SHA-256 {cohort.spec_sha256[:DIGEST_SHOWN]}"]
    return [*parts, f"Note: {cohort.note}"] if cohort.note else parts


def cohorts_parts(cohorts: Sequence[Cohort]) -> list[Part]:
    """What `glioserve cohort list` prints."""
    rows = [
        (
            each.id,
            each.phase.value,
            count(each.cases),
            count(each.released),
            count(each.quarantined),
            count(each.failed),
            f"{each.submitted:%Y-%m-%d %H:%M} UTC",
        )
        for each in cohorts
    ]
    return [Table(("Cohort", "Phase", "Cases", "Released", "Quarantined", "Failed", "Ordered"), rows)]


def _volumes(volumes: Sequence[RegionVolume]) -> Table:
    return Table(
        ("Region", "", "Volume", "Voxels", "Removed by gating"),
        [
            (
                each.region.name,
                REGION_TITLE[each.region],
                millilitres(each.volume_ml) if each.voxels else "none found",
                count(each.voxels),
                count(each.voxels_removed),
            )
            for each in volumes
        ],
    )


def _metrics(metrics: Sequence[RegionMetrics]) -> Table:
    return Table(
        ("Region", "DSC", "HD95", "Sensitivity", "Specificity", "Status"),
        [
            (
                each.region.name,
                share(each.dsc),
                millimetres(each.hd95_mm),
                share(each.sensitivity),
                share(each.specificity),
                STATUS_NOTE[each.status] or "computed",
            )
            for each in metrics
        ],
    )


def _stated(conventions: MetricConventions) -> tuple[str, str, str]:
    return (
        f"HD95: {HD95_TITLE[conventions.hd95_definition]}",
        f"Empty masks: {EMPTY_TITLE[conventions.empty_mask_policy]}",
        f"Specificity counted over: {DOMAIN_TITLE[conventions.specificity_domain]}",
    )


def _plain(table: Table) -> str:
    lines = [[_printable(cell) for cell in row] for row in (table.headings, *table.rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)
    return "\n".join(line.rstrip() for line in padded)


def _printable(text: str) -> str:
    """A server's text can't move the cursor or change colours, and figures need no more than ASCII."""
    return "".join(char if char.isprintable() else "?" for char in text.replace("\u202f", " "))
