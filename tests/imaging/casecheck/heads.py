"""A head at 3 mm whose four contrasts look as contrasts do: the clean exam that each test spoils in one way."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import numpy.typing as npt

from imaging.casecheck.check import CaseReport, check_case
from imaging.casecheck.facts import FileFacts
from imaging.modality import Modality
from imaging.raw_exam import RawExam
from imaging.regions import Region
from imaging.volume import Volume

SHAPE = (80, 88, 72)
AFFINE = np.array([[-3.0, 0, 0, 118.5], [0, -3.0, 0, 130.5], [0, 0, 3.0, -100.5], [0, 0, 0, 1]])
"""LPS, as BraTS has it."""
NEEDS = {
    Region.WT: (Modality.T1, Modality.T2, Modality.FLAIR),
    Region.TC: tuple(Modality),
    Region.ET: tuple(Modality),
}
TISSUES = ("white", "grey", "fluid", "oedema", "core", "enhancing", "vessel", "skull", "scalp")
GREYS = {
    Modality.T1: (400, 300, 90, 280, 200, 290, 310, 60, 520),
    Modality.T1CE: (400, 300, 90, 280, 210, 700, 760, 60, 540),
    Modality.T2: (240, 320, 850, 560, 640, 480, 300, 50, 420),
    Modality.FLAIR: (280, 360, 80, 720, 440, 480, 320, 50, 380),
}
Volumes = dict[Modality, Volume]


def ellipsoid(
    half_axes_mm: tuple[float, float, float], centre_mm: tuple[float, float, float] = (0, 0, 0)
) -> np.ndarray:
    """`bool [i, j, k]`: the voxels inside, in world coordinates."""
    voxels = np.indices(SHAPE).reshape(3, -1)
    world = AFFINE[:3, :3] @ voxels + AFFINE[:3, 3:]
    distance = (((world - np.array(centre_mm)[:, None]) / np.array(half_axes_mm)[:, None]) ** 2).sum(axis=0)
    return np.asarray((distance < 1.0).reshape(SHAPE))


@cache
def tissues() -> npt.NDArray[np.int8]:
    """The index into `TISSUES` of each voxel, -1 for air."""
    index = np.full(SHAPE, -1, dtype=np.int8)
    vessels = np.random.default_rng(5).uniform(size=SHAPE) < 0.004
    layers = (
        ("scalp", ellipsoid((82, 98, 82))),
        ("skull", ellipsoid((76, 92, 74))),
        ("grey", ellipsoid((69, 85, 66))),
        ("white", ellipsoid((61, 77, 58))),
        ("vessel", vessels & ellipsoid((61, 77, 58))),
        ("fluid", ellipsoid((12, 34, 16), (12, -4, 6)) | ellipsoid((12, 34, 16), (-12, -4, 6))),
        ("oedema", ellipsoid((24, 24, 22), (36, 20, 20))),
        ("enhancing", ellipsoid((15, 15, 14), (36, 20, 20))),
        ("core", ellipsoid((10, 10, 9), (36, 20, 20))),
    )
    for name, where in layers:
        index[where] = TISSUES.index(name)
    index.setflags(write=False)
    return index


def brain() -> npt.NDArray[np.bool_]:
    return np.isin(tissues(), [TISSUES.index(name) for name in TISSUES if name not in ("skull", "scalp")])


@cache
def contrast(modality: Modality, *, skull: bool = False, seed: int = 0) -> npt.NDArray[np.int16]:
    """Noisy greys; zero outside the brain, or all of the head in noisy air."""
    random = np.random.default_rng([seed, list(Modality).index(modality)])
    index = tissues()
    ideal = np.where(index >= 0, np.array(GREYS[modality])[index], 0)
    noisy = np.abs(ideal + 12.0 * random.standard_normal(SHAPE)) + 1.0
    voxels = np.where(brain() | skull, noisy, 0).astype(np.int16)
    voxels.setflags(write=False)
    return voxels


def clean(*, skull: bool = False) -> Volumes:
    """Four contrasts that nothing speaks against, but for the skull where there is one."""
    return {modality: Volume.from_affine(contrast(modality, skull=skull), AFFINE) for modality in Modality}


def changed(volumes: Mapping[Modality, Volume], modality: Modality, voxels: npt.NDArray[np.generic]) -> Volumes:
    """The exam with other voxels in one contrast, on the same grid."""
    return {**volumes, modality: Volume(voxels, volumes[modality].grid)}


def moved(volumes: Mapping[Modality, Volume], modality: Modality, affine: npt.NDArray[np.float64]) -> Volumes:
    """The exam with one contrast at another place."""
    return {**volumes, modality: Volume.from_affine(volumes[modality].voxels, affine)}


def report(
    volumes: Mapping[Modality, Volume],
    *,
    facts: Mapping[Modality, FileFacts] | None = None,
    extracts_brain: bool = True,
) -> CaseReport:
    """What the check says."""
    return check_case(RawExam(volumes), needs=NEEDS, facts=facts or {}, extracts_brain=extracts_brain)


def told(found: CaseReport) -> set[str]:
    """The findings in short, e.g. `refuse duplicate t1`."""
    return {f"{each.severity.value} {each.rule.value} {each.field}" for each in found.findings}
