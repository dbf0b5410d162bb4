"""Slices into a stack: their order, and where its voxels lie. What is no regular stack is refused, never repaired."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glioserve.dicom.series import Series, Slice
from glioserve.errors import LocalInputError

MAX_VOXELS = 2**27
"""Of one series."""
MAX_EXTENT = 32767
"""Voxels along an axis; a NIfTI-1 file has no room for more."""
MIN_SLICES = 2
MIN_SPACING_MM, MAX_SPACING_MM = 1e-3, 1e3
"""Between centres of neighbours. No scanner makes others."""
MAX_POSITION_MM = 1e5
"""Of a coordinate of a slice. Beyond, a float32 does not tell one thin slice from the next."""

COSINE_TOLERANCE = 1e-3
"""Largest difference of two direction cosines, and of a direction's length from 1, that is rounding."""
SPACING_TOLERANCE = 0.02
"""Largest difference of two gaps between slices that is rounding, as a share of the gap."""
ROUNDING_MM = 0.02
"""Largest difference of two gaps that is rounding however thin the slices are."""
TILT_TOLERANCE_DEG = 0.1
"""Largest angle of the stack's direction to the slices' normal that is rounding."""
DRIFT_TOLERANCE_MM = 0.5
"""Largest distance of a slice's first pixel from the normal through the first slice's."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Stack:
    """A series as a volume. Voxel (i, j, k) is column i and row j of the k-th slice along the normal.

    Args:
        slices: In the order of K.
        affine: Voxel indices to RAS+ world, mm, `float64 [4, 4]`; its axes are orthogonal.
    """

    slices: tuple[Slice, ...]
    affine: npt.NDArray[np.float64]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along I, J, K."""
        return self.slices[0].columns, self.slices[0].rows, len(self.slices)

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Of the voxels, along I, J, K."""
        x, y, z = (float(each) for each in np.linalg.norm(self.affine[:3, :3], axis=0))
        return x, y, z

    @property
    def extent_mm(self) -> tuple[float, float, float]:
        """From outer face to outer face, along I, J, K."""
        x, y, z = (size * length for size, length in zip(self.shape, self.spacing_mm, strict=True))
        return x, y, z


def stack_of(series: Series, *, field: str) -> Stack:
    """The volume that a series' slices make up.

    Args:
        series: The series.
        field: How it is called in an error.

    Raises:
        LocalInputError: Its slices do not share one frame of reference, size, orientation and pixel spacing, do not
            say where they lie, or are tilted, missing, doubled or unequally spaced.
    """
    _check_files(series, field)
    slices = series.slices
    first = slices[0]
    _check_alike(slices, field)
    across, down = _directions(slices, field)
    normal = np.cross(across, down)
    positions = np.array([each.position for each in slices])
    order = np.argsort(positions @ normal, kind="stable")
    gap = _gap(positions[order] @ normal, field)
    _check_tilt(positions[order], normal, field)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([across * first.spacing[1], down * first.spacing[0], normal * gap], axis=1)
    affine[:3, 3] = positions[order[0]]
    return Stack(tuple(slices[index] for index in order), LPS_TO_RAS @ affine)


def _check_files(series: Series, field: str) -> None:
    files = len({each.name for each in series.slices})
    if series.multiframe and files > 1:
        raise LocalInputError(field, "must be one multi-frame image, or single frames", f"{files} files")
    if len(series.slices) < MIN_SLICES:
        raise LocalInputError(field, f"must have at least {MIN_SLICES} slices", f"{len(series.slices)}")
    if not series.frame_of_reference:
        raise LocalInputError(field, "must state one frame of reference", "none, or several")


def _check_alike(slices: tuple[Slice, ...], field: str) -> None:
    first = slices[0]
    if any(not (each.position and each.orientation and each.spacing) for each in slices):
        raise LocalInputError(field, "must state position, orientation and pixel spacing of every slice", "one without")
    sizes = {(each.rows, each.columns) for each in slices}
    if len(sizes) > 1:
        raise LocalInputError(field, "must have slices of one size", f"{len(sizes)} sizes")
    voxels = first.rows * first.columns * len(slices)
    if not 0 < voxels <= MAX_VOXELS:
        raise LocalInputError(field, f"must have 1 to {MAX_VOXELS} voxels", f"{voxels}")
    if (greatest := max(first.rows, first.columns, len(slices))) > MAX_EXTENT:
        raise LocalInputError(field, f"must have at most {MAX_EXTENT} rows, columns and slices", f"{greatest}")
    if any(not np.allclose(each.spacing, first.spacing, rtol=COSINE_TOLERANCE, atol=0.0) for each in slices):
        raise LocalInputError(field, "must have one pixel spacing", "several")
    _check_spacing(first.spacing, field)
    furthest = max(abs(each) for slice_ in slices for each in slice_.position)
    if furthest > MAX_POSITION_MM:
        raise LocalInputError(field, f"must lie within {MAX_POSITION_MM:.0f} mm of its origin", f"{furthest:.3g} mm")


def _check_spacing(spacing: tuple[float, ...], field: str) -> None:
    for each in spacing:
        if not MIN_SPACING_MM <= each <= MAX_SPACING_MM:
            rule = f"must have voxels of {MIN_SPACING_MM:g} to {MAX_SPACING_MM:g} mm"
            raise LocalInputError(field, rule, f"{each:.3g} mm")


def _directions(slices: tuple[Slice, ...], field: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Unit vectors along a row and along a column, at right angles, LPS+."""
    orientations = np.array([each.orientation for each in slices])
    with np.errstate(over="ignore", invalid="ignore"):  # of headers that hold any number
        parted = np.ptp(orientations, axis=0).max()
        across, down = orientations.mean(axis=0).reshape(2, 3)
        lengths = np.linalg.norm([across, down], axis=1)
        off = max(np.abs(lengths - 1).max(), abs(across @ down))
    if parted > 2 * COSINE_TOLERANCE:
        raise LocalInputError(field, "must have slices that are parallel", "several orientations")
    if not off <= COSINE_TOLERANCE:
        raise LocalInputError(field, "must have rows and columns at right angles, of unit directions", "others")
    across = across / lengths[0]
    down = down - (down @ across) * across
    return across, down / np.linalg.norm(down)


def _gap(along: npt.NDArray[np.float64], field: str) -> float:
    """The distance between neighbours, mm.

    Args:
        along: Where the slices lie along their normal, rising, mm.
        field: How the series is called in an error.
    """
    gaps = np.diff(along)
    usual = float(np.median(gaps))
    tolerance = max(SPACING_TOLERANCE * usual, ROUNDING_MM)
    doubled = int((gaps <= min(ROUNDING_MM, 0.5 * float(gaps.max()))).sum())
    if doubled or usual <= 0:
        raise LocalInputError(field, "must have one slice per position", f"{max(doubled, 1)} more")
    _check_spacing((usual,), field)
    off = gaps[np.abs(gaps - usual) > tolerance]
    if off.size == 0:
        return float(along[-1] - along[0]) / gaps.size
    multiples = off / usual
    whole = np.round(multiples)
    if (whole >= 2).all() and (np.abs(multiples - whole) * usual <= whole * tolerance).all():
        missing = int((whole - 1).sum())
        raise LocalInputError(field, "must have no slice missing", f"{missing} missing of {gaps.size + 1 + missing}")
    raise LocalInputError(field, "must have slices at equal distances", f"{gaps.min():.2f} to {gaps.max():.2f} mm")


def _check_tilt(positions: npt.NDArray[np.float64], normal: npt.NDArray[np.float64], field: str) -> None:
    step = positions[-1] - positions[0]
    along = float(step @ normal)
    aside = float(np.linalg.norm(step - along * normal))
    tilt_deg = math.degrees(math.atan2(aside, along))
    if tilt_deg > TILT_TOLERANCE_DEG:
        raise LocalInputError(
            field, "must be stacked at right angles to its slices", f"a tilt of {tilt_deg:.1f} degrees"
        )
    from_first = positions - positions[0]
    drift_mm = np.linalg.norm(from_first - np.outer(from_first @ normal, normal), axis=1).max()
    if drift_mm > DRIFT_TOLERANCE_MM:
        raise LocalInputError(field, "must have slices above each other", f"one that is {drift_mm:.1f} mm aside")
