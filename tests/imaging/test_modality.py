"""Modalities and the channels made from them."""

from __future__ import annotations

import pytest

from imaging.modality import Channel, Modality


@pytest.mark.parametrize("modality", Modality)
def test_each_modality_is_a_channel_of_its_own(modality):
    assert Channel(modality.value).modalities == (modality,)


def test_uptake_is_t1ce_minus_t1_in_this_order():
    assert Channel.T1CE_MINUS_T1.modalities == (Modality.T1CE, Modality.T1)


def test_there_are_no_other_channels():
    assert {channel.value for channel in Channel} == {"t1", "t1ce", "t2", "flair", "t1ce_minus_t1"}
