from __future__ import annotations

import pytest

from export.engine_card import describe, untuned, with_engine
from export.engine_choice import UNET_ENGINE, Accelerator, EngineChoice, Precision
from export.errors import FactsError

CARD = "# Card\n\n## Export\n\nSame.\n\n## Engine\n\nOld.\n\nStill old.\n\n## Limits\n\nMany.\n"


def test_only_the_part_about_the_engine_changes_and_can_be_told_again() -> None:
    once = with_engine(CARD, "New.\n")
    assert once == "# Card\n\n## Export\n\nSame.\n\n## Engine\n\nNew.\n\n## Limits\n\nMany.\n"
    assert with_engine(once, "Newer.") == once.replace("New.", "Newer.")


def test_the_part_may_be_the_last_one() -> None:
    assert with_engine("# Card\n\n## Engine\n\nOld.\n", "New.") == "# Card\n\n## Engine\n\nNew.\n"


def test_a_card_of_an_older_export_is_refused() -> None:
    with pytest.raises(FactsError, match="must have a part ## Engine"):
        with_engine("# Card\n\n## Limits\n", "New.")


def test_what_was_not_measured_is_told_as_such() -> None:
    assert "openvino, bf16, 2 instances" in describe(UNET_ENGINE)
    assert "was not measured yet" in " ".join(untuned(UNET_ENGINE).split())
    plain = EngineChoice(accelerator=Accelerator.NONE, precision=Precision.FP32, instances=1)
    assert "ONNX Runtime, fp32, 1 instance." in describe(plain)
