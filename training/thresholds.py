"""The record of thresholds that were chosen for a run."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from imaging.regions import Region
from training.errors import TrainingError
from training.files import write_text_atomically
from training.records import RunFolder


class Calibration(BaseModel):
    """What the thresholds of a run were chosen on, and what came out.

    Args:
        patients: How many were looked at.
        thresholds: Those tried.
        dsc: Per region the mean DSC at each of them, of the network alone, before any gating.
        chosen: Per region the threshold of the highest mean.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    patients: int
    thresholds: tuple[float, ...]
    dsc: dict[Region, tuple[float, ...]]
    chosen: dict[Region, float]


def record_calibration(calibration: Calibration, folder: RunFolder) -> None:
    """Write it into a run's folder; from then on the run's networks are read by it."""
    write_text_atomically(folder.calibration, calibration.model_dump_json(indent=1) + "\n")


def load_calibration(folder: RunFolder) -> Calibration | None:
    """The calibration of a run; None where nothing was chosen, so that the usual threshold holds.

    Raises:
        TrainingError: What is recorded is no calibration.
    """
    if not folder.calibration.exists():
        return None
    try:
        return Calibration.model_validate_json(folder.calibration.read_text())
    except ValueError as error:
        rule = "must be a calibration of this version"
        raise TrainingError(folder.calibration.name, rule, str(error).splitlines()[0]) from None
