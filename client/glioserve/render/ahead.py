"""What pictures show of an exam whatever is found in it, read while the server is at work."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from glioserve.exam_files import Case
from glioserve.nifti import Voxels, read_array
from glioserve.render.contrast import Intensities
from glioserve.terms import Modality


@dataclass(frozen=True, eq=False)
class Backdrop:
    """An exam without what was found in it.

    Args:
        case: Its files, and how its reference is read.
        contrasts: All four.
        reference: The labels of the reference, `[i, j, k]`, RAS+ order; None where there is none.
    """

    case: Case
    contrasts: Mapping[Modality, Intensities]
    reference: Voxels | None


class ReadAhead:
    """Reads an exam in a thread of its own, file by file. Use it in a `with` statement.

    Args:
        case: The exam.
    """

    def __init__(self, case: Case) -> None:
        self._case = case
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="glioserve-read-ahead")
        self._contrasts: dict[Modality, Future[Intensities]] = {
            each: self._pool.submit(Intensities.read, case.exam.path(each), field=each.value) for each in Modality
        }
        self._reference: Future[Voxels] | None = None
        if case.reference is not None:
            self._reference = self._pool.submit(read_array, case.reference.path, field="reference")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the reading after the file in hand."""
        self._pool.shutdown(cancel_futures=True)

    def backdrop(self) -> Backdrop:
        """What was read, once all of it is.

        Raises:
            LocalInputError: A file can't be read.
        """
        reference = None if self._reference is None else self._reference.result()
        contrasts = {modality: each.result() for modality, each in self._contrasts.items()}
        return Backdrop(self._case, contrasts, reference)
