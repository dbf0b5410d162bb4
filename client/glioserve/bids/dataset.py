"""A BIDS data set as it is read: its subjects and sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from glioserve.errors import LocalInputError
from glioserve.exam_files import PathLike

DESCRIPTION = "dataset_description.json"
_LABEL = re.compile(r"[a-zA-Z0-9+]+")


@dataclass(frozen=True, order=True)
class Session:
    """One visit of one subject.

    Args:
        subject: Its label, without `sub-`.
        session: Its label, without `ses-`; empty in data sets without sessions.
    """

    subject: str
    session: str = ""

    @property
    def prefix(self) -> str:
        """How the names of its files begin, e.g. `sub-01_ses-2`."""
        return f"sub-{self.subject}_ses-{self.session}" if self.session else f"sub-{self.subject}"

    @property
    def folder(self) -> str:
        """Where its anatomical images are, from the data set's root."""
        return f"sub-{self.subject}/ses-{self.session}/anat" if self.session else f"sub-{self.subject}/anat"


@dataclass(frozen=True)
class Dataset:
    """A data set on disk.

    Args:
        root: Its folder.
    """

    root: Path

    @classmethod
    def open(cls, folder: PathLike) -> Dataset:
        """The data set in a folder.

        Raises:
            LocalInputError: There is no data set, or it holds derivatives, not exams.
        """
        root = Path(folder)
        try:
            described = json.loads((root / DESCRIPTION).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            rule = f"must be a BIDS data set, with a {DESCRIPTION} that can be read"
            raise LocalInputError("bids_dir", rule, type(error).__name__) from None
        if not isinstance(described, dict) or "BIDSVersion" not in described:
            raise LocalInputError("bids_dir", f"must state BIDSVersion in its {DESCRIPTION}", "none")
        if described.get("DatasetType", "raw") == "derivative":
            raise LocalInputError("bids_dir", "must hold the exams as acquired", "DatasetType derivative")
        return cls(root)

    def sessions(self, participants: Sequence[str] = (), sessions: Sequence[str] = ()) -> tuple[Session, ...]:
        """The sessions with a folder of anatomical images, sorted.

        Args:
            participants: Labels of subjects, with or without `sub-`; all if empty.
            sessions: Labels of sessions, with or without `ses-`; all if empty.

        Raises:
            LocalInputError: A label is not in the data set, or there is nothing at all.
        """
        found = self._sessions()
        if not found:
            raise LocalInputError(
                "bids_dir", "must hold anatomical images below sub-*/anat or sub-*/ses-*/anat", "none"
            )
        wanted = _labels(participants, "sub-", {each.subject for each in found}, "participant_label")
        visits = _labels(sessions, "ses-", {each.session for each in found}, "session_label")
        chosen = tuple(each for each in found if each.subject in wanted and each.session in visits)
        if not chosen:
            raise LocalInputError("session_label", "must be a session of one of the participants", "none of theirs")
        return chosen

    def _sessions(self) -> tuple[Session, ...]:
        try:
            folders = [*self.root.glob("sub-*/anat"), *self.root.glob("sub-*/ses-*/anat")]
            labels = [folder.relative_to(self.root).parts[:-1] for folder in folders if folder.is_dir()]
        except OSError as error:
            raise LocalInputError("bids_dir", "must be a folder that can be read", type(error).__name__) from None
        named = ([part.split("-", 1)[1] for part in parts] for parts in labels)
        return tuple(sorted(Session(*each) for each in named if all(_LABEL.fullmatch(label) for label in each)))


def _labels(given: Sequence[str], prefix: str, known: set[str], field: str) -> set[str]:
    wanted = {each.removeprefix(prefix) for each in given}
    if unknown := wanted - known:
        raise LocalInputError(field, "must be in the data set", f"{len(unknown)} that are not")
    return wanted or known
