from datetime import UTC, datetime

import numpy as np
import pytest

from imaging.modality import Modality
from training.reader_study import Answer, ReaderAnswers, StudyItem, Truth, make_kit
from training.reader_study.answers import ANSWERS_FORMAT

SHAPE = (20, 26)


@pytest.fixture(scope="session")
def make_items():
    """So many real and synthetic slices of each modality, told apart by nothing."""

    def make(*modalities: Modality, real: int = 2, synthetic: int = 2) -> list[StudyItem]:
        rng = np.random.default_rng(3)
        truths = [Truth.REAL] * real + [Truth.SYNTHETIC] * synthetic
        return [
            StudyItem(modality, truth, rng.random(SHAPE, dtype=np.float32))
            for modality in modalities
            for truth in truths
        ]

    return make


@pytest.fixture
def kit(make_items, tmp_path):
    """A folder with a study of T1 and FLAIR, two real and three synthetic slices of each."""
    make_kit(make_items(Modality.T1, Modality.FLAIR, synthetic=3), tmp_path, seed=5, title="Two contrasts")
    return tmp_path


@pytest.fixture(scope="session")
def make_answers():
    """What a reader answered who judged as told by item id, and gave every slice the same score where none is told."""

    def make(study_id: str, judgements: dict[str, Truth], *, reader="", scores=None) -> ReaderAnswers:
        return ReaderAnswers(
            format=ANSWERS_FORMAT,
            study_id=study_id,
            reader=reader,
            items={
                item: Answer(
                    judgement=judgement,
                    score=(scores or {}).get(item, 3),
                    comment="",
                    seconds=2.5,
                    answered_at=datetime(2024, 5, 6, tzinfo=UTC),
                )
                for item, judgement in judgements.items()
            },
        )

    return make
