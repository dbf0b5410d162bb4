"""A serialised graph in ONNX Runtime, on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from export.errors import ParityError


def open_graph(graph: bytes) -> ort.InferenceSession:
    """ONNX Runtime's session of a serialised graph.

    Raises:
        ParityError: It can't be loaded.
    """
    try:
        return ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ParityError("graph", "must load in ONNX Runtime", type(error).__name__) from error


def run_session(
    session: ort.InferenceSession,
    batch: npt.NDArray[np.float32] | npt.NDArray[np.float16] | npt.NDArray[np.uint8],
    *,
    shape: tuple[int, ...],
    dtype: type[np.float32 | np.float16 | np.uint8] = np.float32,
) -> npt.NDArray[Any]:
    """What a graph of one input and one output answers.

    Args:
        session: Of `open_graph`.
        batch: The input.
        shape: That the answer must have.
        dtype: The same.

    Raises:
        ParityError: It can't be run, or answers in another shape or type.
    """
    (given,), (answered,) = session.get_inputs(), session.get_outputs()
    try:
        (answer,) = session.run([answered.name], {given.name: batch})
    except Exception as error:
        raise ParityError("graph", "must run in ONNX Runtime", type(error).__name__) from error
    values: npt.NDArray[Any] = answer
    if values.shape != shape or values.dtype != dtype:
        raise ParityError(answered.name, f"must be {dtype.__name__} {shape}", f"{values.dtype} {values.shape}")
    return values
