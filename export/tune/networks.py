"""The U-Nets of a model repository, as `export` wrote them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.config import model_name
from export.errors import RepositoryError
from export.repository import CONFIG_FILE, GRAPH_FILE
from imaging.errors import GoldenError
from imaging.pipeline.golden import GoldenAnswer, golden_slices
from imaging.pipeline.plan import ModelPlan, ModelPlans
from imaging.pipeline.predictor import Predictor
from imaging.regions import Region


@dataclass(frozen=True, eq=False)
class Network:
    """One U-Net in its folder.

    Args:
        folder: In the model repository.
        config: Its configuration; not to be changed.
        graph: The serialised graph.
        plan: How it is used.
    """

    folder: Path
    config: ModelConfig
    graph: bytes
    plan: ModelPlan

    @property
    def sha256(self) -> str:
        """Digest of the graph, hexadecimal."""
        return hashlib.sha256(self.graph).hexdigest()

    def answers_golden(self, predictor: Predictor) -> bool:
        """Whether an engine answers the golden slices with this network as was recorded at export."""
        golden = GoldenAnswer.from_json(self.config.parameters["glioserve_golden"].string_value)
        try:
            golden.check(predictor.predict(self.plan.region, golden_slices(len(self.plan.channels))))
        except GoldenError:
            return False
        return True


Networks = Mapping[Region, Network]
"""One for each of WT, TC and ET."""


def read_networks(models: Path) -> dict[Region, Network]:
    """The three U-Nets.

    Raises:
        RepositoryError: One is missing, or is not as it was exported.
        PlanError: A plan is not one that `export` writes.
    """
    return {region: _read(models / model_name(region)) for region in Region}


def plans_of(networks: Networks) -> ModelPlans:
    """Their plans."""
    return {region: network.plan for region, network in networks.items()}


def to_text(config: ModelConfig) -> str:
    """A configuration as `export.config` prints it."""
    return str(text_format.MessageToString(config, use_index_order=True))


def _read(folder: Path) -> Network:
    try:
        text = (folder / CONFIG_FILE).read_text(encoding="utf-8")
        graph = (folder / GRAPH_FILE).read_bytes()
        config = text_format.Parse(text, ModelConfig())
    except OSError as error:
        raise RepositoryError(folder.name, f"must hold {CONFIG_FILE} and {GRAPH_FILE}", type(error).__name__) from None
    except text_format.ParseError as error:
        raise RepositoryError(folder.name, f"{CONFIG_FILE} must be a configuration", type(error).__name__) from None
    network = Network(folder, config, graph, ModelPlan.from_json(config.parameters["glioserve_plan"].string_value))
    if config.parameters["onnx_sha256"].string_value != network.sha256:
        raise RepositoryError(folder.name, f"{GRAPH_FILE} must be the file that was exported", "another digest")
    return network
