"""The key of a study: what each slice truly is. Readers never see it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from imaging.modality import Modality
from training.reader_study.documents import Document, ItemId, StudyId, read_document


class Truth(StrEnum):
    """Where a slice comes from. Readers judge in the same two words."""

    REAL = "real"
    SYNTHETIC = "synthetic"


class KeyItem(Document):
    """What a slice truly is."""

    modality: Modality
    truth: Truth


class StudyKey(Document):
    """The truth of a study.

    Args:
        format: Names this kind of file.
        study_id: The study, as answers name it.
        title: The study, as readers see it.
        seed: What the order and the names of the slices were drawn from. Who knows it and the order in which the
            slices were handed to `make_kit` knows the truth.
        items: Every slice, in the order of the page.
    """

    format: Literal["glioserve.reader-key/1"] = "glioserve.reader-key/1"
    study_id: StudyId
    title: str
    seed: int
    items: Annotated[dict[ItemId, KeyItem], Field(min_length=1)]


def load_key(path: Path) -> StudyKey:
    """The key that `make_kit` wrote.

    Raises:
        TrainingError: There is none, or it is not a key.
    """
    return read_document(path, StudyKey)
