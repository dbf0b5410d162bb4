"""What fuzzing found and kept, once more: every seed is answered, and what must not be is noticed."""

from __future__ import annotations

import importlib
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import judge as judging
from tests.fuzz.judge import MAX_CPU_S, MAX_GROWTH_BYTES, judge
from tests.fuzz.parcel import Base, Parcel
from tests.fuzz.worker import MODULES, SEEDS

ALL = sorted(path for name in MODULES for path in (SEEDS / name).iterdir())
FEWEST_OUTCOMES = 40
"""Of the seeds of one target; fewer would show little of it."""


@pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_seed_is_answered(path: Path) -> None:
    target = importlib.import_module(MODULES[path.parent.name]).target
    outcome = judge(target, path.read_bytes())
    assert not outcome.finding, f"{outcome.told}\n{outcome.detail}"


@pytest.mark.parametrize("name", MODULES)
def test_whole_files_are_accepted_and_seeds_differ(name: str) -> None:
    module = importlib.import_module(MODULES[name])
    whole = {judge(module.target, data).told for data in module.bases()}
    assert any("accepted" in told or "written" in told for told in whole)
    seeds = {judge(module.target, path.read_bytes()).told for path in (SEEDS / name).iterdir()}
    assert len(seeds) >= FEWEST_OUTCOMES


def untyped(_: bytes) -> str:
    raise KeyError("field")


def warned(_: bytes) -> str:
    warnings.warn("of a library", stacklevel=1)
    return "answered"


def overflown(_: bytes) -> str:
    return str(np.float64(1e300) * np.float64(1e300))


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (untyped, "KeyError in test_seeds.py untyped"),
        (warned, "UserWarning in test_seeds.py warned"),
        (overflown, "RuntimeWarning in test_seeds.py overflown"),
    ],
)
def test_what_is_raised_is_a_finding(target: judging.Target, told: str) -> None:
    outcome = judge(target, b"")
    assert (outcome.finding, outcome.told) == (True, told)


def test_what_takes_too_much_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def answered(_: bytes) -> str:
        return "answered"

    assert judge(answered, b"") == judging.Outcome("answered")
    memory = iter([0, MAX_GROWTH_BYTES + 1])
    with monkeypatch.context() as patched:
        patched.setattr(judging, "_greatest_bytes", lambda: next(memory))
        assert judge(answered, b"").told == "memory: answered"
    clock = iter([0.0, MAX_CPU_S + 1])
    with monkeypatch.context() as patched:
        patched.setattr("tests.fuzz.judge.time.process_time", lambda: next(clock))
        assert judge(answered, b"").told == "slow: answered"


@given(
    base=st.sampled_from(Base),
    zipped=st.booleans(),
    files=st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), max_size=4).map(tuple),
)
def test_a_parcel_comes_back(base: Base, zipped: bool, files: tuple[tuple[int, bytes], ...]) -> None:
    parcel = Parcel(base, zipped=zipped, files=files)
    assert Parcel.of(parcel.to_bytes()) == parcel


@given(data=st.binary(max_size=40))
def test_any_bytes_are_a_parcel(data: bytes) -> None:
    parcel = Parcel.of(data)
    assert Parcel.of(parcel.to_bytes()) == parcel
