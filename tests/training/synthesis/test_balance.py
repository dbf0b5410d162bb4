import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import TrainingError
from training.synthesis.balance import FLOOR, Balance

SHARES = {"image": 1.0, "perceptual_1": 0.4, "adversarial": 0.5}
POSITIVE = st.floats(1e-4, 1e4)
NAMES = st.lists(st.sampled_from("abcdef"), min_size=1, unique=True)


def test_it_starts_with_weights_equal_to_shares():
    balance = Balance.start(SHARES)
    assert dict(balance.weights) == dict(balance.shares) == SHARES


def test_by_hand():
    balance = Balance.start(SHARES).adapted({"image": 0.2, "perceptual_1": 0.02, "adversarial": 2.0})
    assert balance.weights == pytest.approx({"image": 1.0, "perceptual_1": 4.0, "adversarial": 0.05})
    assert dict(balance.shares) == SHARES


@given(st.data(), NAMES)
def test_weighted_pulls_stand_as_shares_whatever_came_before(data, names):
    shares, earlier, pulls = ({name: data.draw(POSITIVE) for name in names} for _ in range(3))
    balance = Balance(shares, earlier).adapted(pulls)
    unit = balance.weights[names[0]] * pulls[names[0]] / shares[names[0]]
    for name in names:
        assert balance.weights[name] * pulls[name] / shares[name] == pytest.approx(unit)
    assert balance.weights[names[0]] == pytest.approx(shares[names[0]])


def test_a_term_without_a_pull_keeps_its_weight():
    earlier = Balance(SHARES, {"image": 1.0, "perceptual_1": 9.0, "adversarial": 7.0})
    balance = earlier.adapted({"image": 0.1, "perceptual_1": 0.4})
    assert balance.weights == pytest.approx({"image": 1.0, "perceptual_1": 0.1, "adversarial": 7.0})


def test_a_vanished_term_gets_no_endless_weight():
    balance = Balance.start(SHARES).adapted({"image": 1.0, "perceptual_1": 0.0, "adversarial": FLOOR / 100})
    assert balance.weights["perceptual_1"] == pytest.approx(0.4 / FLOOR)
    assert balance.weights["adversarial"] == pytest.approx(0.5 / FLOOR)


def test_faults_are_refused():
    with pytest.raises(TrainingError, match="must be positive"):
        Balance.start({"image": 0.0})
    with pytest.raises(TrainingError, match="must be positive"):
        Balance.start({})
    with pytest.raises(TrainingError, match=r"weights: must be of image, .*got image"):
        Balance(SHARES, {"image": 1.0})


def test_a_balance_never_changes():
    shares = dict(SHARES)
    balance = Balance.start(shares)
    shares["image"] = 5.0
    assert balance.shares["image"] == balance.weights["image"] == 1.0
    with pytest.raises(TypeError):
        balance.weights["image"] = 2.0
