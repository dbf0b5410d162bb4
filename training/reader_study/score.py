"""Scores answers as the paper's Table Two does (section 3.1): how often is a slice taken for what it is not?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType

from scipy.stats import binomtest

from imaging.modality import Modality
from training.errors import TrainingError
from training.reader_study.answers import Answer, ReaderAnswers, check_answers
from training.reader_study.key import KeyItem, StudyKey, Truth

CONFIDENCE_LEVEL = 0.95
UNNAMED = "unnamed"

PAPER_MISCLASSIFIED_PERCENT: Mapping[Modality, float] = MappingProxyType(
    {Modality.FLAIR: 26.3, Modality.T1: 10.5, Modality.T1CE: 26.3, Modality.T2: 26.3}
)
"""The paper's Table Two, in its order: one physician, 9 real and 10 synthetic slices of each modality."""

_Judged = tuple[KeyItem, Answer]


@dataclass(frozen=True)
class Rate:
    """A share of answers.

    Args:
        count: Answers that are so.
        of: Answers that could be.
    """

    count: int
    of: int

    @property
    def percent(self) -> float:
        """0 to 100; NaN of none."""
        return 100 * self.count / self.of if self.of else math.nan

    @property
    def interval_percent(self) -> tuple[float, float]:
        """Wilson's 95 % interval, which takes the answers as independent; NaN of none."""
        if not self.of:
            return math.nan, math.nan
        interval = binomtest(self.count, self.of).proportion_ci(confidence_level=CONFIDENCE_LEVEL, method="wilson")
        return 100 * float(interval.low), 100 * float(interval.high)


@dataclass(frozen=True)
class ScoreRow:
    """What the answers on some slices came to.

    Args:
        reader: Whose; None for all readers together.
        modality: Of which slices; None for all.
        misclassified: Judged what they are not. 50 % is what guessing comes to.
        synthetic_as_real: Synthetic slices that were judged real.
        real_as_synthetic: Real slices that were judged synthetic.
        real_score: Mean image quality of real slices, 1 to 5.
        synthetic_score: Mean image quality of synthetic slices, 1 to 5.
    """

    reader: str | None
    modality: Modality | None
    misclassified: Rate
    synthetic_as_real: Rate
    real_as_synthetic: Rate
    real_score: float
    synthetic_score: float


@dataclass(frozen=True)
class Agreement:
    """How far two readers judged alike, whatever the truth.

    Args:
        readers: The two.
        alike: Slices that they judged the same.
        kappa: Cohen's, -1 to 1; NaN where both gave one and the same judgement throughout.
    """

    readers: tuple[str, str]
    alike: Rate
    kappa: float


@dataclass(frozen=True)
class TableTwo:
    """Table Two of a study.

    Args:
        study_id: The study.
        title: As readers saw it.
        rows: Per reader each modality and all of them; of several readers, the same for all together.
        agreements: Of every two readers.
    """

    study_id: str
    title: str
    rows: tuple[ScoreRow, ...]
    agreements: tuple[Agreement, ...]


def score_answers(key: StudyKey, answers: Sequence[ReaderAnswers]) -> TableTwo:
    """Score one or more readers.

    Args:
        key: Of the study.
        answers: One file of each reader.

    Raises:
        TrainingError: There are no answers, some are not of this study or incomplete, or two are one reader's.
    """
    if not answers:
        raise TrainingError("answers", "must be of one reader or more", "none")
    readers = [each.reader.strip() or UNNAMED for each in answers]
    if repeated := sorted({reader for reader in readers if readers.count(reader) > 1}):
        raise TrainingError("reader", "must differ from file to file", f"{repeated[0]} more than once")
    for each in answers:
        check_answers(key, each)
    judged = [[(item, each.items[item_id]) for item_id, item in key.items.items()] for each in answers]
    rows = [row for reader, own in zip(readers, judged, strict=True) for row in _rows(reader, own)]
    if len(answers) > 1:
        rows += _rows(None, [pair for own in judged for pair in own])
    agreements = [_agreement(key, one, other) for one, other in combinations(zip(readers, answers, strict=True), 2)]
    return TableTwo(key.study_id, key.title, tuple(rows), tuple(agreements))


def _rows(reader: str | None, judged: Sequence[_Judged]) -> list[ScoreRow]:
    present = {item.modality for item, _ in judged}
    modalities = [modality for modality in PAPER_MISCLASSIFIED_PERCENT if modality in present]
    return [
        *(_row(reader, modality, [pair for pair in judged if pair[0].modality is modality]) for modality in modalities),
        _row(reader, None, judged),
    ]


def _row(reader: str | None, modality: Modality | None, judged: Sequence[_Judged]) -> ScoreRow:
    wrong = {
        truth: Rate(
            sum(answer.judgement is not truth for item, answer in judged if item.truth is truth),
            sum(item.truth is truth for item, _ in judged),
        )
        for truth in Truth
    }
    return ScoreRow(
        reader=reader,
        modality=modality,
        misclassified=Rate(sum(rate.count for rate in wrong.values()), len(judged)),
        synthetic_as_real=wrong[Truth.SYNTHETIC],
        real_as_synthetic=wrong[Truth.REAL],
        real_score=_mean_score(judged, Truth.REAL),
        synthetic_score=_mean_score(judged, Truth.SYNTHETIC),
    )


def _mean_score(judged: Sequence[_Judged], truth: Truth) -> float:
    scores = [answer.score for item, answer in judged if item.truth is truth]
    return sum(scores) / len(scores) if scores else math.nan


def _agreement(key: StudyKey, one: tuple[str, ReaderAnswers], other: tuple[str, ReaderAnswers]) -> Agreement:
    n = len(key.items)
    pairs = [(one[1].items[item].judgement, other[1].items[item].judgement) for item in key.items]
    alike = Rate(sum(first is second for first, second in pairs), n)
    by_chance = sum(
        sum(first is truth for first, _ in pairs) * sum(second is truth for _, second in pairs) for truth in Truth
    )
    kappa = (n * alike.count - by_chance) / (n * n - by_chance) if by_chance != n * n else math.nan
    return Agreement((one[0], other[0]), alike, kappa)
