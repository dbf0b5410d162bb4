"""Boxes of voxels whose origin and size keep the networks' pooling phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imaging.errors import GeometryError

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Box:
    """A box `start <= index < stop` along I, J, K. May reach past a volume's end: what lies there reads as zero.

    Raises:
        GeometryError: It starts before voxel 0 or holds no voxel.
    """

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    def __post_init__(self) -> None:
        if min(self.start) < 0 or any(stop <= start for start, stop in zip(self.start, self.stop, strict=True)):
            raise GeometryError("box", "must start at 0 or later and hold a voxel", f"{self.start} to {self.stop}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels along I, J, K."""
        i, j, k = (stop - start for start, stop in zip(self.start, self.stop, strict=True))
        return i, j, k

    @classmethod
    def around(cls, mask: npt.NDArray[np.bool_], *, margin: int, multiple: int) -> Box:
        """The box of a mask, for networks that see slices along K.

        Along I and J it grows by the margin, then outwards to multiples: a network that pools `multiple`
        times then sees every voxel in the same phase as in the full frame. Along K it fits tightly.

        Args:
            mask: `bool [i, j, k]`, not empty.
            margin: Voxels added on each side along I and J.
            multiple: Of which origin and size are multiples along I and J.

        Raises:
            GeometryError: The mask is empty.
        """
        start: list[int] = []
        stop: list[int] = []
        for axis in range(3):
            others = tuple(other for other in range(3) if other != axis)
            occupied = np.flatnonzero(mask.any(axis=others))
            if occupied.size == 0:
                raise GeometryError("mask", "must hold at least one voxel", "an empty mask")
            first, last = int(occupied[0]), int(occupied[-1]) + 1
            if axis < 2:
                first = max(first - margin, 0) // multiple * multiple
                # The margin needs not reach past the full frame, which itself ends at a multiple.
                last = min(last + margin, mask.shape[axis])
                last = -(-last // multiple) * multiple
            start.append(first)
            stop.append(last)
        return cls((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    @classmethod
    def frame(cls, shape: tuple[int, ...], *, multiple: int) -> Box:
        """The box of a whole volume `[i, j, k]`, extended to multiples along I and J."""
        i, j, k = shape
        return cls((0, 0, 0), (-(-i // multiple) * multiple, -(-j // multiple) * multiple, k))

    @property
    def of_slices(self) -> Box:
        """The same box of axial slices `[k, i, j]`."""
        (i, j, k), (i_end, j_end, k_end) = self.start, self.stop
        return Box((k, i, j), (k_end, i_end, j_end))

    def cut(self, array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """The box's part of an array `[i, j, k]`, padded with zeros where the box reaches past it."""
        inside = array[tuple(slice(start, stop) for start, stop in zip(self.start, self.stop, strict=True))]
        if inside.shape == self.shape:
            return inside
        padding = [(0, wanted - there) for wanted, there in zip(self.shape, inside.shape, strict=True)]
        return np.pad(inside, padding)

    def paste(self, part: npt.NDArray[Scalar], shape: tuple[int, int, int]) -> npt.NDArray[Scalar]:
        """An array of this shape, zero but for the part; the inverse of `cut` inside the array.

        Raises:
            GeometryError: The part has not the box's shape.
        """
        if part.shape != self.shape:
            raise GeometryError("part", f"must have the box's shape {self.shape}", f"{part.shape}")
        whole = np.zeros(shape, dtype=part.dtype)
        ends = tuple(min(stop, extent) for stop, extent in zip(self.stop, shape, strict=True))
        target = tuple(slice(start, end) for start, end in zip(self.start, ends, strict=True))
        source = tuple(slice(0, max(end - start, 0)) for start, end in zip(self.start, ends, strict=True))
        whole[target] = part[source]
        return whole
