"""What an index of training slices says where the truth is known: of new patients, of copies of training patients."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial.transform import Rotation

from imaging.brats import BratsCase, load_exam
from imaging.exam import Exam
from imaging.replicas.index import ReplicaIndex
from imaging.replicas.verdict import judge
from imaging.volume import Volume

NOISE_SHARE = 0.05
"""Of a contrast's largest intensity, in the standard deviation of the noise."""
SHIFT_VOXELS = 5
SCALE = 1.05
TURN_DEG = 5.0
_SEED = 7

Change = Callable[[Exam], Exam]


@dataclass(frozen=True)
class Trial:
    """What the index said of one kind of case.

    Args:
        cases: How many were judged.
        replicas: How many of them were called replicas.
        smallest_share: The smallest share of a case's slices that was flagged, 0 to 1.
        largest_share: The largest one.
    """

    cases: int
    replicas: int
    smallest_share: float
    largest_share: float


def try_index(index: ReplicaIndex, *, training: Iterable[BratsCase], unseen: Iterable[BratsCase]) -> dict[str, Trial]:
    """Judge real patients whom the generator did not learn from, and those from whom it did, changed in `COPIES`' ways.

    Sources are not told, as of a copy nobody tells them.

    Returns:
        By the kind of case. A kind without a case is left out.

    Raises:
        ImagingError: A case can't be read or compared.
    """
    shares: dict[str, list[float]] = {"unseen": [_share(load_exam(case), index) for case in unseen]}
    for case in training:
        exam = load_exam(case)
        for kind, change in COPIES.items():
            shares.setdefault(kind, []).append(_share(change(exam), index))
    limit = index.calibration.limit
    return {
        kind: Trial(len(found), sum(share > limit for share in found), min(found), max(found))
        for kind, found in shares.items()
        if found
    }


def _share(exam: Exam, index: ReplicaIndex) -> float:
    verdict = judge(exam, index, source_digest=None)
    return verdict.flagged / max(verdict.slices, 1)


def _same(exam: Exam) -> Exam:
    return exam


def _mirrored(exam: Exam) -> Exam:
    axis = exam.grid.axis_codes.translate(str.maketrans("L", "R")).index("R")
    return _changed(exam, lambda voxels, _: np.flip(voxels, axis))


def _noisy(exam: Exam) -> Exam:
    rng = np.random.default_rng(_SEED)

    def add(voxels: npt.NDArray[np.float32], brain: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        noise = rng.normal(0.0, NOISE_SHARE * float(voxels.max()), voxels.shape).astype(np.float32)
        return np.where(brain, np.maximum(voxels + noise, 1.0), 0.0).astype(np.float32)

    return _changed(exam, add)


def _moved(exam: Exam) -> Exam:
    """Moved along the first two axes, and larger along all."""
    return _mapped(exam, np.eye(3) / SCALE, shift=(SHIFT_VOXELS, SHIFT_VOXELS, 0))


def _turned(exam: Exam) -> Exam:
    """Turned about the third axis, which alignment does not undo."""
    return _mapped(exam, Rotation.from_euler("z", TURN_DEG, degrees=True).as_matrix(), shift=(0, 0, 0))


def _mapped(exam: Exam, backward: npt.NDArray[np.float64], *, shift: tuple[int, int, int]) -> Exam:
    """Each voxel's content from where a matrix about the middle of the frame takes it, and then moved."""

    def move(voxels: npt.NDArray[np.float32], brain: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
        middle = (np.array(voxels.shape) - 1) / 2
        offset = middle - backward @ (middle + np.array(shift))
        mapped = ndimage.affine_transform(voxels, backward, offset, order=1)
        inside = ndimage.affine_transform(brain, backward, offset, order=0)
        return np.where(inside, np.maximum(mapped, 1.0), 0.0).astype(np.float32)

    return _changed(exam, move)


def _changed(
    exam: Exam, change: Callable[[npt.NDArray[np.float32], npt.NDArray[np.bool_]], npt.NDArray[np.float32]]
) -> Exam:
    brain = np.logical_or.reduce([volume.voxels != 0 for volume in exam.volumes.values()])
    return Exam(
        {
            modality: Volume(change(volume.voxels.astype(np.float32), brain), volume.grid)
            for modality, volume in exam.volumes.items()
        }
    )


COPIES: Mapping[str, Change] = MappingProxyType(
    {
        "training": _same,
        "training, mirrored": _mirrored,
        f"training, with noise of {NOISE_SHARE:.0%}": _noisy,
        f"training, moved by {SHIFT_VOXELS} voxels and scaled by {SCALE:g}": _moved,
        f"training, turned by {TURN_DEG:g} degrees": _turned,
    }
)
"""Ways to copy a training patient."""
