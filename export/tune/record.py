"""What a search found: `engine.json`, beside each model that it was made for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from export.engine_card import describe
from export.engine_choice import EngineKind
from export.tune.candidates import Candidate, GraphForm
from export.tune.gate import DscBounds, DscGateReport
from export.tune.machine import Machine
from export.tune.timing import Times
from imaging.regions import Region

ENGINE_FILE = "engine.json"


@dataclass(frozen=True)
class ClientSettings:
    """How an exam is fed to the engine, which the gateway is told by its own settings.

    Args:
        micro_batch: Slices per call, `GLIOSERVE_MICRO_BATCH`.
        in_flight: Calls at one time for one exam, `GLIOSERVE_IN_FLIGHT`.
    """

    micro_batch: int
    in_flight: int

    @property
    def name(self) -> str:
        """For the reader."""
        return f"micro-batches of {self.micro_batch}, {self.in_flight} in flight"


@dataclass(frozen=True, kw_only=True)
class EngineRecord:
    """A search, whole.

    Args:
        kind: For which processor.
        chosen: The candidate that is served now.
        client: How it is fed fastest.
        plain: The candidate that times are compared with: ONNX Runtime or CUDA in float32, one instance.
        patients: How many went through the gate.
        gates: What the gate said of each kind of reduced numbers, those that failed too.
        times: Of one exam, by candidate; all ran by turns.
        client_times: Of one exam by the chosen candidate, by client settings.
        machine: What the times hold for.
        graphs: Digest of each region's `model.onnx`.
    """

    kind: EngineKind
    chosen: Candidate
    client: ClientSettings
    plain: str
    patients: int
    gates: tuple[DscGateReport, ...]
    times: Mapping[str, Times]
    client_times: Mapping[str, Times]
    machine: Machine
    graphs: Mapping[Region, str]

    def to_json(self) -> str:
        """The record as indented JSON, keys sorted. It names no patient."""
        content = {
            "kind": self.kind,
            "chosen": self.chosen.name,
            "served": {region: asdict(self.chosen.of(region)) for region in Region},
            "client": asdict(self.client),
            "compared_with": self.plain,
            "patients": self.patients,
            "gates": [asdict(gate) | {"passed": gate.passed} for gate in self.gates],
            "exam_seconds": {name: self._times(times) for name, times in self.times.items()},
            "client_seconds": {name: self._times(times, compare=False) for name, times in self.client_times.items()},
            "machine": asdict(self.machine),
            "onnx_sha256": self.graphs,
        }
        return json.dumps(content, indent=1, sort_keys=True, default=_plain) + "\n"

    def to_markdown(self, region: Region) -> str:
        """What a model's card tells of it.

        Args:
            region: What the model segments.
        """
        net, machine = self.chosen.of(region), self.machine
        graph = " Its convolutions are in int8." if net.graph is GraphForm.INT8 else ""
        device = (
            ", ".join(machine.gpus) if self.kind is EngineKind.GPU else f"{machine.cores} cores, {machine.processor}"
        )
        return _MARKDOWN.format(
            choice=describe(net.choice),
            graph=graph,
            device=device,
            table=self.to_table(),
        )

    def to_table(self) -> str:
        """What the gate said and how fast the candidates are, as Markdown."""
        times = "\n".join(
            f"| {name}{' (served)' if name == self.chosen.name else ''} | {one.median_s:.2f} | {one.spread_s:.2f} "
            f"| {self.times[self.plain].speedup_of(one):.2f} |"
            for name, one in self.times.items()
        )
        return _TABLE.format(
            bound=DscBounds().mean_change,
            patients=self.patients,
            gates="\n".join(_gate_row(gate) for gate in self.gates),
            times=times,
            rounds=len(self.times[self.plain].seconds),
            micro_batch=self.client.micro_batch,
            in_flight=self.client.in_flight,
        )

    def _times(self, times: Times, *, compare: bool = True) -> dict[str, Any]:
        told = {
            "seconds": [round(second, 4) for second in times.seconds],
            "median": round(times.median_s, 4),
            "spread": round(times.spread_s, 4),
        }
        return told | ({"speedup": round(self.times[self.plain].speedup_of(times), 3)} if compare else {})


_MARKDOWN = """\
{choice}{graph} Chosen by measurement on one machine ({device}); another may want another. Details: `engine.json`.

{table}
"""
_TABLE = """\
Reduced precision is served only where no region's mean DSC changes by {bound:g} or more. Change over
{patients} patients, the whole pipeline by this engine against ONNX Runtime in float32:

| | WT | TC | ET | verdict |
|---|---|---|---|---|
{gates}

One exam, {rounds} rounds, all by turns:

| | seconds, median | spread | times as fast as the first |
|---|---|---|---|
{times}

Fed fastest with `GLIOSERVE_MICRO_BATCH={micro_batch}` and `GLIOSERVE_IN_FLIGHT={in_flight}`."""


def _gate_row(gate: DscGateReport) -> str:
    changes = " | ".join(f"{gate.regions[region].mean_change:+.5f}" for region in Region)
    golden = " and ".join(region.name for region in gate.golden_faults)
    why = f", golden slices of {golden}" if golden else ""
    return f"| {gate.numbers} | {changes} | {'passed' if gate.passed else f'failed{why}'} |"


def _plain(value: object) -> str:
    """What JSON does not know."""
    if isinstance(value, PurePosixPath):
        return str(value)
    raise TypeError(f"a record holds no {type(value).__name__}")
