"""What a reader answered, as the page saves it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from training.errors import TrainingError
from training.reader_study.documents import Document, ItemId, StudyId, read_document
from training.reader_study.key import StudyKey, Truth

BEST_SCORE = 5
MAX_COMMENT_CHARACTERS = 500
MAX_READER_CHARACTERS = 24
ANSWERS_FORMAT = "glioserve.reader-answers/1"


class Answer(Document):
    """What a reader said of a slice (paper, section 3.1).

    Args:
        judgement: What the reader took it for.
        score: Image quality, 1 (poor) to 5 (excellent).
        comment: In the reader's words; may be empty.
        seconds: For how long the slice was on the screen, all visits together.
        answered_at: When the answer was last changed.
    """

    judgement: Truth
    score: Annotated[int, Field(ge=1, le=BEST_SCORE)]
    comment: Annotated[str, Field(max_length=MAX_COMMENT_CHARACTERS)]
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    answered_at: AwareDatetime


class ReaderAnswers(Document):
    """All answers of a reader.

    Args:
        format: Names this kind of file.
        study_id: The study that was read.
        reader: A code that the reader chose; may be empty.
        items: An answer per slice.
    """

    format: Literal["glioserve.reader-answers/1"]
    study_id: StudyId
    reader: Annotated[str, Field(max_length=MAX_READER_CHARACTERS)]
    items: dict[ItemId, Answer]


def load_answers(path: Path) -> ReaderAnswers:
    """The answers that the page saved.

    Raises:
        TrainingError: There are none, or the file holds something else.
    """
    return read_document(path, ReaderAnswers)


def check_answers(key: StudyKey, answers: ReaderAnswers) -> None:
    """Check that a reader answered this study, all of it and nothing else.

    Raises:
        TrainingError: The answers are another study's, of slices that the study does not have, or incomplete.
    """
    if answers.study_id != key.study_id:
        raise TrainingError("study_id", f"must be that of the key, {key.study_id}", answers.study_id)
    if unknown := [item for item in answers.items if item not in key.items]:
        raise TrainingError(f"items.{unknown[0]}", "must be a slice of the study", f"{len(unknown)} that are not")
    if missing := [item for item in key.items if item not in answers.items]:
        raise TrainingError(f"items.{missing[0]}", "must be answered", f"{len(missing)} without an answer")
