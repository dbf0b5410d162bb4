"""What a run leaves: its folders, and a record of every epoch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imaging.regions import Region


@dataclass(frozen=True)
class EpochRecord:
    """What an epoch came to. Validation figures are None where the epoch was not validated."""

    epoch: int
    train_loss: float
    learning_rate: float
    seconds: float
    validation_loss: float | None
    validation_dsc: float | None


@dataclass(frozen=True)
class NetFolder:
    """Files of one network's training."""

    path: Path

    @property
    def kept(self) -> Path:
        """The weights that the profile keeps."""
        return self.path / "kept.pt"

    @property
    def state(self) -> Path:
        """All that is needed to go on after the last finished epoch."""
        return self.path / "state.pt"

    @property
    def history(self) -> Path:
        """One record per epoch."""
        return self.path / "history.json"

    @property
    def curves(self) -> Path:
        """The history as a picture."""
        return self.path / "curves.png"


@dataclass(frozen=True)
class RunFolder:
    """A run: a plan and three networks."""

    path: Path

    @property
    def plan(self) -> Path:
        """What was decided before the run started."""
        return self.path / "plan.json"

    @property
    def calibration(self) -> Path:
        """Thresholds that were chosen after it, and on what."""
        return self.path / "calibration.json"

    def net(self, region: Region) -> NetFolder:
        """Files of one region's network."""
        return NetFolder(self.path / f"unet_{region.value}")

    def fold(self, number: int) -> RunFolder:
        """The run of one fold, from 1, of a cross-validation."""
        return RunFolder(self.path / f"fold_{number}")
