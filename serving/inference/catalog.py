"""What an engine serves: for each region a model, its plan, its digest and the answer it must give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import TYPE_FP32, ModelConfig

from imaging.errors import ImagingError
from imaging.pipeline.golden import GoldenAnswer
from imaging.pipeline.plan import ModelPlan, ModelPlans
from imaging.regions import Region
from serving.errors import ModelRepositoryError

MODEL_NAMES: Mapping[Region, str] = MappingProxyType({Region.WT: "unet_wt", Region.TC: "unet_tc", Region.ET: "unet_et"})
"""The model of each region, as it is named in the model repository."""
INPUT_NAME = "slices"
"""`float32 [slice, channel, i, j]`."""
OUTPUT_NAME = "probabilities"
"""`float32 [slice, i, j]`."""
CONFIG_FILE = "config.pbtxt"
MODEL_FILE = "model.onnx"


@dataclass(frozen=True)
class ServedModel:
    """One model as it is served.

    Args:
        region: What it segments.
        name: Its name in the model repository.
        version: Its version there, e.g. `1`.
        sha256: Digest of its `model.onnx`, lower-case hexadecimal.
        plan: How it is used.
        golden: How it must answer the golden slices.
        max_batch_size: Most slices that one call may hold.

    Raises:
        ModelRepositoryError: The parts contradict each other.
    """

    region: Region
    name: str
    version: str
    sha256: str
    plan: ModelPlan
    golden: GoldenAnswer
    max_batch_size: int

    def __post_init__(self) -> None:
        if self.plan.region is not self.region:
            raise ModelRepositoryError(self.name, f"must have a plan for {self.region}", f"{self.plan.region}")
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise ModelRepositoryError(self.name, "must state onnx_sha256 as 64 lower-case hex digits", self.sha256)
        if self.max_batch_size < 1:
            raise ModelRepositoryError(self.name, "must have a max_batch_size of 1 or more", f"{self.max_batch_size}")


@dataclass(frozen=True)
class ModelCatalog:
    """The three models that an engine serves. Valid once constructed.

    Args:
        models: One for each of WT, TC and ET.

    Raises:
        ModelRepositoryError: A region has no model, or a model stands under another region.
    """

    models: Mapping[Region, ServedModel]

    def __post_init__(self) -> None:
        if missing := [region for region in Region if region not in self.models]:
            raise ModelRepositoryError("models", "must hold one for each region", f"none for {', '.join(missing)}")
        if wrong := [region for region, model in self.models.items() if model.region is not region]:
            raise ModelRepositoryError("models", "must stand under their own regions", f"another under {wrong[0]}")
        object.__setattr__(self, "models", MappingProxyType({region: self.models[region] for region in Region}))

    def __getitem__(self, region: Region) -> ServedModel:
        return self.models[region]

    @property
    def plans(self) -> ModelPlans:
        """The plan of each region's model."""
        return MappingProxyType({region: model.plan for region, model in self.models.items()})


def catalog_from(config_of: Callable[[str], tuple[ModelConfig, str]]) -> ModelCatalog:
    """The catalog of an engine.

    Args:
        config_of: The configuration and the version of the model of a name.

    Raises:
        ModelRepositoryError: A model's configuration is not one that `export` writes.
    """
    return ModelCatalog({region: served_model(region, *config_of(name)) for region, name in MODEL_NAMES.items()})


def served_model(region: Region, config: ModelConfig, version: str) -> ServedModel:
    """What a model's configuration says of it.

    Args:
        region: What the model should segment.
        config: As parsed from `config.pbtxt`, or as Triton tells it.
        version: Which version is served.

    Raises:
        ModelRepositoryError: A tensor or a parameter is missing or is not what the pipeline expects.
    """
    name = str(config.name)
    try:
        plan = ModelPlan.from_json(_parameter(config, "glioserve_plan"))
        golden = GoldenAnswer.from_json(_parameter(config, "glioserve_golden"))
    except ImagingError as error:
        raise ModelRepositoryError(name, f"parameter {error.field} {error.rule}", error.got) from None
    _check_tensor(name, config.input, (INPUT_NAME, [len(plan.channels), -1, -1]))
    _check_tensor(name, config.output, (OUTPUT_NAME, [-1, -1]))
    sha256 = _parameter(config, "onnx_sha256")
    return ServedModel(region, name, version, sha256, plan, golden, int(config.max_batch_size))


def repository_catalog(repository: Path) -> ModelCatalog:
    """The catalog of a model repository on disk; of each model the newest version counts, as with Triton.

    Raises:
        ModelRepositoryError: A model, its configuration or its file is missing, or is not one that `export` writes.
    """
    return catalog_from(lambda name: (_read_config(repository, name), newest_version(repository, name)))


def read_model(repository: Path, model: ServedModel) -> bytes:
    """A model's `model.onnx`.

    Raises:
        ModelRepositoryError: It is not the file that was exported: its digest is another than the recorded one.
    """
    content = (repository / model.name / model.version / MODEL_FILE).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != model.sha256:
        raise ModelRepositoryError(model.name, f"{MODEL_FILE} must have the digest {model.sha256}", digest)
    return content


def newest_version(repository: Path, name: str) -> str:
    """The largest version of a model in a repository.

    Raises:
        ModelRepositoryError: There is none, or it holds no `model.onnx`.
    """
    folder = repository / name
    versions = [entry.name for entry in folder.iterdir() if entry.name.isdecimal()] if folder.is_dir() else []
    if not versions:
        raise ModelRepositoryError(name, "must have a numbered version folder", "none")
    newest = max(versions, key=int)
    if not (folder / newest / MODEL_FILE).is_file():
        raise ModelRepositoryError(name, f"version {newest} must hold {MODEL_FILE}", "none")
    return newest


def _read_config(repository: Path, name: str) -> ModelConfig:
    try:
        text = (repository / name / CONFIG_FILE).read_text(encoding="utf-8")
    except OSError as error:
        raise ModelRepositoryError(name, f"must have a readable {CONFIG_FILE}", type(error).__name__) from None
    try:
        config = text_format.Parse(text, ModelConfig())
    except text_format.ParseError as error:
        raise ModelRepositoryError(name, f"{CONFIG_FILE} must be a Triton model configuration", str(error)) from None
    if config.name != name:
        raise ModelRepositoryError(name, f"{CONFIG_FILE} must name its own model", f"{config.name!r}")
    return config


def _parameter(config: ModelConfig, key: str) -> str:
    if key not in config.parameters:
        raise ModelRepositoryError(str(config.name), f"must have the parameter {key}", "none")
    return str(config.parameters[key].string_value)


def _check_tensor(name: str, tensors: Any, wanted: tuple[str, list[int]]) -> None:  # noqa: ANN401 (untyped protobuf)
    got = [(str(tensor.name), list(tensor.dims)) for tensor in tensors]
    if got != [wanted] or tensors[0].data_type != TYPE_FP32:
        raise ModelRepositoryError(name, f"must have one float32 tensor {wanted[0]} {wanted[1]}", f"{got}")
