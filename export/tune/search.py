"""The search: quantise, let the gate judge what is reduced, time what may be served, choose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from tritonclient.grpc import InferenceServerClient

from export.engine_choice import EngineKind
from export.int8 import quantise
from export.tune.candidates import Candidate, GraphForm, Net, cpu_nets, gpu_nets, to_judge
from export.tune.cohort import Cohort
from export.tune.engines import CandidateEngine, ReferenceEngine
from export.tune.gate import DscGateReport, judge
from export.tune.ledger import Ledger, key_of
from export.tune.machine import Machine
from export.tune.networks import Networks
from export.tune.record import ClientSettings, EngineRecord
from export.tune.server import TrialServer
from export.tune.timing import Times, fastest, time_by_turns
from export.tune.trial import Graphs, Trial, distinct, models_of
from imaging.atomic import write_atomic
from imaging.brats import load_exam
from imaging.pipeline.predictor import Predictor
from imaging.pipeline.segment import segment
from imaging.regions import Region

MICRO_BATCHES = (8, 4)
"""Slices per call that are tried with the chosen engine; the first is what the gateway does unless told otherwise."""


@dataclass(frozen=True)
class Search:
    """A search on one machine, over one cohort. Whatever it finds is in its ledger, and not looked for again.

    Args:
        networks: The U-Nets.
        cohort: The patients.
        kind: For which processor.
        machine: This one.
        server: Serves the trials.
        work: Folder of the ledger and of quantised graphs.
        rounds: How often each candidate is timed.
        say: Told of progress, a line each.
    """

    networks: Networks
    cohort: Cohort
    kind: EngineKind
    machine: Machine
    server: TrialServer
    work: Path
    rounds: int
    say: Callable[[str], None]

    def run(self) -> EngineRecord:
        """Search, from where an earlier run was stopped.

        Raises:
            ExportError: A network can't be quantised, or a candidate can't be served or fails.
            ImagingError: A patient can't be read or segmented.
            OSError: The folder can't be written.
        """
        ledger = Ledger(self.work / "ledger.jsonl")
        nets = cpu_nets(self.machine.cores) if self.kind is EngineKind.CPU else gpu_nets(self.cohort.buckets(8))
        graphs = self.graphs()
        gates, candidates = self._judge(nets, graphs, ledger)
        times, client_times, chosen, client = self._time(nets[0], candidates, graphs, ledger)
        return EngineRecord(
            kind=self.kind,
            chosen=chosen,
            client=client,
            plain=candidates[0].name,
            patients=len(self.cohort.cases),
            gates=tuple(gates),
            times=times,
            client_times=client_times,
            machine=self.machine,
            graphs={region: network.sha256 for region, network in self.networks.items()},
        )

    def graphs(self) -> Graphs:
        """The graphs as exported and, for a CPU, quantised; these are kept in the folder."""
        graphs = {GraphForm.FLOAT: {region: network.graph for region, network in self.networks.items()}}
        if self.kind is EngineKind.CPU:
            graphs[GraphForm.INT8] = {region: self._quantised(region) for region in self.networks}
        return graphs

    def _quantised(self, region: Region) -> bytes:
        network = self.networks[region]
        key = key_of(network.sha256, *(case.case_id for case in self.cohort.calibration))
        file = self.work / f"{region}-int8-{key[:16]}.onnx"
        if not file.exists():
            self.say(f"quantise {region.name}")
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, quantise(network.graph, self.cohort.calibration_slices(network.plan)))
        return file.read_bytes()

    def _judge(
        self, nets: Sequence[Net], graphs: Graphs, ledger: Ledger
    ) -> tuple[list[DscGateReport], tuple[Candidate, ...]]:
        """What the gate says, and all that may be served.

        Where TC or ET fails, its network is kept in float32 and the rest is judged again; where that does not help,
        these numbers are not served. WT is most of the work: without it there is nothing to gain.
        """
        reference = ReferenceEngine(graphs[GraphForm.FLOAT])
        judged = to_judge(nets)
        open_to_judge = [Candidate(net) for net in judged]
        trial = Trial.of([*open_to_judge, *(Candidate(net.exact) for net in judged)], first=nets[0])
        reports: list[DscGateReport] = []
        allowed: dict[str, Candidate] = {}
        with _LazyTriton(self.server, trial, self.networks, graphs) as triton:
            while open_to_judge:
                engines: dict[str, Callable[[], Predictor]] = {reference.name: lambda: reference}
                engines |= {candidate.numbers: partial(triton.engine, candidate) for candidate in open_to_judge}
                scores = self.cohort.score(engines, ledger=ledger, context=self._context(graphs), say=self.say)
                again = []
                for candidate in open_to_judge:
                    pairs = list(zip(scores[reference.name], scores[candidate.numbers], strict=True))
                    report = judge(
                        pairs,
                        numbers=candidate.numbers,
                        reference=reference.name,
                        golden_faults=self._golden_faults(candidate, triton, graphs, ledger),
                    )
                    self.say(f"gate: {report.summary}")
                    reports.append(report)
                    kept = candidate.kept | frozenset(report.faults)
                    if report.passed:
                        allowed[candidate.net.numbers] = candidate
                    elif kept != candidate.kept and Region.WT not in kept:
                        again.append(Candidate(candidate.net, kept))
                open_to_judge = again
        plain = [Candidate(net) for net in nets if not net.reduced]
        reduced = [Candidate(net, allowed[net.numbers].kept) for net in nets if net.numbers in allowed]
        return reports, distinct([*plain, *reduced])

    def _golden_faults(
        self, candidate: Candidate, triton: _LazyTriton, graphs: Graphs, ledger: Ledger
    ) -> tuple[Region, ...]:
        """The regions whose golden slices a candidate answers otherwise than was recorded at export."""
        key = key_of("golden faults", self._context(graphs), candidate.numbers)
        if ledger.get(key) is None:
            engine = triton.engine(candidate)
            ledger.put(key, [region for region, net in self.networks.items() if not net.answers_golden(engine)])
        return tuple(map(Region, ledger.get(key)))

    def _time(
        self, first: Net, candidates: Sequence[Candidate], graphs: Graphs, ledger: Ledger
    ) -> tuple[dict[str, Times], dict[str, Times], Candidate, ClientSettings]:
        """One exam by every candidate, then by the fastest one fed in other ways."""
        exam = load_exam(self.cohort.timed)
        context = key_of(self._context(graphs), self.machine, self.cohort.timed.case_id)
        by_name = {candidate.name: candidate for candidate in candidates}
        with _LazyTriton(self.server, Trial.of(candidates, first=first), self.networks, graphs) as triton:

            def run(candidate: Candidate, client: ClientSettings) -> None:
                segment(
                    exam,
                    triton.engine(candidate),
                    self.cohort.plans,
                    micro_batch=client.micro_batch,
                    in_flight=client.in_flight,
                )

            timed = partial(time_by_turns, rounds=self.rounds, ledger=ledger, say=self.say)
            usual = {name: self._client(candidate)[0] for name, candidate in by_name.items()}
            times = timed({name: partial(run, by_name[name], usual[name]) for name in by_name}, context=context)
            chosen = by_name[fastest(times, list(by_name))]
            clients = {client.name: client for client in self._client(chosen)}
            client_times = timed(
                {name: partial(run, chosen, client) for name, client in clients.items()},
                context=key_of(context, chosen.name),
            )
        return times, client_times, chosen, clients[fastest(client_times, list(clients))]

    def _client(self, candidate: Candidate) -> list[ClientSettings]:
        """How a candidate may be fed, the usual way first: a call in flight for each instance, and at least two."""
        usual = max(2, candidate.net.choice.instances)
        return [ClientSettings(size, count) for count in (usual, usual + 2) for size in MICRO_BATCHES]

    def _context(self, graphs: Graphs) -> str:
        """All that scores depend on, beside patient, engine and the pipeline's code."""
        plans = [plan.to_json() for plan in self.cohort.plans.values()]
        digests = [key_of(graph.hex()) for form in graphs.values() for graph in form.values()]
        return key_of(self.kind, self.machine.processor, self.machine.versions, *plans, *digests)


class _LazyTriton:
    """A trial that is served from the first engine that is asked for: where all is in the ledger, nothing starts."""

    def __init__(self, server: TrialServer, trial: Trial, networks: Networks, graphs: Graphs) -> None:
        self._serving = partial(server.serve, trial, networks, graphs)
        self._trial = trial
        self._stack = ExitStack()
        self._client: InferenceServerClient | None = None
        self._engines: dict[Candidate, CandidateEngine] = {}

    def engine(self, candidate: Candidate) -> CandidateEngine:
        """The engine of a candidate, whose models are in the trial."""
        if self._client is None:
            self._client = self._stack.enter_context(self._serving())
        if candidate not in self._engines:
            self._engines[candidate] = CandidateEngine(self._client, models_of(self._trial, candidate))
        return self._engines[candidate]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
