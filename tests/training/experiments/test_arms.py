from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import TrainingError
from training.experiments.arms import HALVES, NESTED, QUARTERS, Arm, ArmName, plan_arms


@given(st.integers(4, 60), st.integers(0, 1000))
def test_subsets_are_nested_disjoint_and_complete(count, seed):
    arms = {arm.name: set(arm.synthetic) for arm in plan_arms(count, seed=seed)}
    everyone = set(range(count))
    for smaller, larger in pairwise(NESTED):
        assert arms[smaller] < arms[larger]
    assert arms[ArmName.REAL] == set()
    assert arms[ArmName.ALL] == arms[ArmName.SYNTHETIC_ONLY] == everyone
    for parts in (QUARTERS, HALVES):
        assert sum(len(arms[name]) for name in parts) == count
        assert set().union(*(arms[name] for name in parts)) == everyone
    sizes = [len(arms[name]) for name in QUARTERS]
    assert max(sizes) - min(sizes) <= 1


def test_every_arm_is_planned_once_and_only_one_lacks_real_patients():
    arms = plan_arms(24, seed=1)
    assert [arm.name for arm in arms] == list(ArmName)
    assert [arm.name for arm in arms if not arm.real] == [ArmName.SYNTHETIC_ONLY]
    assert plan_arms(24, seed=1) == arms
    assert plan_arms(24, seed=2) != arms


def test_folders_are_distinct_and_plain():
    folders = [name.folder for name in ArmName]
    assert len(set(folders)) == len(folders)
    assert all(folder.replace("_", "").isalnum() for folder in folders)


def test_too_few_cases_and_empty_arms_are_refused():
    with pytest.raises(TrainingError, match="synthetic: must be at least 4 cases, got 3"):
        plan_arms(3, seed=1)
    with pytest.raises(TrainingError, match="arm: must hold real or synthetic cases"):
        Arm(ArmName.REAL, real=False, synthetic=())
