"""DICOM studies: read, chosen from, and every series with a changed file made into NIfTI."""

from __future__ import annotations

import tempfile
from pathlib import Path
from unittest.mock import patch

from glioserve.dicom import Series, choose_series, geometry, read_study, write_nifti
from glioserve.errors import LocalInputError, OutputError

from imaging.nifti import NiftiError, read_nifti_image_file
from tests.client.dicom.studies import BIRTH_DATE, NAME, PATIENT_ID
from tests.fuzz.dicom_bases import APART, PACKED, packed, studies
from tests.fuzz.dicom_edits import inputs
from tests.fuzz.judge import without_numbers
from tests.fuzz.parcel import Base, Parcel

__all__ = ["bases", "inputs", "target"]

MAX_VOXELS = 2**20
"""In place of the true bound, so that what is taken beyond it is seen."""
MAX_SERIES = 8


def target(data: bytes) -> str:
    """All that is done to a study before anything is sent."""
    with tempfile.TemporaryDirectory() as folder, patch.object(geometry, "MAX_VOXELS", MAX_VOXELS):
        path, changed = Parcel.of(data).unpack(Path(folder), studies())
        try:
            study = read_study(path)
        except LocalInputError as error:
            return f"read: {_told(error)}"
        told = set()
        try:
            choose_series(study)
        except LocalInputError as error:
            told.add(f"choose: {_told(error)}")
        for series in study.series[:MAX_SERIES]:
            if not changed or changed.intersection(each.name for each in series.slices):
                told.add(_converted(series, Path(folder, "out.nii")))
        return "; ".join(sorted(told)) or "all files as they were"


def _converted(series: Series, out: Path) -> str:
    try:
        write_nifti(series, out)
    except (LocalInputError, OutputError) as error:
        return f"write: {_told(error)}"
    try:
        read_nifti_image_file(out, field="t1")
    except NiftiError as error:
        return f"written, but {type(error).__name__}"
    return "written"


def _told(error: LocalInputError | OutputError) -> str:
    if any(secret in str(error) for secret in (NAME, PATIENT_ID, BIRTH_DATE)):
        raise ValueError("an error that names the patient")
    if isinstance(error, OutputError):
        return f"OutputError {error}"
    if error.got.endswith("Warning"):
        raise RuntimeError(f"{error.got}, which would have been printed with what it cites")
    got = f" {error.got}" if error.got.endswith("Error") else ""
    return f"{type(error).__name__} {without_numbers(error.rule)}{got}"


def bases() -> tuple[bytes, ...]:
    """Parcels that are accepted: a slice alone, and whole series."""
    classic, enhanced = studies()[Base.CLASSIC], studies()[Base.ENHANCED]
    parcels = [
        Parcel(Base.CLASSIC, zipped=False, files=((0, classic[0]),)),
        Parcel(Base.CLASSIC, zipped=True, files=((4, classic[4]), (5, classic[5]))),
        *(Parcel(Base.ENHANCED, zipped=bool(place), files=((place, enhanced[place]),)) for place in range(2)),
        *(Parcel(Base.CLASSIC, zipped=False, files=tuple(enumerate(packed(kind)))) for kind in PACKED[1:]),
        *(Parcel(Base.NOTHING, zipped=False, files=tuple(enumerate(packed(kind)[:2]))) for kind in (*PACKED, APART)),
    ]
    return tuple(parcel.to_bytes() for parcel in parcels)
