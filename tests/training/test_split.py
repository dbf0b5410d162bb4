import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from training.errors import TrainingError
from training.split import Split, split_folds, split_patients

PATIENTS = st.dictionaries(st.text("abcdef0123", min_size=3, max_size=8), st.sampled_from("xyz"), min_size=2)


@given(PATIENTS, st.floats(0.05, 0.95), st.integers(0, 99))
def test_everyone_is_on_one_side_and_sides_have_their_size(strata, fraction, seed):
    split = split_patients(strata, fraction=fraction, seed=seed)
    assert sorted(split.train + split.validation) == sorted(strata)
    expected = min(max(round(fraction * len(strata)), 1), len(strata) - 1)
    assert len(split.validation) == expected
    for stratum in set(strata.values()):
        members = [patient for patient in strata if strata[patient] == stratum]
        share = len(members) * expected / len(strata)
        assert abs(sum(patient in split.validation for patient in members) - share) < 1


@given(PATIENTS, st.integers(0, 99))
def test_the_order_of_patients_changes_nothing(strata, seed):
    backwards = dict(reversed(strata.items()))
    assert split_patients(strata, fraction=0.2, seed=seed) == split_patients(backwards, fraction=0.2, seed=seed)


@given(PATIENTS, st.integers(2, 6), st.integers(0, 99))
def test_everyone_validates_once_and_folds_are_even(strata, folds, seed):
    assume(len(strata) >= folds)
    splits = split_folds(strata, folds=folds, seed=seed)
    assert sorted(patient for split in splits for patient in split.validation) == sorted(strata)
    for split in splits:
        assert sorted(split.train + split.validation) == sorted(strata)
    everyone = {split: [strata[patient] for patient in split.validation] for split in splits}
    for stratum in set(strata.values()):
        counts = [members.count(stratum) for members in everyone.values()]
        assert max(counts) - min(counts) <= 1
    sizes = [len(members) for members in everyone.values()]
    assert max(sizes) - min(sizes) <= 1
    assert split_folds(dict(reversed(strata.items())), folds=folds, seed=seed) == splits


def test_faults_are_refused():
    with pytest.raises(TrainingError, match="both sides"):
        Split(("a",), ("a",))
    with pytest.raises(TrainingError, match="patients to learn from"):
        Split((), ("a",))
    with pytest.raises(TrainingError, match="folds: must be at least 2, got 1"):
        split_folds({"a": "x", "b": "x"}, folds=1, seed=0)
    with pytest.raises(TrainingError, match=r"at least as many as folds \(3\), got 2"):
        split_folds({"a": "x", "b": "x"}, folds=3, seed=0)
    with pytest.raises(TrainingError, match="at least 2"):
        split_patients({"a": "x"}, fraction=0.5, seed=0)
    with pytest.raises(TrainingError, match="between 0 and 1"):
        split_patients({"a": "x", "b": "x"}, fraction=1.0, seed=0)
