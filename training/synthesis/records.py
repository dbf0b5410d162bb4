"""What an epoch of a generator's training came to, as data and as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from imaging.modality import Modality
from training.files import write_atomically


@dataclass(frozen=True)
class GeneratorRecord:
    """One epoch.

    Args:
        epoch: Its number, from 0.
        terms: Mean of each term of the generator's loss, unweighted.
        weights: The weight of each term in this epoch.
        adapted: Whether these weights were set anew just before it.
        discriminator_loss: Mean loss of the patch discriminator; None while it does not take part.
        validation_ssim: Mean over the image on validation patients, of each contrast that is drawn; for the reader
            alone, nothing is chosen by it.
        seconds: How long it took.
    """

    epoch: int
    terms: dict[str, float]
    weights: dict[str, float]
    adapted: bool
    discriminator_loss: float | None
    validation_ssim: dict[str, float]
    seconds: float


def draw_generator_curves(records: Sequence[GeneratorRecord], path: Path, *, title: str) -> None:
    """Draw every term, weighted as in its epoch, and validation SSIM into a PNG, replacing it at once."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    epochs = [record.epoch + 1 for record in records]
    for name in records[-1].terms:
        values = [record.weights[name] * record.terms.get(name, float("nan")) for record in records]
        losses.plot(epochs, values, label=name)
    losses.set(title=f"{title}: weighted terms", xlabel="epoch", yscale="symlog")
    losses.legend(fontsize="small")
    for contrast in records[-1].validation_ssim:
        scores.plot(epochs, [record.validation_ssim[contrast] for record in records], label=contrast)
    scores.set(title="validation SSIM over the image", xlabel="epoch")
    scores.legend(fontsize="small")
    write_atomically(path, lambda partial: figure.savefig(partial, format="png", dpi=110))


def draw_samples(
    real: npt.NDArray[np.float32], synthetic: npt.NDArray[np.float32], contrasts: Sequence[Modality], path: Path
) -> None:
    """Draw real slices above synthetic ones into a PNG, a contrast a column.

    Args:
        real: `float32 [contrast, i, j]`, 0 to 1.
        synthetic: The same shape.
        contrasts: Their names.
        path: The picture.
    """
    figure = Figure(figsize=(2.5 * len(contrasts), 5), layout="constrained", facecolor="black")
    axes = figure.subplots(2, len(contrasts), squeeze=False)
    for row, images in enumerate((real, synthetic)):
        for column, contrast in enumerate(contrasts):
            axes[row, column].imshow(np.rot90(images[column])[:, ::-1], cmap="gray", vmin=0, vmax=1)
            axes[row, column].axis("off")
            axes[row, column].set_title(
                f"{contrast.name} {('real', 'synthetic')[row]}", color="white", fontsize="small"
            )
    write_atomically(path, lambda partial: figure.savefig(partial, format="png", dpi=110))
