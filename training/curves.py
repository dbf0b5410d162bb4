"""Training curves as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from training.files import write_atomically
from training.records import EpochRecord


def draw_curves(records: Sequence[EpochRecord], path: Path, *, title: str) -> None:
    """Draw losses and validation DSC by epoch into a PNG, replacing it at once."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    validated = [record for record in records if record.validation_loss is not None]
    losses.plot([record.epoch + 1 for record in records], [record.train_loss for record in records], label="training")
    epochs = [record.epoch + 1 for record in validated]
    losses.plot(epochs, [record.validation_loss for record in validated], label="validation")
    losses.set(title=f"{title}: loss", xlabel="epoch")
    losses.legend()
    scores.plot(epochs, [record.validation_dsc for record in validated], color="tab:green")
    scores.set(title="validation DSC, before gating", xlabel="epoch", ylim=(0, 1))
    write_atomically(path, lambda partial: figure.savefig(partial, format="png", dpi=110))
