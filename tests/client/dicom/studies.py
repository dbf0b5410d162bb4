"""DICOM studies of nobody, written by pydicom: a head of four contrasts, as scanners and archives write them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from glioserve import Modality
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid

NAME, PATIENT_ID, BIRTH_DATE = "Doe^Jane", "MRN-0042", "19700101"
"""To be looked for where they must not be."""

SHAPE = (24, 20, 12)
SPACING = (5.0, 6.0, 10.0)
"""Each axis is at least 100 mm long."""
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])

Array = npt.NDArray[np.generic]
Affine = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Acquired:
    """How a series was acquired."""

    description: str = ""
    te_ms: float | None = None
    tr_ms: float | None = None
    ti_ms: float | None = None
    scanning: tuple[str, ...] = ("SE",)
    agent: str | None = None
    image_type: tuple[str, ...] = ("ORIGINAL", "PRIMARY", "M", "ND")
    protocol: str = ""
    more: Mapping[str, object] = dataclasses.field(default_factory=dict)


AS_ACQUIRED = {
    Modality.T1: Acquired("AX T1", 10, 500),
    Modality.T1CE: Acquired("AX T1 +C", 10, 500, agent="Gadolinium"),
    Modality.T2: Acquired("AX T2 FSE", 100, 4500),
    Modality.FLAIR: Acquired("AX T2 FLAIR", 130, 9000, 2300, scanning=("SE", "IR")),
}
NUMBERS = {Modality.T1: 3, Modality.T1CE: 7, Modality.T2: 4, Modality.FLAIR: 5}


def axial(spacing: Sequence[float] = SPACING, origin: Sequence[float] = (60.0, 55.0, -60.0)) -> Affine:
    """Slices from feet to head, rows from the patient's right to left, columns from front to back (LPS)."""
    affine = np.diag([*(float(each) for each in spacing), 1.0])
    affine[:3, 3] = -np.array(origin)
    return LPS_TO_RAS @ affine


def oblique() -> Affine:
    """Turned about all three axes."""
    turned = np.eye(4)
    for angle, (a, b) in ((0.3, (0, 1)), (-0.2, (1, 2)), (0.15, (0, 2))):
        turn = np.eye(4)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        turned = turned @ turn
    return turned @ axial()


def head(modality: Modality, shape: tuple[int, int, int] = SHAPE) -> npt.NDArray[np.uint16]:
    """No two voxels alike, no axis like another, `uint16 [i, j, k]`."""
    i, j, k = np.indices(shape)
    offset = 100 * (1 + list(Modality).index(modality))
    return np.asarray(offset + i + 24 * j + 24 * 20 * (k % 3) + 7 * k, dtype=np.uint16)


@dataclass(frozen=True)
class Writer:
    """One study on disk.

    Args:
        folder: Where its files lie.
        study_uid: StudyInstanceUID.
        patient_id: PatientID.
    """

    folder: Path
    study_uid: UID = dataclasses.field(default_factory=generate_uid)
    frame_of_reference: UID = dataclasses.field(default_factory=generate_uid)
    patient_id: str = PATIENT_ID

    def classic(
        self,
        array: Array,
        acquired: Acquired,
        number: int,
        *,
        affine: Affine | None = None,
        change: Callable[[int, FileDataset], None] = lambda *_: None,
    ) -> str:
        """One file per slice, in no order. `change` sees each before it is written.

        Returns:
            The SeriesInstanceUID.
        """
        series_uid = generate_uid()
        affine = LPS_TO_RAS @ (axial() if affine is None else affine)
        folder = self.folder / f"s{number}" / "a"
        folder.mkdir(parents=True, exist_ok=True)
        for k in range(array.shape[2]):
            dataset = self._common(MRImageStorage, series_uid, number, acquired)
            _timing(dataset, acquired)
            dataset.InstanceNumber = k + 1
            dataset.ImageOrientationPatient = _orientation(affine)
            dataset.ImagePositionPatient = decimals(affine[:3, 3] + k * affine[:3, 2])
            dataset.PixelSpacing = _pixel_spacing(affine)
            (dataset.SliceThickness,) = decimals([np.linalg.norm(affine[:3, 2])])
            set_pixels(dataset, array[:, :, k].T)
            change(k, dataset)
            dataset.save_as(folder / f"{(k * 7919) % 997:03d}.dcm", enforce_file_format=True)
        return str(series_uid)

    def enhanced(
        self,
        array: Array,
        acquired: Acquired,
        number: int,
        *,
        affine: Affine | None = None,
        order: Sequence[int] | None = None,
        change: Callable[[FileDataset], None] = lambda _: None,
    ) -> str:
        """One multi-frame file, frames in the order given."""
        series_uid = generate_uid()
        affine = LPS_TO_RAS @ (axial() if affine is None else affine)
        self.folder.mkdir(parents=True, exist_ok=True)
        order = range(array.shape[2]) if order is None else order
        dataset = self._common(EnhancedMRImageStorage, series_uid, number, acquired)
        dataset.AcquisitionDateTime = "20200102030405"
        dataset.AcquisitionNumber = 1
        dataset.InstanceNumber = 1
        dataset.NumberOfFrames = array.shape[2]
        dataset.EchoPulseSequence = "GRADIENT" if acquired.scanning == ("GR",) else "SPIN"
        dataset.EchoPlanarPulseSequence = "NO"
        dataset.SharedFunctionalGroupsSequence = [_shared(affine, acquired)]
        dataset.PerFrameFunctionalGroupsSequence = [_frame(affine, k, n) for n, k in enumerate(order)]
        dataset.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=(uid := generate_uid()))]
        dataset.DimensionIndexSequence = [
            _item(
                DimensionOrganizationUID=uid,
                DimensionIndexPointer=0x00209057,
                FunctionalGroupPointer=0x00209111,
            )
        ]
        set_pixels(dataset, np.stack([array[:, :, k].T for k in order]))
        change(dataset)
        dataset.save_as(self.folder / f"enhanced{number}", enforce_file_format=True)
        return str(series_uid)

    def exam(self, *, affine: Affine | None = None, enhanced: bool = False) -> dict[Modality, str]:
        """The four contrasts, `head` of each.

        Returns:
            Their SeriesInstanceUIDs.
        """
        write = self.enhanced if enhanced else self.classic
        return {
            modality: write(head(modality), acquired, NUMBERS[modality], affine=affine)
            for modality, acquired in AS_ACQUIRED.items()
        }

    def _common(self, kind: str, series_uid: UID, number: int, acquired: Acquired) -> FileDataset:
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = kind
        meta.MediaStorageSOPInstanceUID = generate_uid()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        values = {
            "SOPClassUID": kind,
            "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
            "PatientName": NAME,
            "PatientID": self.patient_id,
            "PatientBirthDate": BIRTH_DATE,
            "PatientSex": "F",
            "StudyInstanceUID": self.study_uid,
            "SeriesInstanceUID": series_uid,
            "FrameOfReferenceUID": self.frame_of_reference,
            "PositionReferenceIndicator": "",
            "StudyDate": "20200102",
            "StudyTime": "030405",
            "StudyID": "1",
            "AccessionNumber": "",
            "ReferringPhysicianName": "",
            "Modality": "MR",
            "Manufacturer": "Nobody",
            "SeriesNumber": number,
            "SeriesDescription": acquired.description,
            "ProtocolName": acquired.protocol,
            "ImageType": list(acquired.image_type),
            "ContentDate": "20200102",
            "ContentTime": "030405",
            **acquired.more,
        }
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        if acquired.agent is not None:
            dataset.ContrastBolusAgent = acquired.agent
        return dataset


def set_pixels(dataset: Dataset, pixels: Array) -> None:
    """Grey values of 16 bits, `[row, column]` or `[frame, row, column]`."""
    signed = pixels.dtype == np.int16
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = pixels.astype("<i2" if signed else "<u2").tobytes()


def _item(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def _timing(dataset: Dataset, acquired: Acquired) -> None:
    dataset.ScanningSequence = list(acquired.scanning)
    for keyword, value in (
        ("EchoTime", acquired.te_ms),
        ("RepetitionTime", acquired.tr_ms),
        ("InversionTime", acquired.ti_ms),
    ):
        if value is not None:
            setattr(dataset, keyword, value)


def decimals(values: Iterable[float | np.floating]) -> list[str]:
    """Of at most 16 characters."""
    return [f"{float(each):.10g}" for each in values]


def _orientation(lps: Affine) -> list[str]:
    directions = lps[:3, :2] / np.linalg.norm(lps[:3, :2], axis=0)
    return decimals(directions.T.ravel())


def _pixel_spacing(lps: Affine) -> list[str]:
    """Between rows, then between columns."""
    return decimals([np.linalg.norm(lps[:3, 1]), np.linalg.norm(lps[:3, 0])])


def _shared(lps: Affine, acquired: Acquired) -> Dataset:
    groups = {
        "PixelMeasuresSequence": _item(
            PixelSpacing=_pixel_spacing(lps), SliceThickness=decimals([np.linalg.norm(lps[:3, 2])])[0]
        ),
        "PlaneOrientationSequence": _item(ImageOrientationPatient=_orientation(lps)),
        "MRImageFrameTypeSequence": _item(
            FrameType=list(acquired.image_type), ComplexImageComponent="MAGNITUDE", AcquisitionContrast="UNKNOWN"
        ),
    }
    if acquired.te_ms is not None and acquired.tr_ms is not None:
        groups["MRTimingAndRelatedParametersSequence"] = _item(RepetitionTime=acquired.tr_ms)
        groups["MREchoSequence"] = _item(EffectiveEchoTime=acquired.te_ms)
    if acquired.ti_ms is not None:
        groups["MRModifierSequence"] = _item(InversionRecovery="YES", InversionTimes=acquired.ti_ms)
    return _item(**{keyword: [item] for keyword, item in groups.items()})


def _frame(lps: Affine, k: int, index: int) -> Dataset:
    position = _item(ImagePositionPatient=decimals(lps[:3, 3] + k * lps[:3, 2]))
    return _item(
        PlanePositionSequence=[position],
        FrameContentSequence=[_item(StackID="1", InStackPositionNumber=index + 1, DimensionIndexValues=[k + 1])],
    )
