"""Figures 2 to 6 of the paper: real beside synthetic slices, and the cases that synthetic patients changed most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imaging.brainmap.intensity import to_unit_range
from imaging.exam import Exam
from imaging.modality import Modality
from imaging.preprocess.normalise import find_brain
from imaging.regions import BoolVolume, Region
from training.files import write_atomically

Image = npt.NDArray[np.float32]
Scalar = TypeVar("Scalar", bound=np.generic)

_COLOURS = {Region.WT: "tab:blue", Region.TC: "gold", Region.ET: "tab:red"}
_DPI = 110


def unit_volumes(exam: Exam) -> dict[Modality, Image]:
    """Contrasts from 0 to 1, `float32 [i, j, k]`, axes in RAS+ order."""
    voxels = {modality: volume.canonical().voxels for modality, volume in exam.volumes.items()}
    brain = find_brain(voxels)
    return {modality: to_unit_range(array, brain, field=modality.value) for modality, array in voxels.items()}


@dataclass(frozen=True, eq=False)
class Pair:
    """A real exam and the synthetic one drawn from its map, on one grid.

    Args:
        real: `float32 [i, j, k]` per contrast, 0 to 1.
        synthetic: The same.
        tumour: WT, `bool [i, j, k]`.
    """

    real: Mapping[Modality, Image]
    synthetic: Mapping[Modality, Image]
    tumour: BoolVolume


def draw_figure_two(pairs: Sequence[Pair], path: Path) -> None:
    """Synthetic slices above the real ones that their maps were made of (Figure 2), a row for each contrast.

    Args:
        pairs: Patients whom the generator never saw; of each the slice with most tumour is shown.
        path: The picture, replaced at once.
    """
    rows = (Modality.T2, Modality.FLAIR, Modality.T1, Modality.T1CE)
    figure = _figure(columns=len(pairs), rows=2 * len(rows))
    axes = figure.subplots(2 * len(rows), len(pairs), squeeze=False)
    for column, pair in enumerate(pairs):
        number = _largest_slice(pair.tumour)
        for row, modality in enumerate(rows):
            for offset, (name, images) in enumerate((("synthetic", pair.synthetic), ("real", pair.real))):
                _show(axes[2 * row + offset, column], images[modality][:, :, number])
                if column == 0:
                    _name(axes[2 * row + offset, 0], f"{modality.name}\n{name}")
    _save(figure, path)


@dataclass(frozen=True, eq=False)
class Compared:
    """A case as two arms see it (Figures 3 to 6).

    Args:
        case_id: As in the data set.
        flair: `float32 [i, j, k]`, 0 to 1.
        reference: WT, `bool [i, j, k]`.
        with_synthetic: WT of the U-Net that learned from real and synthetic patients.
        real_only: WT of the one that learned from real patients alone.
        caption: DSC of both.
    """

    case_id: str
    flair: Image
    reference: BoolVolume
    with_synthetic: BoolVolume
    real_only: BoolVolume
    caption: str


def draw_compared(cases: Sequence[Compared], path: Path) -> None:
    """FLAIR with both models' WT in blue and the reference dotted: with synthetic patients left, without right."""
    figure = _figure(columns=2, rows=len(cases), size=3.2)
    axes = figure.subplots(len(cases), 2, squeeze=False)
    for row, case in enumerate(cases):
        number = _largest_slice(case.reference)
        for column, (name, mask) in enumerate(
            (("real and synthetic", case.with_synthetic), ("real only", case.real_only))
        ):
            axis = axes[row, column]
            _show(axis, case.flair[:, :, number])
            _outline(axis, mask[:, :, number], _COLOURS[Region.WT])
            _outline(axis, case.reference[:, :, number], "white", linestyles="dotted")
            axis.set_title(f"{case.case_id}: {name}\n{case.caption}", color="white", fontsize=7)
    _save(figure, path)


@dataclass(frozen=True, eq=False)
class Row:
    """An exam in a figure: its four contrasts in the slice with most tumour.

    Args:
        name: What it is.
        images: `float32 [i, j, k]` per contrast, 0 to 1.
        regions: WT, TC and ET, `bool [i, j, k]`: solid contours, blue, yellow, red.
        found: What a U-Net took for WT: a dotted contour; None for none.
    """

    name: str
    images: Mapping[Modality, Image]
    regions: Mapping[Region, BoolVolume]
    found: BoolVolume | None = None


def draw_rows(rows: Sequence[Row], path: Path) -> None:
    """Exams one below the other, a column for each contrast; the picture is replaced at once."""
    figure = _figure(columns=len(Modality), rows=len(rows))
    axes = figure.subplots(len(rows), len(Modality), squeeze=False)
    for row, exam in zip(axes, rows, strict=True):
        number = _largest_slice(exam.regions[Region.WT])
        for axis, modality in zip(row, Modality, strict=True):
            _show(axis, exam.images[modality][:, :, number])
            for region, colour in _COLOURS.items():
                _outline(axis, exam.regions[region][:, :, number], colour)
            if exam.found is not None:
                _outline(axis, exam.found[:, :, number], "white", linestyles="dotted")
        _name(row[0], exam.name)
    for axis, modality in zip(axes[0], Modality, strict=True):
        axis.set_title(modality.name, color="white", fontsize=8)
    _save(figure, path)


def _figure(*, columns: int, rows: int, size: float = 1.7) -> Figure:
    return Figure(figsize=(size * columns, 1.15 * size * rows), layout="constrained", facecolor="black")


def _largest_slice(mask: BoolVolume) -> int:
    return int(np.count_nonzero(mask, axis=(0, 1)).argmax())


def _radiological(image: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """`[i, j]` in RAS+ as rows and columns with the front up and the patient's right on the left."""
    return np.rot90(image)[:, ::-1]


def _show(axis: Axes, image: Image) -> None:
    axis.imshow(_radiological(image), cmap="gray", vmin=0, vmax=1)
    axis.set_xticks([])
    axis.set_yticks([])


def _outline(axis: Axes, mask: BoolVolume, colour: str, **style: Any) -> None:  # noqa: ANN401  # matplotlib's own
    if mask.any():
        axis.contour(_radiological(mask), [0.5], colors=[colour], linewidths=0.8, **style)


def _name(axis: Axes, text: str) -> None:
    axis.set_ylabel(text, color="white", fontsize=8)


def _save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, lambda partial: figure.savefig(partial, format="png", dpi=_DPI))
