"""DICOM studies in, DICOM segmentations out. Needs the extra: `pip install glioserve[dicom]`.

Nothing that identifies a patient leaves this machine by way of it: only voxels are sent to a server, and errors hold no
names, numbers, dates or descriptions.
"""

from glioserve.errors import MissingExtraError

try:
    from glioserve.dicom.choose import Choice, ChoiceError, Row, choose_series
    from glioserve.dicom.convert import write_nifti
    from glioserve.dicom.read import read_study
    from glioserve.dicom.seg import write_seg
    from glioserve.dicom.segment import StudyResult, segment_choice, segment_study
    from glioserve.dicom.series import Series, Study
except ModuleNotFoundError as error:
    module = str(error.name).partition(".")[0]
    if module not in {"pydicom", "highdicom"}:
        raise
    raise MissingExtraError(extra="dicom", module=module) from None

__all__ = [
    "Choice",
    "ChoiceError",
    "Row",
    "Series",
    "Study",
    "StudyResult",
    "choose_series",
    "read_study",
    "segment_choice",
    "segment_study",
    "write_nifti",
    "write_seg",
]
