"""Puts a search's choice where Triton reads it: in each U-Net's `config.pbtxt`, with the record beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tritonclient.grpc.model_config_pb2 import ModelConfig

from export.engine_card import with_engine
from export.engine_config import apply_engine
from export.repository import CARD_FILE, CONFIG_FILE, GRAPH_FILE
from export.tune.candidates import GraphForm
from export.tune.networks import Network, Networks, to_text
from export.tune.record import ENGINE_FILE, EngineRecord
from export.tune.trial import Graphs
from imaging.atomic import write_atomic
from imaging.regions import Region

INT8_FILE = "model.int8.onnx"
"""Beside `model.onnx`, which stays: it is what the engine in process runs, and what every search compares with."""
INT8_KEY = "glioserve_int8_sha256"
"""The parameter that holds the digest of that file."""


def install(record: EngineRecord, networks: Networks, graphs: Graphs) -> None:
    """Serve the U-Nets as was chosen. Each file appears whole or not at all, a model's configuration last.

    Args:
        record: What was found.
        networks: The U-Nets.
        graphs: Of every form that was tried.

    Raises:
        FactsError: A model's card can't tell of it; nothing was written.
        OSError: A file can't be written.
    """
    quantised = {
        region: graphs[GraphForm.INT8][region]
        for region in networks
        if record.chosen.of(region).graph is GraphForm.INT8
    }
    written = [
        (path, content)
        for region, network in networks.items()
        for path, content in _files(record, region, network, quantised.get(region)).items()
    ]
    for path, content in written:
        write_atomic(path, content)


def render(record: EngineRecord, region: Region, network: Network, quantised: bytes | None) -> str:
    """The text of a U-Net's `config.pbtxt`: as it is, but run as was chosen.

    Args:
        record: What was found.
        region: What the network segments.
        network: With its configuration as it is.
        quantised: The file that is served, where it is not `model.onnx`.
    """
    config = ModelConfig()
    config.CopyFrom(network.config)
    apply_engine(config, record.chosen.of(region).choice)
    config.default_model_filename = "" if quantised is None else INT8_FILE
    config.parameters.pop(INT8_KEY, None)
    if quantised is not None:
        config.parameters[INT8_KEY].string_value = hashlib.sha256(quantised).hexdigest()
    return to_text(config)


def _files(record: EngineRecord, region: Region, network: Network, quantised: bytes | None) -> dict[Path, bytes]:
    """What is written for one model, in order. A quantised file that is not served any more stays until an export."""
    folder = network.folder
    card = with_engine((folder / CARD_FILE).read_text(encoding="utf-8"), record.to_markdown(region))
    files = {} if quantised is None else {(folder / GRAPH_FILE).with_name(INT8_FILE): quantised}
    return files | {
        folder / ENGINE_FILE: record.to_json().encode(),
        folder / CARD_FILE: card.encode(),
        folder / CONFIG_FILE: render(record, region, network, quantised).encode(),
    }
