"""What every micro-batch and every answer must fulfil, whichever engine runs."""

from __future__ import annotations

import numpy as np

from serving.errors import EngineAnswerError, EngineRequestError
from serving.inference.networks import Answer, Batch, ServedNetwork


def check_batch(network: ServedNetwork, batch: Batch) -> None:
    """Refuse a micro-batch that the network can't take.

    Raises:
        EngineRequestError: It is not of the network's type, of its fixed extents, or holds too much or nothing.
    """
    what, dims = network.input_name, network.input_dims
    fits = batch.ndim == len(dims) + 1 and all(
        wanted in {-1, extent} for wanted, extent in zip(dims, batch.shape[1:], strict=True)
    )
    if not fits or 0 in batch.shape:
        free = iter("ijk")
        axes = ", ".join(next(free) if extent == -1 else f"{extent}" for extent in dims)
        raise EngineRequestError(network.name, f"{what} must be of shape [{network.unit}, {axes}]", f"{batch.shape}")
    if batch.dtype != network.input_type:
        raise EngineRequestError(network.name, f"{what} must be {network.input_type.__name__}", f"{batch.dtype}")
    if batch.shape[0] > network.max_batch_size:
        rule = f"must get at most {network.max_batch_size} {network.unit}s"
        raise EngineRequestError(network.name, rule, f"{batch.shape[0]}")


def answer_shape(network: ServedNetwork, batch: Batch) -> tuple[int, ...]:
    """The shape of a network's answer to a micro-batch that it can take."""
    fixed = [extent for extent in network.output_dims if extent != -1]
    free = len(network.output_dims) - len(fixed)
    return (batch.shape[0], *fixed, *batch.shape[batch.ndim - free :])


def check_answer(network: ServedNetwork, batch: Batch, answer: Answer) -> None:
    """Refuse an answer that is none.

    Raises:
        EngineAnswerError: It is not of the network's output type, of the batch's extents and the network's, or not
            finite.
    """
    wanted = answer_shape(network, batch)
    if answer.shape != wanted or answer.dtype != network.output_type:
        rule = f"must answer {network.output_type.__name__} {wanted}"
        raise EngineAnswerError(network.name, rule, f"{answer.dtype} {answer.shape}")
    if not np.isfinite(answer).all():
        raise EngineAnswerError(network.name, f"must answer finite {network.output_name}", "NaN or infinity")
