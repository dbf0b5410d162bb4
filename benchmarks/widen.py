"""The same network with twice the channels: four times the work, the same function.

Every channel inside is there twice, and what reads the two halves its weights. So the shipped networks, which are
narrow, stand in for wider ones of the same masks: sums are taken in another order, and that is all that differs.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf import text_format
from onnx import ModelProto, NodeProto, numpy_helper
from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.inference.catalog import CONFIG_FILE, MODEL_FILE, MODEL_NAMES

_CHANNELWISE = frozenset({"Relu", "MaxPool", "Cast", "Identity"})
"""What treats every channel alike, and so keeps two equal ones equal."""


class WidenError(ValueError):
    """A graph that can't be widened."""


def widen(model: ModelProto) -> ModelProto:
    """The same function with twice the channels between its first and its last convolution.

    Args:
        model: A convolutional network of `Conv`, `ConvTranspose`, `Concat` along channels and what works on each
            channel alike; its last convolution has no convolution behind it.

    Raises:
        WidenError: It has another operator in between, grouped convolutions, or mixes wide and narrow tensors.
    """
    wide = ModelProto()
    wide.CopyFrom(model)
    weights = {tensor.name: tensor for tensor in wide.graph.initializer}
    stored = {node.output[0]: node.input[0] for node in wide.graph.node if node.input and node.input[0] in weights}
    convolutions = [node for node in wide.graph.node if node.op_type in {"Conv", "ConvTranspose"}]
    if not convolutions:
        raise WidenError("must have convolutions")
    doubled: set[str] = set()
    for node in wide.graph.node:
        if node.output[0] in stored:
            continue  # a weight that is brought to the type it is used in
        if node.op_type in {"Conv", "ConvTranspose"}:
            last = node is convolutions[-1]
            _widen_convolution(node, weights, stored, reads=node.input[0] in doubled, writes=not last)
            if not last:
                doubled.add(node.output[0])
        elif _is_wide(node, doubled):
            doubled.add(node.output[0])
    return wide


def _is_wide(node: NodeProto, doubled: set[str]) -> bool:
    """Whether what a node that has no weights gives is wide."""
    read = [name in doubled for name in node.input]
    if not any(read):
        return False
    if node.op_type == "Concat" and all(read) and [a.i for a in node.attribute if a.name == "axis"] == [1]:
        return True
    if node.op_type in _CHANNELWISE:
        return True
    raise WidenError(f"must have no {node.op_type} between the first and the last convolution")


def _widen_convolution(
    node: NodeProto, weights: dict[str, onnx.TensorProto], stored: dict[str, str], *, reads: bool, writes: bool
) -> None:
    if any(attribute.name == "group" and attribute.i != 1 for attribute in node.attribute):
        raise WidenError("must have no grouped convolution")
    in_axis, out_axis = (1, 0) if node.op_type == "Conv" else (0, 1)
    kernel = weights[stored.get(node.input[1], node.input[1])]
    values = numpy_helper.to_array(kernel)
    if reads:
        # Halves are exact in any binary format, down to its smallest numbers.
        values = np.repeat(values * values.dtype.type(0.5), 2, axis=in_axis)
    if writes:
        values = np.repeat(values, 2, axis=out_axis)
    _replace(kernel, values)
    if writes and len(node.input) > 2:
        bias = weights[stored.get(node.input[2], node.input[2])]
        _replace(bias, np.repeat(numpy_helper.to_array(bias), 2))


def _replace(tensor: onnx.TensorProto, values: npt.NDArray[np.generic]) -> None:
    tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values), tensor.name))


def widen_repository(models: Path, target: Path) -> Path:
    """A model repository whose U-Nets are widened, and whose other networks are those of another.

    Configurations stay but for the digest; the recorded golden answers hold for the wider networks too.

    Args:
        models: The other repository.
        target: An empty or missing folder.

    Returns:
        The target.
    """
    names = set(MODEL_NAMES.values())
    for folder in _model_folders(models):
        if folder.name not in names:
            (target / folder.name).parent.mkdir(parents=True, exist_ok=True)
            (target / folder.name).symlink_to(folder.absolute(), target_is_directory=True)
            continue
        shutil.copytree(folder, target / folder.name)
        config = ModelConfig()
        text_format.Parse((folder / CONFIG_FILE).read_text(encoding="utf-8"), config)
        for file in (target / folder.name).glob(f"*/{MODEL_FILE}"):
            content = widen(onnx.load(file)).SerializeToString()
            file.write_bytes(content)
            config.parameters["onnx_sha256"].string_value = hashlib.sha256(content).hexdigest()
        (target / folder.name / CONFIG_FILE).write_text(text_format.MessageToString(config), encoding="utf-8")
    return target


def _model_folders(models: Path) -> Iterator[Path]:
    yield from sorted(file.parent for file in models.glob(f"*/{CONFIG_FILE}"))
