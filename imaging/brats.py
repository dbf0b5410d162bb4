"""BraTS cases of 2018 to 2024 in a folder tree, found by folder and file names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from imaging.errors import GeometryError, ImagingError, LabelError
from imaging.exam import Exam
from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.nifti import read_nifti_file, read_nifti_header_file
from imaging.regions import BoolVolume, Region

REFERENCE = "reference"


class BratsError(ImagingError):
    """A folder that does not hold what BraTS cases are made of.

    The message names no file, as a case's name may come from a patient's; `folder` is for local use.

    Args:
        field: What the fault is about.
        rule: What must hold.
        got: What was found instead.
        folder: Where it was found.
    """

    def __init__(self, field: str, rule: str, got: str, *, folder: Path) -> None:
        super().__init__(field, rule, got)
        self.folder = folder


class BratsNotFoundError(BratsError):
    """There is no BraTS case in the folder."""


class BratsMissingError(BratsError):
    """A case lacks a file."""


class BratsAmbiguousError(BratsError):
    """Two files, or two cases, claim to be the same."""


class BratsNaming(StrEnum):
    """How a case's files are named."""

    BRATS_2018 = "brats2018"
    """2017 to 2020: `Brats18_TCIA01_425_1_t1ce.nii.gz`, `BraTS20_Training_001_t1ce.nii.gz`."""
    BRATS_2021 = "brats2021"
    """2021: `BraTS2021_00002_t1ce.nii.gz`."""
    BRATS_2023 = "brats2023"
    """2023 and 2024, which names alone do not tell apart: `BraTS-GLI-00002-000-t1c.nii.gz`."""
    PLAIN = "plain"
    """The suffixes of 2018 to 2021 behind any other name: `case7_t1ce.nii.gz`."""


class SchemeOrigin(StrEnum):
    """Why a case has the label scheme it has. Stated in results."""

    DECLARED = "declared"
    """The caller said so."""
    INFERRED = "inferred"
    """The naming allows no other reading of any label that the scheme accepts."""
    UNKNOWN = "unknown"
    """Nobody said so and the naming does not tell; labels can't be read until a scheme is declared."""


@dataclass(frozen=True)
class BratsCase:
    """One exam of a patient, on disk.

    Args:
        case_id: The name that the files share, e.g. `BraTS-GLI-01234-100`.
        patient_id: The same for all exams of one patient, across the years where their names tell.
            Data are split by it, so that no patient is on both sides.
        naming: How the files are named.
        files: The four modalities' files.
        reference: The file of the experts' labels, where there is one.
        label_scheme: How its labels are read; None where unknown.
        scheme_origin: Why.
    """

    case_id: str
    patient_id: str
    naming: BratsNaming
    files: Mapping[Modality, Path] = field(hash=False)
    reference: Path | None
    label_scheme: LabelScheme | None
    scheme_origin: SchemeOrigin

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return next(iter(self.files.values())).parent


_EXTENSION = r"\.nii(?:\.gz)?"
_DASHED = re.compile(rf"(?P<case>BraTS-[A-Za-z]+-\d+-\d+)-(?P<kind>t1n|t1c|t2w|t2f|seg){_EXTENSION}", re.IGNORECASE)
_UNDERSCORED = re.compile(rf"(?P<case>.+)_(?P<kind>t1|t1ce|t2|flair|seg){_EXTENSION}", re.IGNORECASE)
_KINDS: Mapping[str, Modality] = MappingProxyType(
    {modality.value: modality for modality in Modality}
    | {"t1n": Modality.T1, "t1c": Modality.T1CE, "t2w": Modality.T2, "t2f": Modality.FLAIR}
)

_YEAR_2021 = re.compile(r"BraTS2021_(?P<patient>\d+)", re.IGNORECASE)
_YEAR_2020 = re.compile(r"BraTS(?P<patient>20_[A-Za-z]+_\d+)", re.IGNORECASE)
_YEAR_2018 = re.compile(r"BraTS1[789]_(?P<patient>.+)_\d+", re.IGNORECASE)
_PHANTOM = re.compile(r"(?P<patient>Phantom_\d+)", re.IGNORECASE)
_SYNTHETIC = re.compile(r"BraTS-(?P<patient>SYN-\d+)-\d+", re.IGNORECASE)
_GLIOMA_2023 = re.compile(r"BraTS-GLI-(?P<patient>\d+)-\d+", re.IGNORECASE)
_OTHER_2023 = re.compile(r"BraTS-(?P<patient>[A-Za-z]+-\d+)-\d+", re.IGNORECASE)

# Names whose labels can be read in one way only. From 2018 to 2021 a 4 is ET and no 3 exists. In 2023 and 2024
# the values 1 to 3 mean the same; the scheme of 2023 refuses a 4 (2024's resection cavity), which then
# has to be declared. Other tumours' sets (PED, MEN, MET ...) changed or do not fit: always declared.
_NAMINGS: tuple[tuple[re.Pattern[str], BratsNaming, LabelScheme | None], ...] = (
    (_YEAR_2021, BratsNaming.BRATS_2021, LabelScheme.BRATS_2018),
    (_YEAR_2020, BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),
    (_YEAR_2018, BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),
    (_PHANTOM, BratsNaming.BRATS_2018, LabelScheme.BRATS_2018),  # ours, see imaging.phantom
    (_SYNTHETIC, BratsNaming.BRATS_2023, LabelScheme.BRATS_2023),  # ours as well, see serving.batch
    (_GLIOMA_2023, BratsNaming.BRATS_2023, LabelScheme.BRATS_2023),
    (_OTHER_2023, BratsNaming.BRATS_2023, None),
)


def find_cases(root: Path, *, label_scheme: LabelScheme | None = None) -> tuple[BratsCase, ...]:
    """All cases in a folder or below it (a case's own folder, a whole set, HGG and LGG folders).

    Files that are not named as BraTS names them are passed over, as are hidden ones.

    Args:
        root: Where to look. Links to folders are followed.
        label_scheme: How the labels of all cases here are read; without it, as far as names tell.

    Returns:
        The cases, sorted by `case_id`.

    Raises:
        BratsNotFoundError: There is none, or no such folder.
        BratsMissingError: A case lacks a modality.
        BratsAmbiguousError: A file is there twice (.nii and .nii.gz), or a case in two folders.
        OSError: A folder can't be read.
    """
    if not root.is_dir():
        raise BratsNotFoundError("folder", "must be a folder", "none", folder=root)
    found: dict[str, BratsCase] = {}
    for folder, names in _walk(root):
        for case_id, files in _group(folder, names).items():
            if case_id in found:
                raise BratsAmbiguousError("case", "must be in one folder", "the same case in two", folder=folder)
            found[case_id] = _case(case_id, files, folder, label_scheme)
    if not found:
        raise BratsNotFoundError("folder", "must hold BraTS cases", "none", folder=root)
    return tuple(found[case_id] for case_id in sorted(found))


def load_exam(case: BratsCase) -> Exam:
    """The four modalities of a case.

    Raises:
        NiftiError: A file is not what it should be.
        GeometryError: The modalities lie on different grids.
        ExamError: Two modalities hold the same voxels.
        OSError: A file can't be read.
    """
    return Exam({modality: read_nifti_file(path, field=modality.value) for modality, path in case.files.items()})


def load_reference(case: BratsCase) -> dict[Region, BoolVolume]:
    """The experts' regions of a case, `bool [i, j, k]` each, on the grid of its exam.

    Raises:
        BratsMissingError: The case has no reference.
        LabelError: The label scheme is not known, or does not know a value.
        GeometryError: The labels lie on another grid than the exam.
        NiftiError: A file is not what it should be.
        OSError: A file can't be read.
    """
    if case.reference is None:
        raise BratsMissingError(REFERENCE, "must be there", "none", folder=case.folder)
    if case.label_scheme is None:
        raise LabelError("label_scheme", "must be declared where names do not tell it", "none")
    labels = read_nifti_file(case.reference, field=REFERENCE)
    first, path = next(iter(case.files.items()))
    exam_grid = read_nifti_header_file(path, field=first.value).grid
    if not labels.grid.matches(exam_grid):
        raise GeometryError(
            REFERENCE, f"must lie on the exam's grid, shape {exam_grid.shape}", f"another, shape {labels.grid.shape}"
        )
    return case.label_scheme.to_regions(labels.voxels, field=REFERENCE)


def _walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Folders and the names of their files, in a fixed order, each folder once though links may form a ring."""
    seen: set[Path] = set()
    for folder, subfolders, names in os.walk(root, onerror=_raise, followlinks=True):
        real = Path(folder).resolve()
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders.sort()
        yield Path(folder), sorted(names)


def _raise(error: OSError) -> None:
    raise error


def _group(folder: Path, names: list[str]) -> dict[str, dict[str, Path]]:
    """The files of each case in one folder, by kind (`t1`, `t1n`, ... `seg`) in lower case."""
    cases: dict[str, dict[str, Path]] = {}
    for name in names:
        match = _DASHED.fullmatch(name) or _UNDERSCORED.fullmatch(name)
        if match is None or name.startswith("."):
            continue
        files = cases.setdefault(match["case"], {})
        kind = match["kind"].lower()
        if kind in files:
            raise BratsAmbiguousError(kind, "must be one file per case", "two", folder=folder)
        files[kind] = folder / name
    return cases


def _case(case_id: str, files: dict[str, Path], folder: Path, declared: LabelScheme | None) -> BratsCase:
    by_modality = {_KINDS[kind]: path for kind, path in files.items() if kind in _KINDS}
    missing = [modality.value for modality in Modality if modality not in by_modality]
    if missing:
        raise BratsMissingError(missing[0], "must be there", f"a case without {', '.join(missing)}", folder=folder)
    patient_id, naming, inferred = _read_name(case_id)
    scheme, origin = inferred, SchemeOrigin.INFERRED if inferred else SchemeOrigin.UNKNOWN
    if declared:
        scheme, origin = declared, SchemeOrigin.DECLARED
    return BratsCase(
        case_id=case_id,
        patient_id=patient_id,
        naming=naming,
        files=MappingProxyType({modality: by_modality[modality] for modality in Modality}),
        reference=files.get("seg"),
        label_scheme=scheme,
        scheme_origin=origin,
    )


def _read_name(case_id: str) -> tuple[str, BratsNaming, LabelScheme | None]:
    for pattern, naming, scheme in _NAMINGS:
        if match := pattern.fullmatch(case_id):
            return match["patient"].upper(), naming, scheme
    return case_id, BratsNaming.PLAIN, None
