from __future__ import annotations

import math

import numpy as np
import pytest

from imaging.brainmap.edit import MAX_ELASTIC_SHARE, MAX_SCALE, MAX_SHIFT_MM, EditError, MapEdit
from imaging.brainmap.maps import BrainMapError


def test_the_defaults_change_nothing():
    assert MapEdit().is_identity
    np.testing.assert_array_equal(MapEdit().linear, np.eye(3))


@pytest.mark.parametrize(
    ("edit", "changes_lesion"),
    [
        (MapEdit(shift_mm=(0, 0, 0.5)), True),
        (MapEdit(scale=1.1), True),
        (MapEdit(rotation_deg=(0, 5, 0)), True),
        (MapEdit(elastic_mm=1), True),
        (MapEdit(mirror=True), False),
    ],
)
def test_every_part_makes_it_another_edit(edit, changes_lesion):
    assert not edit.is_identity
    assert edit.changes_lesion is changes_lesion


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shift_mm", (0.0, MAX_SHIFT_MM + 1, 0.0)),
        ("shift_mm", (0.0, 0.0)),
        ("shift_mm", (math.nan, 0.0, 0.0)),
        ("rotation_deg", (0.0, 0.0, -181.0)),
        ("rotation_deg", (0.0, 0.0, math.inf)),
        ("scale", MAX_SCALE + 0.1),
        ("scale", 0.0),
        ("scale", math.nan),
        ("elastic_mm", -0.1),
        ("elastic_mm", 20 * MAX_ELASTIC_SHARE + 0.1),
        ("elastic_scale_mm", 0.0),
    ],
)
def test_numbers_out_of_range_are_refused_by_name(field, value):
    with pytest.raises(BrainMapError) as caught:
        MapEdit(**{field: value})
    assert caught.value.field == field
    assert not isinstance(caught.value, EditError)  # no other map could take it either


def test_rotations_are_about_fixed_axes_one_after_the_other_and_right_handed():
    forwards = np.array([0.0, 1.0, 0.0])
    np.testing.assert_allclose(MapEdit(rotation_deg=(0, 0, 90)).linear @ forwards, [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(MapEdit(rotation_deg=(90, 0, 90), scale=2).linear @ forwards, [0, 0, 2], atol=1e-12)
