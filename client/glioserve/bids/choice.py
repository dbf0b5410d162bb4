"""Which images of a session are its T1, T1CE, T2 and FLAIR.

| | suffix | `ce` entity |
|---|---|---|
| T1 | `T1w` | no |
| T1CE | `T1w` | yes |
| T2 | `T2w` | |
| FLAIR | `FLAIR` | |

Parts of images (`chunk`) and images of something else than magnitude (`part-phase` and the like) are left out. Of
several candidates the one is taken whose name says least beyond subject, session and run (for T1CE: and agent); of
those the lowest run; of those the first by name. What was taken is noted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from glioserve.bids.dataset import Dataset, Session
from glioserve.bids.names import BidsName
from glioserve.errors import LocalInputError, MissingModalityError
from glioserve.exam_files import Case, ExamFiles
from glioserve.terms import Modality

AGENT = "ce"
_RULE = "fewest further entities, then lowest run, then first by name"
_SUFFIX = {Modality.T1: "T1w", Modality.T1CE: "T1w", Modality.T2: "T2w", Modality.FLAIR: "FLAIR"}
_WANTED = {
    Modality.T1: "T1w without ce-<agent>",
    Modality.T1CE: "T1w with ce-<agent>",
    Modality.T2: "T2w",
    Modality.FLAIR: "FLAIR",
}


@dataclass(frozen=True)
class Chosen:
    """The images of a session.

    Args:
        case: The four files, with a note on each that was chosen among several.
        names: Their names.
        paths: Where they are, from the data set's root, with `/`.
    """

    case: Case
    names: Mapping[Modality, BidsName]
    paths: Mapping[Modality, str]


@dataclass(frozen=True)
class _Candidate:
    name: BidsName
    path: Path

    def is_a(self, modality: Modality) -> bool:
        """Whether it can be this contrast. An agent tells T1 from T1CE, and nothing of the others."""
        entities = self.name.entities
        if "chunk" in entities or entities.get("part", "mag") != "mag" or self.name.suffix != _SUFFIX[modality]:
            return False
        return self.name.suffix != "T1w" or (AGENT in entities) is (modality is Modality.T1CE)

    def rank(self, modality: Modality) -> tuple[int, int, str]:
        """The lowest is taken."""
        plain = {"sub", "ses", "run"} | ({AGENT} if modality is Modality.T1CE else set())
        return len(set(self.name.entities) - plain), self.name.run, self.path.name


def choose_images(dataset: Dataset, session: Session) -> Chosen:
    """The images of a session.

    Raises:
        MissingModalityError: A contrast is not there.
        LocalInputError: The session's folder can't be read.
    """
    folder = dataset.root / session.folder
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise LocalInputError("bids_dir", "must be a folder that can be read", type(error).__name__) from None
    images = [_Candidate(name, path) for path in files if (name := BidsName.parse(path.name)) is not None]
    images = [each for each in images if each.path.name.startswith(f"{session.prefix}_")]
    taken: dict[Modality, _Candidate] = {}
    notes: list[str] = []
    for modality in Modality:
        candidates = sorted((each for each in images if each.is_a(modality)), key=lambda each: each.rank(modality))
        if not candidates:
            rule = f"must be there as {_WANTED[modality]}"
            raise MissingModalityError(modality.value, rule, f"none among {len(images)} images")
        taken[modality] = candidates[0]
        if len(candidates) > 1:
            taking = candidates[0].name.without("sub", "ses")
            notes.append(f"{modality.name}: {taking} was taken of {len(candidates)} candidates ({_RULE}).")
    return Chosen(
        case=Case(ExamFiles(**{each.value: found.path for each, found in taken.items()}), notes=tuple(notes)),
        names={each: found.name for each, found in taken.items()},
        paths={each: f"{session.folder}/{found.path.name}" for each, found in taken.items()},
    )
