import numpy as np

from imaging.modality import Channel, Modality
from imaging.preprocess.channels import required_modalities, stack_channels


def test_required_modalities_are_each_named_once():
    assert required_modalities([Channel.FLAIR, Channel.T1CE_MINUS_T1, Channel.T1]) == (
        Modality.T1,
        Modality.T1CE,
        Modality.FLAIR,
    )


def test_channels_are_stacked_in_order_and_the_uptake_is_a_difference():
    slices = {modality: np.full((2, 4, 4), value, dtype=np.float32) for value, modality in enumerate(Modality, start=1)}
    stacked = stack_channels(slices, [Channel.FLAIR, Channel.T1CE_MINUS_T1, Channel.T1CE], dtype=np.float32)
    assert stacked.shape == (2, 3, 4, 4)
    assert stacked[0, :, 0, 0].tolist() == [4.0, 1.0, 2.0]


def test_a_difference_is_taken_before_it_is_rounded():
    slices = {modality: np.zeros((1, 1, 1), dtype=np.float32) for modality in Modality}
    slices[Modality.T1CE][:], slices[Modality.T1][:] = 4.0004, 4.0002
    (half,) = stack_channels(slices, [Channel.T1CE_MINUS_T1], dtype=np.float16).ravel()
    assert half == np.float16(np.float32(4.0004) - np.float32(4.0002))
    assert half != 0
