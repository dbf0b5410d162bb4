from __future__ import annotations

import numpy as np
import pytest

from imaging.brainmap.edit import EditError
from imaging.brainmap.fill import healthy_bands
from imaging.brainmap.maps import BrainMap, Lesion
from imaging.modality import Modality
from tests.imaging.brainmap.balls import CENTRE, RADIUS, ball_map, distance, grid


def symmetric_map(tumour: np.ndarray) -> tuple[dict[Modality, np.ndarray], BrainMap]:
    """A brain whose left is its right's mirror image, without and with a tumour."""
    healthy = {}
    for modality, array in ball_map(radius=0, seed=4).bands.items():
        healthy[modality] = array.copy()
        healthy[modality][16:] = array[:16][::-1]
    bands = {modality: np.where(tumour, 4, array).astype(np.uint8) for modality, array in healthy.items()}
    return healthy, BrainMap(bands, np.where(tumour, Lesion.ED, 0).astype(np.uint8), grid())


def test_without_a_tumour_all_stays():
    made = ball_map(radius=0)
    for modality, array in healthy_bands(made).items():
        np.testing.assert_array_equal(array, made.bands[modality])


def test_a_symmetric_brain_is_restored_from_its_other_side():
    healthy, made = symmetric_map(distance((21, 15, 12)) <= 4)
    for modality, array in healthy_bands(made).items():
        np.testing.assert_array_equal(array, healthy[modality])
    assert (made.bands[Modality.T1][made.lesion > 0] == 4).all()  # and the map given is not written to


def test_where_both_sides_are_tumour_the_neighbours_are_taken():
    tumour = distance(CENTRE) <= 4
    healthy, made = symmetric_map(tumour)
    brain = made.brain
    uniform = {modality: np.where(brain, np.where(tumour, 4, 2), 0).astype(np.uint8) for modality in healthy}
    for array in healthy_bands(BrainMap(uniform, made.lesion, grid())).values():
        np.testing.assert_array_equal(array, np.where(brain, 2, 0))


def test_a_tumour_far_from_all_known_tissue_is_filled_as_well():
    tumour = distance(CENTRE) <= RADIUS - 0.8
    _, made = symmetric_map(tumour)
    alone = made.lesion.copy()
    alone[made.brain] = Lesion.ED
    alone[5, 15, 11] = Lesion.NONE
    bands = {modality: np.where(alone > 0, 4, np.where(made.brain, 1, 0)).astype(np.uint8) for modality in Modality}
    assert made.brain[5, 15, 11]
    for array in healthy_bands(BrainMap(bands, alone, grid())).values():
        np.testing.assert_array_equal(array, made.brain)


def test_a_brain_that_is_all_tumour_cannot_be_filled():
    made = ball_map(radius=100)
    with pytest.raises(EditError, match="some brain that is not tumour"):
        healthy_bands(made)
