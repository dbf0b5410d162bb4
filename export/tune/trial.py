"""A model repository of trials: the three U-Nets in every way that is tried side by side, for one Triton."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.config import model_name
from export.engine_config import apply_engine
from export.repository import CONFIG_FILE, GRAPH_FILE
from export.tune.candidates import Candidate, GraphForm, Net
from export.tune.networks import Networks, to_text
from imaging.regions import Region

Graphs = Mapping[GraphForm, Mapping[Region, bytes]]
"""The serialised graphs: as exported, and where they are tried, quantised."""


@dataclass(frozen=True)
class Trial:
    """Which ways stand beside one another.

    Args:
        nets: Each once. The first one's models have the names of the models themselves, which every repository has.
    """

    nets: tuple[Net, ...]

    @classmethod
    def of(cls, candidates: Iterable[Candidate], *, first: Net) -> Trial:
        """All that these candidates need, behind `first`."""
        needed = (candidate.of(region) for candidate in candidates for region in Region)
        return cls(tuple(dict.fromkeys((first, *needed))))

    @property
    def names(self) -> tuple[str, ...]:
        """Of all its models."""
        return tuple(self.name(region, net) for net in self.nets for region in Region)

    def name(self, region: Region, net: Net) -> str:
        """Of the model of one region in one way."""
        place = self.nets.index(net)
        return model_name(region) if place == 0 else f"{model_name(region)}_trial_{place}"

    def write(self, folder: Path, networks: Networks, graphs: Graphs) -> None:
        """Write the repository.

        Args:
            folder: Holds no model of these names.
            networks: The U-Nets as they are served now.
            graphs: Of every form that is tried.

        Raises:
            OSError: It can't be written.
        """
        for net in self.nets:
            for region, network in networks.items():
                name, graph = self.name(region, net), graphs[net.graph][region]
                config = ModelConfig()
                config.CopyFrom(network.config)
                config.name, config.default_model_filename = name, ""
                config.parameters["onnx_sha256"].string_value = hashlib.sha256(graph).hexdigest()
                apply_engine(config, net.choice)
                file = folder / name / GRAPH_FILE
                file.parent.mkdir(parents=True)
                file.write_bytes(graph)
                (folder / name / CONFIG_FILE).write_text(to_text(config), encoding="utf-8")


def models_of(trial: Trial, candidate: Candidate) -> dict[Region, str]:
    """The models of a candidate by region."""
    return {region: trial.name(region, candidate.of(region)) for region in Region}


def distinct(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates, each once: two may come to the same where the gate keeps every network in float32."""
    seen: dict[tuple[Net, ...], Candidate] = {}
    for candidate in candidates:
        seen.setdefault(tuple(candidate.of(region) for region in Region), candidate)
    return tuple(seen.values())
