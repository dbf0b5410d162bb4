"""What both forms of a generator are shown before one replaces the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.cases import spread, window
from imaging.brainmap.draw import painting_box
from imaging.brainmap.golden import golden_maps
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.plan import GeneratorPlan
from imaging.preprocess.prepare import to_slices

CROPS = ((1, 64, 64), (2, 128, 64), (3, 64, 128), (4, 128, 128))
"""Slices, rows and columns of the random crops: square and not, all multiples of the largest multiple there is."""
WHOLE_SLICES = 4
"""Slices shown at the brain's full size, as they are drawn in use."""


@dataclass(frozen=True, eq=False)
class MapCase:
    """One batch of maps.

    Args:
        name: For the report.
        maps: `uint8 [slice, channel, i, j]`, 0 or 1, `i` and `j` as the generator needs them.
    """

    name: str
    maps: npt.NDArray[np.uint8]


def map_cases(brain_map: BrainMap, plan: GeneratorPlan, *, seed: int = 0) -> tuple[MapCase, ...]:
    """Golden maps, whole slices through the tumour, and random crops of several sizes and counts.

    Args:
        brain_map: Of any exam.
        plan: Which channels, which multiple.
        seed: Of the crops' places.
    """
    box = painting_box(brain_map.brain, multiple=plan.multiple)
    bands = {modality: to_slices(box.cut(array)) for modality, array in brain_map.bands.items()}
    lesion = to_slices(box.cut(brain_map.lesion))
    tumour = np.flatnonzero(lesion.any(axis=(1, 2)))
    if tumour.size == 0:
        tumour = np.arange(len(lesion))
    random = np.random.default_rng(seed)

    def batch(name: str, indices: npt.NDArray[np.intp], rows: slice, columns: slice) -> MapCase:
        cut = {modality: array[indices, rows, columns] for modality, array in bands.items()}
        return MapCase(name, plan.channels.encode(cut, lesion[indices, rows, columns]))

    cases = [
        MapCase("golden maps", golden_maps(plan.channels)),
        batch("whole slices", spread(tumour, WHOLE_SLICES), slice(None), slice(None)),
    ]
    for count, height, width in CROPS:
        rows, columns = (
            window(random, extent, size) for extent, size in zip(lesion.shape[1:], (height, width), strict=True)
        )
        indices = np.sort(random.choice(tumour, size=count, replace=True))
        cases.append(batch(f"{count} crops of {height} x {width}", indices, rows, columns))
    return tuple(cases)
