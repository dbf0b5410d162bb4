import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imaging.errors import GeometryError
from imaging.registration.motion import RigidMotion

vectors = st.tuples(*[st.floats(-150.0, 150.0)] * 3)
motions = st.builds(
    lambda centre, turn, shift: RigidMotion.about(centre, rotation_deg=turn, shift_mm=shift), vectors, vectors, vectors
)
POINTS = np.random.default_rng(4).uniform(-100, 100, (20, 3))


@given(motion=motions)
def test_there_and_back(motion):
    np.testing.assert_allclose(motion.inverse().apply(motion.apply(POINTS)), POINTS, atol=1e-9)
    assert motion.after(motion.inverse()).apart_mm(RigidMotion.identity(), POINTS) < 1e-9


@given(motion=motions)
def test_distances_and_handedness_are_kept(motion):
    moved = motion.apply(POINTS)
    apart = np.linalg.norm(POINTS[:, None] - POINTS[None], axis=2)
    np.testing.assert_allclose(np.linalg.norm(moved[:, None] - moved[None], axis=2), apart, atol=1e-9)
    assert np.linalg.det(moved[1:4] - moved[0]) == pytest.approx(np.linalg.det(POINTS[1:4] - POINTS[0]))


@given(first=motions, second=motions)
def test_one_after_the_other(first, second):
    np.testing.assert_allclose(second.after(first).apply(POINTS), second.apply(first.apply(POINTS)), atol=1e-9)


@given(centre=vectors, shift=vectors)
def test_the_centre_is_only_shifted(centre, shift):
    motion = RigidMotion.about(centre, rotation_deg=(10, 20, 30), shift_mm=shift)
    np.testing.assert_allclose(motion.apply(np.array([centre]))[0], np.array(centre) + shift, atol=1e-9)


def test_a_turn_about_an_axis():
    motion = RigidMotion.about((1, 0, 0), rotation_deg=(0, 0, 90), shift_mm=(0, 0, 5))
    np.testing.assert_allclose(motion.apply(np.array([[2.0, 0, 0], [1, 0, 1]])), [[1, 1, 5], [1, 0, 6]], atol=1e-12)
    assert motion.rotation_deg == pytest.approx(90)
    np.testing.assert_allclose(motion.displacement_mm(np.array([[1.0, 0, 0]])), [5])


def test_apart_is_the_largest_distance():
    shifted = RigidMotion.about((0, 0, 0), rotation_deg=(0, 0, 0), shift_mm=(3, 4, 0))
    assert RigidMotion.identity().apart_mm(shifted, POINTS) == pytest.approx(5)
    turned = RigidMotion.about((0, 0, 0), rotation_deg=(0, 0, 60), shift_mm=(0, 0, 0))
    assert turned.apart_mm(RigidMotion.identity(), np.array([[0.0, 0, 50], [7, 0, 0]])) == pytest.approx(7)


def test_it_does_not_change_under_ones_hands():
    matrix = np.eye(4)
    motion = RigidMotion(matrix)
    matrix[0, 3] = 9
    assert motion.matrix[0, 3] == 0
    with pytest.raises(ValueError, match="read-only"):
        motion.matrix[0, 3] = 1


@pytest.mark.parametrize(
    ("matrix", "rule"),
    [
        (np.eye(3), "must be 4 x 4"),
        (np.diag([np.nan, 1, 1, 1]), "must be finite"),
        (np.diag([1, 1, 1, 2.0]), "last row"),
        (np.diag([1.001, 1, 1, 1]), "orthonormal"),
        (np.diag([-1, 1, 1, 1.0]), "must not mirror"),
    ],
)
def test_what_is_no_rigid_motion_is_refused(matrix, rule):
    with pytest.raises(GeometryError, match=rule):
        RigidMotion(matrix)
