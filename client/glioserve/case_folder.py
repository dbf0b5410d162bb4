"""Finds the files of an exam in a folder, by the names that BraTS gave them from 2017 to 2024.

| | T1 | T1CE | T2 | FLAIR | labels |
|---|---|---|---|---|---|
| to 2021 | `X_t1` | `X_t1ce` | `X_t2` | `X_flair` | `X_seg` |
| from 2023 | `X-t1n` | `X-t1c` | `X-t2w` | `X-t2f` | `X-seg` |

each with `.nii` or `.nii.gz`. The names up to 2021 tell the label scheme of the labels, as long as their values agree;
those from 2023 on do not, because adult, post-treatment and paediatric labels share them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from glioserve.errors import AmbiguousModalityError, LocalInputError, MissingModalityError
from glioserve.exam_files import Case, ExamFiles, PathLike, Reference
from glioserve.nifti import read_array
from glioserve.terms import LabelScheme, Modality

REFERENCE = "reference"
"""The role of a label map, beside the four modalities'."""

INFERRED_NOTE = (
    "The reference was found in the case folder; its label scheme, brats2018, was inferred from the file names "
    "and agrees with the label values."
)
UNDECLARED_WARNING = (
    "A reference was found in the case folder but not used: its file name does not tell which label scheme it follows. "
    "Declare the reference label scheme to score against it."
)
CONTRADICTED_WARNING = (
    "A reference was found in the case folder but not used: its file name stands for the label scheme brats2018, "
    "which does not know all of its label values. Declare the reference label scheme to score against it."
)


class Naming(Enum):
    """How a folder's files are named: the pattern of a name, and the role of each suffix."""

    BRATS_2018 = ("_", {"t1": "t1", "t1ce": "t1ce", "t2": "t2", "flair": "flair", "seg": REFERENCE})
    BRATS_2023 = ("-", {"t1n": "t1", "t1c": "t1ce", "t2w": "t2", "t2f": "flair", "seg": REFERENCE})

    def match(self, name: str) -> tuple[str, str] | None:
        """The case and the role that a file name states, or None for a file of another kind."""
        separator, roles = self.value
        pattern = rf"(?P<case>.+){re.escape(separator)}(?P<suffix>{'|'.join(roles)})\.nii(\.gz)?"
        found = re.fullmatch(pattern, name, flags=re.IGNORECASE)
        return None if found is None else (found["case"], roles[found["suffix"].lower()])

    def stem(self, case: str, role: str) -> str:
        """The name of a case's file of this role, without its extension."""
        separator, roles = self.value
        return f"{case}{separator}{next(suffix for suffix, named in roles.items() if named == role)}"

    def pattern(self, role: str) -> str:
        """How a file of this role is named, for messages."""
        return f"{self.stem('*', role)}.nii[.gz]"


@dataclass(frozen=True)
class _Found:
    naming: Naming
    case: str
    path: Path


def find_case(folder: PathLike, *, reference_label_scheme: LabelScheme | None = None) -> Case:
    """The exam in a folder, and its reference where there is one that can be used.

    Args:
        folder: Holds the files of one exam; others than those of the table above are ignored.
        reference_label_scheme: What the values of the reference mean. Without it, a reference named as up to 2021 whose
            values agree is taken for `BRATS_2018`, which the case notes; any other is left out, with a warning.

    Raises:
        MissingModalityError: A contrast is not there.
        AmbiguousModalityError: There are several files for one role, or files of several cases.
        LocalInputError: It is not a folder that can be read, or the scheme is given and there is no reference.
    """
    files = _list(Path(folder))
    paths = {modality: _only(files[modality.value], modality.value, files) for modality in Modality}
    _check_one_case(found for role in files for found in files[role])
    exam = ExamFiles(**{modality.value: found.path for modality, found in paths.items()})
    if not files[REFERENCE]:
        if reference_label_scheme is not None:
            raise LocalInputError("reference_label_scheme", "must come with a reference", "a folder without one")
        return Case(exam)
    return _with_reference(exam, _only(files[REFERENCE], REFERENCE, files), reference_label_scheme)


def find_contrasts(folder: PathLike) -> dict[Modality, Path]:
    """The contrasts that are in a folder, at least one of them. Names are those of `find_case`.

    Raises:
        MissingModalityError: There is none.
        AmbiguousModalityError: There are several files for one contrast, or files of several cases.
        LocalInputError: It is not a folder that can be read.
    """
    files = _list(Path(folder))
    found = {
        modality: _only(files[modality.value], modality.value, files) for modality in Modality if files[modality.value]
    }
    if not found:
        raise MissingModalityError("case_dir", "must hold a contrast, named as in BraTS", "none")
    _check_one_case(found.values())
    return {modality: each.path for modality, each in found.items()}


def _list(folder: Path) -> defaultdict[str, list[_Found]]:
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise LocalInputError("case_dir", "must be a folder that can be read", type(error).__name__) from None
    files: defaultdict[str, list[_Found]] = defaultdict(list)
    for name in names:
        for naming in Naming:
            if matched := naming.match(name):
                case, role = matched
                files[role].append(_Found(naming, case, folder / name))
    return files


def _check_one_case(found: Iterable[_Found]) -> None:
    cases = {(each.naming, each.case) for each in found}
    if len(cases) > 1:
        raise AmbiguousModalityError("case_dir", "must hold the files of one case", f"files of {len(cases)}")


def _only(found: list[_Found], role: str, files: defaultdict[str, list[_Found]]) -> _Found:
    patterns = " or ".join(naming.pattern(role) for naming in Naming)
    if not found:
        others = sum(len(each) for each in files.values())
        raise MissingModalityError(role, f"must be there as {patterns}", f"none beside {others} files of other roles")
    if len(found) > 1:
        raise AmbiguousModalityError(role, f"must be one file, {patterns}", f"{len(found)} files")
    return found[0]


def _with_reference(exam: ExamFiles, found: _Found, declared: LabelScheme | None) -> Case:
    if declared is not None:
        return Case(exam, Reference(found.path, declared))
    if found.naming is not Naming.BRATS_2018:
        return Case(exam, warnings=(UNDECLARED_WARNING,))
    scheme = LabelScheme.BRATS_2018
    known = {0, *set().union(*scheme.region_labels.values())}
    values = set(np.unique(read_array(found.path, field=REFERENCE)).tolist())
    if not values <= known:
        return Case(exam, warnings=(CONTRADICTED_WARNING,))
    return Case(exam, Reference(found.path, scheme), notes=(INFERRED_NOTE,))
