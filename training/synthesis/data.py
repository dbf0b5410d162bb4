"""Pairs of brain maps and real images, prepared once, memory-mapped ever after; and the batches made of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from imaging.brainmap.draw import painting_box
from imaging.brainmap.encode import MapChannels
from imaging.brainmap.intensity import to_unit_range
from imaging.brainmap.maps import BrainMap
from imaging.brats import BratsCase, load_exam, load_reference
from imaging.modality import Modality
from imaging.preprocess.prepare import to_slices
from training.cache import cache_key
from training.files import save_array_atomically, write_text_atomically
from training.synthesis.profiles import GeneratorProfile

PAIRS_VERSION = 1
"""Part of every file's name: raise it whenever preparation changes."""
TUMOUR_SHARE = 0.6
"""Of the slices shown in training: the tumour is where a generator has most to learn."""
WHITE = 255
"""The stored intensity of 1."""

Scalar = TypeVar("Scalar", bound=np.generic)

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class MapPairs:
    """A patient's maps and images, slice by slice, in the brain's box.

    Args:
        case_id: As in the data set's folder name.
        patient_id: Equal for all time points of a patient.
        bands: `uint8 [slice, contrast, i, j]`, contrasts in the order of `Modality`.
        lesion: `uint8 [slice, i, j]`.
        images: `uint8 [slice, contrast, i, j]`, 255 for 1.
    """

    case_id: str
    patient_id: str
    bands: npt.NDArray[np.uint8]
    lesion: npt.NDArray[np.uint8]
    images: npt.NDArray[np.uint8]


def prepare_pairs(cases: Sequence[BratsCase], folder: Path) -> list[MapPairs]:
    """Prepare the cases that the folder does not hold yet, and open all of them.

    Raises:
        ImagingError: A case can't be read or has no map.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    for number, case in enumerate(cases, start=1):
        stem = folder / f"map{PAIRS_VERSION}-{cache_key(case)}"
        done = stem.with_name(stem.name + ".json")
        parts = {name: stem.with_name(f"{stem.name}.{name}.npy") for name in ("bands", "lesion", "images")}
        if not done.exists():
            for name, array in _make_pairs(case).items():
                save_array_atomically(parts[name], array)
            # Written last: its presence says that the others are whole.
            write_text_atomically(done, json.dumps({"version": PAIRS_VERSION}))
            log.info("mapped %d of %d", number, len(cases))
        arrays = {name: np.load(path, mmap_mode="r") for name, path in parts.items()}
        pairs.append(MapPairs(case.case_id, case.patient_id, **arrays))
    return pairs


def _make_pairs(case: BratsCase) -> dict[str, npt.NDArray[np.uint8]]:
    exam = load_exam(case)
    brain_map = BrainMap.of_exam(exam, load_reference(case))
    brain = brain_map.brain
    box = painting_box(brain, multiple=1)
    images = [
        box.cut(to_unit_range(exam.volumes[modality].canonical().voxels, brain, field=modality.value))
        for modality in Modality
    ]
    return {
        "bands": np.stack([to_slices(box.cut(brain_map.bands[modality])) for modality in Modality], axis=1),
        "lesion": to_slices(box.cut(brain_map.lesion)),
        "images": np.stack([np.rint(to_slices(image) * WHITE).astype(np.uint8) for image in images], axis=1),
    }


class PairSource:
    """Makes the batches of any epoch of a generator's training.

    Args:
        pairs: Training patients.
        channels: What the generator sees of a map.
        draws: What it draws.
        profile: Batch and frame.
        seed: With the epoch's number it decides everything that is left to chance.
    """

    def __init__(
        self,
        pairs: Sequence[MapPairs],
        channels: MapChannels,
        draws: Sequence[Modality],
        profile: GeneratorProfile,
        *,
        seed: int,
    ) -> None:
        self._pairs = pairs
        self._channels = channels
        self._contrasts = [tuple(Modality).index(modality) for modality in draws]
        self._profile = profile
        self._seed = seed
        self._with_tumour = [np.flatnonzero(case.lesion.any(axis=(1, 2))) for case in pairs]

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of maps `float32 [slice, channel, i, j]` and images `float32 [slice, contrast, i, j]`, 0 to 1."""
        rng = np.random.default_rng([self._seed, number])
        for _ in range(self._profile.steps_per_epoch):
            yield self._batch(rng)

    def _batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        maps, images = [], []
        for _ in range(self._profile.batch_size):
            index = int(rng.integers(len(self._pairs)))
            case, tumour = self._pairs[index], self._with_tumour[index]
            anywhere = not tumour.size or rng.random() >= TUMOUR_SHARE
            number = int(rng.integers(len(case.lesion)) if anywhere else rng.choice(tumour))
            mirror = slice(None, None, -1) if rng.random() < 0.5 else slice(None)
            stack = np.concatenate([case.bands[number], case.lesion[number][np.newaxis], case.images[number]])
            placed = place(stack[:, mirror], self._profile.frame, rng)
            bands = {modality: placed[[row]] for row, modality in enumerate(Modality)}
            maps.append(self._channels.encode(bands, placed[[len(Modality)]])[0])
            images.append(placed[len(Modality) + 1 :][self._contrasts])
        unit = np.stack(images).astype(np.float32) / WHITE
        return torch.from_numpy(np.stack(maps).astype(np.float32)), torch.from_numpy(unit)


def place(
    array: npt.NDArray[Scalar], frame: tuple[int, int], rng: np.random.Generator | None = None
) -> npt.NDArray[Scalar]:
    """An array `[..., i, j]` in a frame of zeros: by chance where the generator is given, else in the middle.

    What is larger than the frame is cut on both sides alike.
    """
    for axis, size in zip((-2, -1), frame, strict=True):
        spare = size - array.shape[axis]
        if spare < 0:
            start = -spare // 2
            array = np.take(array, range(start, start + size), axis=axis)
        else:
            before = spare // 2 if rng is None else int(rng.integers(spare + 1))
            widths = [(0, 0)] * array.ndim
            widths[axis] = (before, spare - before)
            array = np.pad(array, widths)
    return array
