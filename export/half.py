"""Kernels stored in half precision: files of half the size, arithmetic still in single precision."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.errors import GraphError

STORED_AS_HALF = ".half"
"""Ends the name of a kernel's float16 form."""


def store_kernels_as_half(model: onnx.ModelProto) -> None:
    """Replaces every float32 kernel of a graph by its float16 rounding and a `Cast` back to float32. In place.

    ONNX Runtime computes the casts once, when it loads the graph. Biases stay float32: they are few, and
    after folding they carry the offsets of batch norm.

    Args:
        model: A graph whose kernels are initialisers of four axes or, in three dimensions, of five.

    Raises:
        GraphError: A kernel holds a value that float16 can't (beyond 65,504, or not finite).
    """
    graph = model.graph
    casts = []
    for initializer in graph.initializer:
        if initializer.data_type != TensorProto.FLOAT or len(initializer.dims) not in {4, 5}:
            continue
        kernel = numpy_helper.to_array(initializer)
        name, stored = initializer.name, f"{initializer.name}{STORED_AS_HALF}"
        largest = float(np.abs(kernel).max())
        if not largest <= float(np.finfo(np.float16).max):
            raise GraphError(name, "must fit float16", f"a largest value of {largest}")
        initializer.CopyFrom(numpy_helper.from_array(kernel.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], name=f"{name}.cast", to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
