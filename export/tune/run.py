"""One search from a command line's order to the models that are served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from export.cases import spread
from export.engine_choice import EngineKind
from export.errors import TuneError
from export.tune.cohort import Cohort
from export.tune.install import install
from export.tune.machine import this_machine
from export.tune.networks import plans_of, read_networks
from export.tune.record import EngineRecord
from export.tune.search import Search
from export.tune.server import OwnTriton, RemoteTriton, TrialServer
from imaging.brats import BratsCase


@dataclass(frozen=True, kw_only=True)
class TuneOrder:
    """What is to be searched.

    Args:
        cases: With references.
        models: The model repository.
        kind: For which processor.
        triton: `host:port` of a Triton that runs already; None starts one of our own, which knows no GPU.
        repository: That Triton's model repository as seen from here; with `triton`.
        patients: How many cases, evenly spread; None for all.
        rounds: How often each candidate is timed.
        work: Folder of what was found.
        install: Whether the models are served as is found.

    Raises:
        TuneError: A GPU is asked for without a Triton that has one, or a Triton without its repository.
    """

    cases: Sequence[BratsCase]
    models: Path
    kind: EngineKind
    triton: str | None
    repository: Path | None
    patients: int | None
    rounds: int
    work: Path
    install: bool

    def __post_init__(self) -> None:
        if (self.triton is None) is not (self.repository is None):
            raise TuneError("triton", "must be given with its repository", "one without the other")
        if self.kind is EngineKind.GPU and self.triton is None:
            rule = "must be named for a GPU: NVIDIA's, started with --model-control-mode=explicit"
            raise TuneError("triton", rule, "none")

    @property
    def server(self) -> TrialServer:
        """What serves the candidates."""
        if self.triton is None or self.repository is None:
            return OwnTriton()
        return RemoteTriton(self.triton, self.repository)

    @property
    def chosen_cases(self) -> Sequence[BratsCase]:
        """The cases that are shown."""
        if self.patients is None:
            return self.cases
        return [self.cases[place] for place in spread(np.arange(len(self.cases)), self.patients)]


def run_tune(order: TuneOrder, *, say: Callable[[str], None]) -> EngineRecord:
    """Search, and serve the U-Nets as is found.

    Args:
        order: What.
        say: Told of progress, a line each.

    Raises:
        ExportError: The models, the data or an engine will not do. The models are as they were.
        ImagingError: A case can't be read or segmented.
        OSError: A file can't be read or written.
    """
    networks = read_networks(order.models)
    search = Search(
        networks=networks,
        cohort=Cohort(order.chosen_cases, plans_of(networks)),
        kind=order.kind,
        machine=this_machine(),
        server=order.server,
        work=order.work,
        rounds=order.rounds,
        say=say,
    )
    record = search.run()
    if order.install:
        install(record, networks, search.graphs())
        say(f"served from now on: {record.chosen.name}")
    return record
