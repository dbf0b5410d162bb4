"""Network inputs from normalised modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from imaging.modality import Channel, Modality

Float = TypeVar("Float", np.float16, np.float32)


def required_modalities(channels: Sequence[Channel]) -> tuple[Modality, ...]:
    """The modalities that these channels are made from, each once, in the order of `Modality`."""
    needed = {modality for channel in channels for modality in channel.modalities}
    return tuple(modality for modality in Modality if modality in needed)


def stack_channels(
    modalities: Mapping[Modality, npt.NDArray[np.float32]], channels: Sequence[Channel], *, dtype: type[Float]
) -> npt.NDArray[Float]:
    """The channels side by side.

    Args:
        modalities: Z-scored slices, `float32 [slice, i, j]` each.
        channels: Which channels, in which order.
        dtype: Of what is returned; a difference is taken in float32 all the same.

    Returns:
        `[slice, channel, i, j]`.
    """
    count, i, j = next(iter(modalities.values())).shape
    stacked = np.empty((count, len(channels), i, j), dtype=dtype)
    for number, channel in enumerate(channels):
        if channel is Channel.T1CE_MINUS_T1:
            difference = (modalities[Modality.T1CE], modalities[Modality.T1])
            np.subtract(*difference, out=stacked[:, number], casting="same_kind")
        else:
            stacked[:, number] = modalities[channel.modalities[0]]
    return stacked
