"""Tensors to and from a Triton on this host by shared memory, where gRPC would copy them some six times."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
import numpy.typing as npt

_LEAST_BYTES = 1 << 20


@dataclass(eq=False)
class Region:
    """A piece of shared memory that one call has for itself.

    Args:
        memory: The piece.
        known_to: The connection over which Triton was told of it; None as long as it was not.
    """

    memory: SharedMemory
    known_to: object = field(default=None)

    @property
    def name(self) -> str:
        """What Triton is told to call it."""
        return self.memory.name.lstrip("/")

    @property
    def key(self) -> str:
        """By which Triton opens it."""
        return f"/{self.name}"

    @property
    def size(self) -> int:
        """Bytes."""
        return self.memory.size

    def write(self, tensor: npt.NDArray[Any]) -> None:
        """Put a tensor at its beginning."""
        np.copyto(self._view(tensor.shape, tensor.dtype, offset=0), tensor)

    def blank(self, size: int, *, offset: int) -> None:
        """Fill bytes with ones, which is NaN in any float: an answer that is none must not be the one before it."""
        self._view((size,), np.dtype(np.uint8), offset=offset).fill(0xFF)

    def read(self, shape: tuple[int, ...], dtype: npt.DTypeLike, *, offset: int) -> npt.NDArray[Any]:
        """A copy of the tensor that begins at an offset."""
        return self._view(shape, np.dtype(dtype), offset=offset).copy()

    def _view(self, shape: tuple[int, ...], dtype: np.dtype[Any], *, offset: int) -> npt.NDArray[Any]:
        return np.ndarray(shape, dtype=dtype, buffer=self.memory.buf, offset=offset)


class SharedRegions:
    """The regions of one engine: as many as calls were ever made at one time.

    They are this user's alone, and gone when they are closed. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free: list[Region] = []
        self._closed = False
        # Shared memory outlives the process that forgets it.
        self._forgotten = weakref.finalize(self, _discard_all, self._free)

    @contextmanager
    def lend(self, size: int) -> Iterator[Region]:
        """A region of at least some bytes, for as long as the context lasts.

        A region whose call failed is not lent again: Triton may still be at work on it.

        Raises:
            OSError: This host has no more shared memory.
        """
        region = self._take(size)
        try:
            yield region
        except BaseException:
            _discard(region)
            raise
        with self._lock:
            if not self._closed:
                self._free.append(region)
                return
        _discard(region)

    def close(self) -> None:
        """Give the memory back; what is lent out goes back when its call ends."""
        with self._lock:
            self._closed = True
            self._forgotten()

    def _take(self, size: int) -> Region:
        with self._lock:
            for index, region in enumerate(self._free):
                if region.size >= size:
                    return self._free.pop(index)
            smaller = self._free.pop() if self._free else None
        # One that is too small is replaced, so that there are never more regions than calls at one time. Triton keeps
        # what it was told of: with powers of two, that is no more than as much again.
        if smaller is not None:
            _discard(smaller)
        return Region(SharedMemory(create=True, size=max(_LEAST_BYTES, 1 << (size - 1).bit_length())))


def _discard_all(regions: list[Region]) -> None:
    while regions:
        _discard(regions.pop())


def _discard(region: Region) -> None:
    region.memory.close()
    region.memory.unlink()
