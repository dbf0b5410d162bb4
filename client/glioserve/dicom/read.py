"""A folder or a zip archive into a study: every series of MR images, from the headers alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import MappingProxyType

from glioserve.dicom.container import FIELD, container_of
from glioserve.dicom.gathering import Gathering
from glioserve.dicom.header import read_header, reading
from glioserve.dicom.quiet import quiet
from glioserve.dicom.series import Study
from glioserve.errors import LocalInputError
from glioserve.exam_files import PathLike


def read_study(path: PathLike) -> Study:
    """Reads what a study holds.

    Files that are not DICOM, and objects that are not MR images, are passed over and counted. No pixels are read.

    Args:
        path: A folder of any depth, or a zip archive, which is not unpacked.

    Raises:
        LocalInputError: It can't be read or is too large, an MR image in it can't be read, there is none, or there
            are those of several studies or patients.
    """
    container = container_of(Path(path))
    names = container.names()
    passed_over: Counter[str] = Counter()
    gathered: dict[str, Gathering] = {}
    studies: set[str] = set()
    patients: set[str] = set()
    with quiet(), reading(), container.opened() as opened:
        for name in names:
            with opened(name) as stream:
                header = read_header(stream)
            if isinstance(header, str):
                passed_over[header] += 1
                continue
            uid = header.text("SeriesInstanceUID")
            gathered.setdefault(uid, Gathering(uid, header)).add(name, header)
            studies.add(header.text("StudyInstanceUID"))
            patients.add(header.text("PatientID"))
        series = [each.series(container) for each in gathered.values()]
    if not series:
        raise LocalInputError(FIELD, "must hold MR images", f"none in {len(names)} files")
    for what, found in (("study", studies), ("patient", patients)):
        if len(found) > 1:
            raise LocalInputError(FIELD, f"must be of one {what}", f"images of {len(found)}")
    series.sort(key=lambda each: (each.number is None, each.number or 0, each.uid))
    return Study(studies.pop(), tuple(series), MappingProxyType(dict(passed_over)))
