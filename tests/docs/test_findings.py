"""The page of findings knows every rule, in the order of the contract, and what each can lead to."""

from __future__ import annotations

import re
from pathlib import Path

from imaging.casecheck.finding import FindingRule

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "findings.md"
WARNINGS_ALONE = {
    FindingRule.SLICE_THICKNESS,
    FindingRule.ANISOTROPY,
    FindingRule.OBLIQUE,
    FindingRule.GRIDS,
    FindingRule.CLIPPED,
}
REFUSALS_ALONE = {
    FindingRule.READABLE,
    FindingRule.MODALITY_MISSING,
    FindingRule.THREE_AXES,
    FindingRule.CONSTANT,
    FindingRule.FINITE,
    FindingRule.DUPLICATE,
}


def test_every_rule_has_its_section() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", text, flags=re.MULTILINE) == [rule.value for rule in FindingRule]
    for section in text.split("\n## ")[1:]:
        rule = FindingRule(section.split("\n", 1)[0])
        words = set(re.findall(r"\*\*(?:warn|refuse)", section, flags=re.IGNORECASE))
        told = {word.strip("*").lower() for word in words}
        if rule in WARNINGS_ALONE:
            assert told == {"warn"}, rule
        elif rule in REFUSALS_ALONE:
            assert told == {"refuse"}, rule
        else:
            assert told == {"warn", "refuse"}, rule
        assert "*Mend:*" in section, rule
