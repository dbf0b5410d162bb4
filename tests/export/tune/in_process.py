"""A Triton that takes no time to start, for searches whose logic is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np

from export.session import open_graph
from export.tune.networks import Networks
from export.tune.trial import Graphs, Trial
from export.unet_graph import INPUT, OUTPUT
from imaging.regions import Region


class InProcess:
    """Stands in for a Triton: ONNX Runtime answers for each model in turn. Is a `TrialServer`.

    Args:
        spoilt: Numbers and regions whose probabilities are moved.
        shift: How far.
    """

    def __init__(self, *, spoilt: frozenset[tuple[str, Region]] = frozenset(), shift: float = 0.0) -> None:
        self.spoilt, self.shift = spoilt, shift
        self.served: list[Trial] = []

    @contextmanager
    def serve(self, trial: Trial, _networks: Networks, graphs: Graphs) -> Iterator[SimpleNamespace]:
        self.served.append(trial)
        nets = {trial.name(region, net): (net, region) for net in trial.nets for region in Region}
        sessions = {name: open_graph(graphs[net.graph][region]) for name, (net, region) in nets.items()}

        def get_model_config(_name: str, **_: object) -> SimpleNamespace:
            return SimpleNamespace(config=SimpleNamespace(input=[SimpleNamespace(data_type=10)]))

        def infer(name: str, inputs: list, **_: object) -> SimpleNamespace:
            (tensor,) = inputs
            batch = np.frombuffer(tensor._get_content(), np.float16).reshape(tensor.shape())
            (answer,) = sessions[name].run([OUTPUT], {INPUT: batch})
            net, region = nets[name]
            if (net.numbers, region) in self.spoilt:
                answer = np.clip(answer + np.float16(self.shift), 0, 1)
            return SimpleNamespace(as_numpy=lambda _: answer)

        yield SimpleNamespace(get_model_config=get_model_config, infer=infer)
