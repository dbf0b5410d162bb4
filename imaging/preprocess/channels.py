"""Network inputs from normalised modalities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from imaging.modality import Channel, Modality


def required_modalities(channels: Sequence[Channel]) -> tuple[Modality, ...]:
    """The modalities that these channels are made from, each once, in the order of `Modality`."""
    needed = {modality for channel in channels for modality in channel.modalities}
    return tuple(modality for modality in Modality if modality in needed)


def stack_channels(
    modalities: Mapping[Modality, npt.NDArray[np.float32]], channels: Sequence[Channel]
) -> npt.NDArray[np.float32]:
    """The channels side by side.

    Args:
        modalities: Z-scored slices, `float32 [slice, i, j]` each.
        channels: Which channels, in which order.

    Returns:
        `float32 [slice, channel, i, j]`.
    """
    return np.stack([_channel(modalities, channel) for channel in channels], axis=1)


def _channel(modalities: Mapping[Modality, npt.NDArray[np.float32]], channel: Channel) -> npt.NDArray[np.float32]:
    if channel is Channel.T1CE_MINUS_T1:
        return modalities[Modality.T1CE] - modalities[Modality.T1]
    return modalities[channel.modalities[0]]
