from __future__ import annotations

import json

import numpy as np
import pytest

from imaging.brainmap.encode import MapChannels
from imaging.brainmap.maps import BANDS, BrainMapError, Lesion
from imaging.modality import Modality
from imaging.preprocess.prepare import to_slices
from tests.imaging.brainmap.balls import ball_map


def slices() -> tuple[dict[Modality, np.ndarray], np.ndarray]:
    made = ball_map()
    return {modality: to_slices(array) for modality, array in made.bands.items()}, to_slices(made.lesion)


def test_each_channel_is_one_band_or_one_part():
    bands, lesion = slices()
    contrasts = (Modality.FLAIR, Modality.T1)
    told = MapChannels(contrasts, bands_in_lesion=True)
    channels = told.encode(bands, lesion)
    assert channels.dtype == np.uint8
    assert channels.shape == (len(lesion), told.count, *lesion.shape[1:])
    assert told.count == 2 * BANDS + 3
    for index, contrast in enumerate(contrasts):
        for band in range(1, BANDS + 1):
            np.testing.assert_array_equal(channels[:, index * BANDS + band - 1], bands[contrast] == band)
    for offset, part in enumerate((Lesion.NCR, Lesion.ED, Lesion.ET)):
        np.testing.assert_array_equal(channels[:, 2 * BANDS + offset], lesion == part)


def test_told_everywhere_each_voxel_of_the_brain_has_one_band():
    bands, lesion = slices()
    channels = MapChannels((Modality.T2,), bands_in_lesion=True).encode(bands, lesion)
    np.testing.assert_array_equal(channels[:, :BANDS].sum(axis=1), bands[Modality.T2] != 0)


def test_as_in_the_paper_the_tumour_has_parts_and_no_bands():
    bands, lesion = slices()
    channels = MapChannels((Modality.T2,), bands_in_lesion=False).encode(bands, lesion)
    np.testing.assert_array_equal(channels.sum(axis=1), bands[Modality.T2] != 0)
    assert not channels[:, :BANDS].any(axis=1)[lesion > 0].any()


@pytest.mark.parametrize("contrasts", [(), (Modality.T1, Modality.T2, Modality.T1)])
def test_contrasts_are_named_once(contrasts):
    with pytest.raises(BrainMapError, match="at least one contrast, each once"):
        MapChannels(contrasts, bands_in_lesion=True)


def test_the_record_is_plain():
    record = MapChannels((Modality.T1CE, Modality.T1), bands_in_lesion=False).to_json()
    assert json.loads(json.dumps(record)) == {"contrasts": ["t1ce", "t1"], "bands_in_lesion": False}
