"""What every micro-batch and every answer must fulfil, whichever engine runs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from serving.errors import EngineAnswerError, EngineRequestError
from serving.inference.catalog import ServedModel


def check_slices(model: ServedModel, slices: npt.NDArray[np.float32]) -> None:
    """Refuse a micro-batch that the model can't take.

    Raises:
        EngineRequestError: It is not `float32 [slice, channel, i, j]` with the model's number of channels.
    """
    channels = len(model.plan.channels)
    if slices.ndim != 4 or slices.shape[1] != channels or 0 in slices.shape:
        raise EngineRequestError(model.name, f"slices must be of shape [slice, {channels}, i, j]", f"{slices.shape}")
    if slices.dtype != np.float32:
        raise EngineRequestError(model.name, "slices must be float32", f"{slices.dtype}")
    if slices.shape[0] > model.max_batch_size:
        raise EngineRequestError(model.name, f"must get at most {model.max_batch_size} slices", f"{slices.shape[0]}")


def check_answer(model: ServedModel, slices: npt.NDArray[np.float32], answer: npt.NDArray[np.float32]) -> None:
    """Refuse an answer that is none.

    Raises:
        EngineAnswerError: It is not `float32 [slice, i, j]` of the slices' extents, or not finite.
    """
    wanted = (slices.shape[0], *slices.shape[2:])
    if answer.shape != wanted or answer.dtype != np.float32:
        raise EngineAnswerError(model.name, f"must answer float32 {wanted}", f"{answer.dtype} {answer.shape}")
    if not np.isfinite(answer).all():
        raise EngineAnswerError(model.name, "must answer finite probabilities", "NaN or infinity")
