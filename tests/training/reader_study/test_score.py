import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.modality import Modality
from training.errors import TrainingError
from training.reader_study import StudyKey, Truth, render_table_two, score_answers
from training.reader_study.key import KeyItem
from training.reader_study.score import PAPER_MISCLASSIFIED_PERCENT, Rate

STUDY = "0123456789ab"
OTHER = {Truth.REAL: Truth.SYNTHETIC, Truth.SYNTHETIC: Truth.REAL}


def key_of(counts: dict[tuple[Modality, Truth], int]) -> StudyKey:
    kinds = [KeyItem(modality=modality, truth=truth) for (modality, truth), n in counts.items() for _ in range(n)]
    return StudyKey(
        study_id=STUDY, title="Slices | of a run", seed=0, items={f"{i:016x}": kind for i, kind in enumerate(kinds)}
    )


@pytest.fixture
def key():
    """The paper's study: of each modality 9 real and 10 synthetic slices."""
    return key_of({(m, t): n for m in Modality for t, n in ((Truth.REAL, 9), (Truth.SYNTHETIC, 10))})


def judged(key: StudyKey, wrong: dict[tuple[Modality, Truth], int]) -> dict[str, Truth]:
    """The truth, but for the first so many slices of a kind."""
    left = dict(wrong)
    judgements = {}
    for item, kind in key.items.items():
        mistaken = left.get((kind.modality, kind.truth), 0) > 0
        if mistaken:
            left[kind.modality, kind.truth] -= 1
        judgements[item] = OTHER[kind.truth] if mistaken else kind.truth
    return judgements


PAPER_LIKE = {
    (Modality.FLAIR, Truth.SYNTHETIC): 4,
    (Modality.FLAIR, Truth.REAL): 1,
    (Modality.T1, Truth.SYNTHETIC): 2,
    (Modality.T1CE, Truth.SYNTHETIC): 5,
    (Modality.T2, Truth.REAL): 5,
}


def test_the_papers_mistakes_give_the_papers_table(key, make_answers):
    table = score_answers(key, [make_answers(STUDY, judged(key, PAPER_LIKE), reader="AB")])
    assert [row.modality for row in table.rows] == [*PAPER_MISCLASSIFIED_PERCENT, None]
    for row in table.rows[:-1]:
        assert round(row.misclassified.percent, 1) == PAPER_MISCLASSIFIED_PERCENT[row.modality]
        assert (row.misclassified.of, row.real_as_synthetic.of, row.synthetic_as_real.of) == (19, 9, 10)
    flair, overall = table.rows[0], table.rows[-1]
    assert (flair.synthetic_as_real.count, flair.real_as_synthetic.count) == (4, 1)
    assert flair.misclassified.interval_percent == pytest.approx((11.81, 48.79), abs=0.01)
    assert overall.misclassified == Rate(17, 76)
    assert table.agreements == ()


def test_scores_are_averaged_by_truth(key, make_answers):
    scores = {item: 5 if kind.truth is Truth.REAL else 2 for item, kind in key.items.items()}
    synthetic_t1 = KeyItem(modality=Modality.T1, truth=Truth.SYNTHETIC)
    first_t1 = next(item for item, kind in key.items.items() if kind == synthetic_t1)
    scores[first_t1] = 4
    table = score_answers(key, [make_answers(STUDY, judged(key, {}), scores=scores)])
    t1 = next(row for row in table.rows if row.modality is Modality.T1)
    assert (t1.real_score, t1.synthetic_score) == (5, pytest.approx(2.2))
    assert table.rows[-1].synthetic_score == pytest.approx(2.05)
    assert table.rows[0].reader == "unnamed"


def test_readers_are_scored_each_and_pooled(key, make_answers):
    table = score_answers(
        key,
        [
            make_answers(STUDY, judged(key, PAPER_LIKE), reader="AB"),
            make_answers(STUDY, judged(key, {(Modality.T1, Truth.REAL): 9}), reader="CD"),
        ],
    )
    assert [row.reader for row in table.rows] == ["AB"] * 5 + ["CD"] * 5 + [None] * 5
    overall = [row for row in table.rows if row.modality is None]
    assert [row.misclassified for row in overall] == [Rate(17, 76), Rate(9, 76), Rate(26, 152)]
    assert [agreement.readers for agreement in table.agreements] == [("AB", "CD")]
    assert table.agreements[0].alike == Rate(76 - 26, 76)


def test_kappa_is_cohens(make_answers):
    """A textbook's table: 20 twice yes, 15 twice no, 5 and 10 apart; 0.4."""
    key = key_of({(Modality.T1, Truth.REAL): 50})
    yes, no = Truth.REAL, Truth.SYNTHETIC
    pairs = [(yes, yes)] * 20 + [(yes, no)] * 5 + [(no, yes)] * 10 + [(no, no)] * 15
    one, other = (
        make_answers(STUDY, dict(zip(key.items, [pair[side] for pair in pairs], strict=True)), reader=str(side))
        for side in (0, 1)
    )
    agreement = score_answers(key, [one, other]).agreements[0]
    assert agreement.kappa == pytest.approx(0.4)
    assert agreement.alike == Rate(35, 50)
    same = make_answers(STUDY, dict.fromkeys(key.items, yes), reader="2")
    again = make_answers(STUDY, dict.fromkeys(key.items, yes), reader="3")
    assert math.isnan(score_answers(key, [same, again]).agreements[0].kappa)


def test_one_kind_alone_leaves_the_other_without_a_figure(make_answers):
    key = key_of({(Modality.T1, Truth.REAL): 3})
    row = score_answers(key, [make_answers(STUDY, judged(key, {}))]).rows[0]
    assert math.isnan(row.synthetic_as_real.percent)
    assert math.isnan(row.synthetic_score)
    assert "| - |" in render_table_two(score_answers(key, [make_answers(STUDY, judged(key, {}))]))


def test_answers_that_cannot_be_scored_are_refused(key, make_answers):
    whole = make_answers(STUDY, judged(key, {}), reader="AB")
    with pytest.raises(TrainingError, match="answers: must be of one reader or more"):
        score_answers(key, [])
    with pytest.raises(TrainingError, match="reader: must differ from file to file, got AB more than once"):
        score_answers(key, [whole, whole])
    with pytest.raises(TrainingError, match="study_id: must be that of the key"):
        score_answers(key, [make_answers("f" * 12, judged(key, {}))])
    with pytest.raises(TrainingError, match="must be answered, got 76 without"):
        score_answers(key, [make_answers(STUDY, {})])


@given(of=st.integers(1, 200), data=st.data())
def test_interval_holds_the_rate(of, data):
    rate = Rate(data.draw(st.integers(0, of)), of)
    low, high = rate.interval_percent
    assert -1e-9 <= low <= rate.percent + 1e-9
    assert rate.percent - 1e-9 <= high <= 100 + 1e-9


def test_table_stands_beside_the_papers_figures(key, make_answers):
    text = render_table_two(
        score_answers(
            key,
            [
                make_answers(STUDY, judged(key, PAPER_LIKE), reader="A|B"),
                make_answers(STUDY, judged(key, {}), reader="CD"),
            ],
        )
    )
    lines = text.splitlines()
    assert lines[2] == (
        "| A/B | FLAIR | 19 | 5 | 26.3 | 11.8 to 48.8 | 4/10 (40.0 %) | 1/9 (11.1 %) | 3.00 | 3.00 | 26.3 |"
    )
    assert lines[3].startswith("| A/B | T1 | 19 | 2 | 10.5 |")
    assert lines[16].startswith("| all | all | 152 | 17 |")
    assert {line.count("|") for line in lines[:17]} == {12}
    assert "Study 0123456789ab: Slices / of a run." in text
    assert "Agreement of A/B and CD: 59/76 (77.6 %), Cohen's kappa 0.55." in text
    assert "one physician" in lines[-1]
    assert text.endswith("\n")
