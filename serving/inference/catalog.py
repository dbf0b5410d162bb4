"""What an engine serves: a U-Net for each region, and what there is of generators and of brain extraction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import TYPE_FP16, TYPE_FP32, TYPE_UINT8, ModelConfig

from imaging.brain.plan import BrainStep, BrainStepPlan
from imaging.brainmap.plan import GeneratorPlan
from imaging.errors import ImagingError
from imaging.pipeline.golden import GoldenAnswer
from imaging.pipeline.plan import ModelPlan, ModelPlans
from imaging.regions import Region
from serving.errors import ModelRepositoryError, UnknownGeneratorError
from serving.inference.networks import (
    BRAIN_PREFIX,
    GENERATOR_PREFIX,
    ServedBrain,
    ServedBrainStep,
    ServedGenerator,
    ServedModel,
    ServedNetwork,
)

MODEL_NAMES: Mapping[Region, str] = MappingProxyType({Region.WT: "unet_wt", Region.TC: "unet_tc", Region.ET: "unet_et"})
"""The model of each region, as it is named in the model repository."""
BRAIN_NAMES: Mapping[BrainStep, str] = MappingProxyType({step: f"{BRAIN_PREFIX}{step}" for step in BrainStep})
"""The model of each step of brain extraction."""
CONFIG_FILE = "config.pbtxt"
MODEL_FILE = "model.onnx"
THREADS_KEY = "intra_op_thread_count"
"""The parameter by which Triton's ONNX Runtime backend is told a network's threads."""
SHRINKAGE_KEY = "memory.enable_memory_arena_shrinkage"
"""The parameter by which it is told whose memory a run gives back, which is also ONNX Runtime's name for it."""

Network = TypeVar("Network", bound=ServedNetwork)
Record = TypeVar("Record", ModelPlan, GeneratorPlan, BrainStepPlan, GoldenAnswer)

_TRITON_TYPES = {np.float16: TYPE_FP16, np.float32: TYPE_FP32, np.uint8: TYPE_UINT8}


@dataclass(frozen=True)
class ModelCatalog:
    """All that an engine serves. Valid once constructed.

    Args:
        models: The U-Nets, one for each of WT, TC and ET.
        generators: By what they are asked for, e.g. `joint`; a repository need not have any.
        brain: What finds the brain in a head; None where the repository has no such networks.

    Raises:
        ModelRepositoryError: A region has no model, or a model stands under another region or name.
    """

    models: Mapping[Region, ServedModel]
    generators: Mapping[str, ServedGenerator] = field(default_factory=dict)
    brain: ServedBrain | None = None

    def __post_init__(self) -> None:
        if missing := [region for region in Region if region not in self.models]:
            raise ModelRepositoryError("models", "must hold one for each region", f"none for {', '.join(missing)}")
        if wrong := [region for region, model in self.models.items() if model.region is not region]:
            raise ModelRepositoryError("models", "must stand under their own regions", f"another under {wrong[0]}")
        if strange := [target for target, generator in self.generators.items() if generator.target != target]:
            raise ModelRepositoryError("generators", "must stand under their own names", f"another under {strange[0]}")
        object.__setattr__(self, "models", MappingProxyType({region: self.models[region] for region in Region}))
        object.__setattr__(self, "generators", MappingProxyType(dict(sorted(self.generators.items()))))

    def __getitem__(self, region: Region) -> ServedModel:
        return self.models[region]

    @property
    def plans(self) -> ModelPlans:
        """The plan of each region's model."""
        return MappingProxyType({region: model.plan for region, model in self.models.items()})

    @property
    def networks(self) -> tuple[ServedNetwork, ...]:
        """All of them, the U-Nets first."""
        brain = () if self.brain is None else (self.brain.box, self.brain.mask)
        return (*self.models.values(), *self.generators.values(), *brain)

    def generator(self, target: str) -> ServedGenerator:
        """A generator, by what it is asked for, e.g. `joint`.

        Raises:
            UnknownGeneratorError: It is not served.
        """
        if target not in self.generators:
            rule = f"must be one of those served ({', '.join(self.generators) or 'there is none'})"
            raise UnknownGeneratorError("generator", rule, repr(target[:40]))
        return self.generators[target]

    def brain_step(self, step: BrainStep) -> ServedBrainStep:
        """The network of one step of brain extraction.

        Raises:
            ModelRepositoryError: The repository has none.
        """
        if self.brain is None:
            raise ModelRepositoryError(BRAIN_NAMES[step], "must be in the model repository", "none")
        return self.brain[step]


def catalog_from(config_of: Callable[[str], tuple[ModelConfig, str]], others: Iterable[str]) -> ModelCatalog:
    """The catalog of an engine.

    Args:
        config_of: The configuration and the version of the model of a name.
        others: The names of the models beside the U-Nets that there are, e.g. `generator_joint`, of which
            `is_optional` holds.

    Raises:
        ModelRepositoryError: A model's configuration is not one that `export` writes, or brain extraction lacks one of
            its networks.
    """
    models = {region: served_model(region, *config_of(name)) for region, name in MODEL_NAMES.items()}
    names = sorted(others)
    drawing = [served_generator(*config_of(name)) for name in names if name.startswith(GENERATOR_PREFIX)]
    brain = None
    if found := [name for name in names if name in BRAIN_NAMES.values()]:
        if missing := [name for name in BRAIN_NAMES.values() if name not in found]:
            raise ModelRepositoryError(missing[0], f"must stand beside {found[0]}", "none")
        steps = {step: served_brain_step(*config_of(name)) for step, name in BRAIN_NAMES.items()}
        brain = ServedBrain(steps[BrainStep.BOX], steps[BrainStep.MASK])
    return ModelCatalog(models, {generator.target: generator for generator in drawing}, brain)


def served_model(region: Region, config: ModelConfig, version: str) -> ServedModel:
    """What a U-Net's configuration says of it.

    Args:
        region: What the model should segment.
        config: As parsed from `config.pbtxt`, or as Triton tells it.
        version: Which version is served.

    Raises:
        ModelRepositoryError: A tensor or a parameter is missing or is not what the pipeline expects.
    """
    plan = _recorded(config, "glioserve_plan", ModelPlan.from_json)
    return _checked(ServedModel(region=region, plan=plan, **_common(config, version)), config)


def served_generator(config: ModelConfig, version: str) -> ServedGenerator:
    """What a generator's configuration says of it. Arguments and errors are those of `served_model`."""
    plan = _recorded(config, "glioserve_plan", GeneratorPlan.from_json)
    return _checked(ServedGenerator(plan=plan, **_common(config, version)), config)


def served_brain_step(config: ModelConfig, version: str) -> ServedBrainStep:
    """What the configuration of one of brain extraction's networks says of it. As of `served_model`."""
    plan = _recorded(config, "glioserve_plan", BrainStepPlan.from_json)
    return _checked(ServedBrainStep(plan=plan, **_common(config, version)), config)


def repository_catalog(repository: Path) -> ModelCatalog:
    """The catalog of a model repository on disk; of each model the newest version counts, as with Triton.

    Raises:
        ModelRepositoryError: A model, its configuration or its file is missing, or is not one that `export` writes.
    """
    folders = repository.iterdir() if repository.is_dir() else ()
    return catalog_from(
        lambda name: (_read_config(repository, name), newest_version(repository, name)),
        [folder.name for folder in folders if is_optional(folder.name)],
    )


def is_optional(name: str) -> bool:
    """Whether a model of this name is of a kind that a repository need not have: a generator, or brain extraction."""
    return name.startswith(GENERATOR_PREFIX) or name in BRAIN_NAMES.values()


def read_model(repository: Path, model: ServedNetwork) -> bytes:
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


def _common(config: ModelConfig, version: str) -> dict[str, Any]:
    """What every network's configuration says, as arguments of `ServedNetwork`."""
    return {
        "name": str(config.name),
        "version": version,
        "sha256": _parameter(config, "onnx_sha256"),
        "golden": _recorded(config, "glioserve_golden", GoldenAnswer.from_json),
        "max_batch_size": int(config.max_batch_size),
        "threads": _threads(config),
        "gives_back": _parameter(config, SHRINKAGE_KEY) if SHRINKAGE_KEY in config.parameters else None,
    }


def _threads(config: ModelConfig) -> int | None:
    if THREADS_KEY not in config.parameters:
        return None
    text = _parameter(config, THREADS_KEY)
    if not text.isdecimal() or int(text) < 1:
        raise ModelRepositoryError(str(config.name), f"{THREADS_KEY} must be a whole number from 1 up", text)
    return int(text)


def _recorded(config: ModelConfig, key: str, parse: Callable[[str], Record]) -> Record:
    try:
        return parse(_parameter(config, key))
    except ImagingError as error:
        raise ModelRepositoryError(str(config.name), f"parameter {error.field} {error.rule}", error.got) from None


def _parameter(config: ModelConfig, key: str) -> str:
    if key not in config.parameters:
        raise ModelRepositoryError(str(config.name), f"must have the parameter {key}", "none")
    return str(config.parameters[key].string_value)


def _checked(network: Network, config: ModelConfig) -> Network:
    """The network, if its tensors are those that its plan speaks of."""
    for tensors, kind, wanted in (
        (config.input, network.input_type, (network.input_name, list(network.input_dims))),
        (config.output, network.output_type, (network.output_name, list(network.output_dims))),
    ):
        got = [(str(tensor.name), list(tensor.dims)) for tensor in tensors]
        if got != [wanted] or tensors[0].data_type != _TRITON_TYPES[kind]:
            rule = f"must have one {kind.__name__} tensor {wanted[0]} {wanted[1]}"
            raise ModelRepositoryError(network.name, rule, f"{got}")
    return network
