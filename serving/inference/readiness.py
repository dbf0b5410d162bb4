"""Whether an engine can be trusted: every network gives its golden answer, as at export."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from imaging.brain.plan import BrainStep
from imaging.errors import GoldenError
from serving.errors import EngineAnswerError, GoldenMismatchError, ServingError
from serving.inference.engine import InferenceEngine
from serving.inference.networks import Answer, ServedNetwork

_log = logging.getLogger(__name__)


def check_golden(engine: InferenceEngine) -> dict[str, float]:
    """Let every U-Net answer the golden slices, every generator the golden maps, brain extraction the golden head.

    Returns:
        For each network, by its name, the largest difference from the recorded values.

    Raises:
        GoldenMismatchError: A network answers something else than it did at export.
        ServingError: The engine did not answer, or its answer is none.
    """
    differences: dict[str, float] = {}
    for network, answer in _golden_answers(engine):
        try:
            differences[network.name] = network.golden.check(network.golden_part(answer))
        except GoldenError as error:
            raise GoldenMismatchError(network.name, f"golden {error.field} {error.rule}", error.got) from None
    return differences


def _golden_answers(engine: InferenceEngine) -> Iterator[tuple[ServedNetwork, Answer]]:
    for region, model in engine.catalog.models.items():
        yield model, engine.predict(region, model.golden_input)
    for target, generator in engine.catalog.generators.items():
        yield generator, engine.draw(target, generator.golden_input)
    if (brain := engine.catalog.brain) is not None:
        for step in BrainStep:
            yield brain[step], engine.find_brain(step, brain[step].golden_input[0])[np.newaxis]


@dataclass(frozen=True)
class CanaryReport:
    """How the last golden check went.

    Args:
        ready: Every network answered as at export.
        fault: Why not; None when ready.
    """

    ready: bool
    fault: ServingError | None = None


class Canary:
    """Repeats the golden check from a thread of its own, and tells when the outcome changes.

    Use as a context manager, or call `start` and `stop`.

    Args:
        engine: What is checked.
        period_s: Seconds from the end of one check to the start of the next.
        retry_s: The same while the engine is not ready, so that its return is noticed soon.
        on_change: Called from the canary's thread with the first report, and whenever `ready` differs from before.
    """

    def __init__(
        self,
        engine: InferenceEngine,
        *,
        period_s: float = 30.0,
        retry_s: float = 1.0,
        on_change: Callable[[CanaryReport], None],
    ) -> None:
        self._engine = engine
        self._period_s = period_s
        self._retry_s = min(retry_s, period_s)
        self._on_change = on_change
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._report: CanaryReport | None = None
        self._thread = threading.Thread(target=self._run, name="canary", daemon=True)

    @property
    def report(self) -> CanaryReport | None:
        """The last outcome; None before the first."""
        return self._report

    def start(self) -> None:
        """Begin; the first check starts at once."""
        self._thread.start()

    def check_soon(self) -> None:
        """Do the next check now rather than at its time, e.g. after a call that failed."""
        self._wake.set()

    def stop(self) -> None:
        """End. A check that runs is waited for."""
        self._stopping.set()
        self._wake.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            report = self._check()
            self._tell(report)
            self._wake.wait(self._period_s if report.ready else self._retry_s)
            self._wake.clear()  # before `_stopping` is looked at, so that `stop` is never missed

    def _check(self) -> CanaryReport:
        try:
            check_golden(self._engine)
        except ServingError as fault:
            return CanaryReport(ready=False, fault=fault)
        except Exception as error:  # noqa: BLE001 (whatever it is, it must not end the canary)
            broken = EngineAnswerError("engine", "must answer its golden input", type(error).__name__)
            return CanaryReport(ready=False, fault=broken)
        return CanaryReport(ready=True)

    def _tell(self, report: CanaryReport) -> None:
        before, self._report = self._report, report
        if before is not None and before.ready == report.ready:
            return
        if report.fault is None:
            _log.info("engine.ready", extra={"engine": self._engine.engine})
        else:
            _log.error("engine.not_ready", extra={"engine": self._engine.engine, "fault": report.fault.kind})
        self._on_change(report)
