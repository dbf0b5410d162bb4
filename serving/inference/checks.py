"""What every micro-batch and every answer must fulfil, whichever engine runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from serving.errors import EngineAnswerError, EngineRequestError
from serving.inference.networks import Batch, ServedNetwork


def check_batch(network: ServedNetwork, batch: Batch) -> None:
    """Refuse a micro-batch that the network can't take.

    Raises:
        EngineRequestError: It is not `[slice, channel, i, j]` of the network's type and number of channels.
    """
    what, channels = network.input_name, network.channels
    if batch.ndim != 4 or batch.shape[1] != channels or 0 in batch.shape:
        raise EngineRequestError(network.name, f"{what} must be of shape [slice, {channels}, i, j]", f"{batch.shape}")
    if batch.dtype != network.input_type:
        raise EngineRequestError(network.name, f"{what} must be {network.input_type.__name__}", f"{batch.dtype}")
    if batch.shape[0] > network.max_batch_size:
        raise EngineRequestError(network.name, f"must get at most {network.max_batch_size} slices", f"{batch.shape[0]}")


def check_answer(network: ServedNetwork, batch: Batch, answer: npt.NDArray[np.float32]) -> None:
    """Refuse an answer that is none.

    Raises:
        EngineAnswerError: It is not `float32` of the batch's slices and extents and the network's channels, or not
            finite.
    """
    wanted = (batch.shape[0], *network.output_channels, *batch.shape[2:])
    if answer.shape != wanted or answer.dtype != np.float32:
        raise EngineAnswerError(network.name, f"must answer float32 {wanted}", f"{answer.dtype} {answer.shape}")
    if not np.isfinite(answer).all():
        raise EngineAnswerError(network.name, f"must answer finite {network.output_name}", "NaN or infinity")
