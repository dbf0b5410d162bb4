"""The golden check and the canary that repeats it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from imaging.pipeline.predictor import Slices
from imaging.regions import Region
from serving.errors import Cause, EngineUnavailableError, GoldenMismatchError, ServingError
from serving.inference.engine import Engine
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.readiness import Canary, CanaryReport, check_golden

PATIENCE_S = 20.0
NETWORKS = {"unet_wt", "unet_tc", "unet_et", "generator_joint"}


class FaultyEngine:
    """The in-process engine, with a fault that can be switched on."""

    engine = Engine.ONNXRUNTIME

    def __init__(self, repository: Path) -> None:
        self._genuine = OnnxRuntimePredictor(repository)
        self.catalog = self._genuine.catalog
        self.fault: ServingError | None = None
        self.off_by = 0.0
        self.wrong = "unet_et"

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        return self._falsify(self.catalog[region].name, self._genuine.predict(region, slices))

    def draw(self, generator: str, maps: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return self._falsify(self.catalog.generator(generator).name, self._genuine.draw(generator, maps))

    def _falsify(self, name: str, answer: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        if self.fault is not None:
            raise self.fault
        return answer + np.float32(self.off_by) if name == self.wrong else answer

    def close(self) -> None:
        self._genuine.close()


@pytest.fixture
def engine(repository: Path) -> FaultyEngine:
    return FaultyEngine(repository)


def test_an_engine_that_answers_as_at_export(engine: FaultyEngine) -> None:
    differences = check_golden(engine)

    assert set(differences) == NETWORKS
    assert max(differences.values()) < 1e-4


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_one_wrong_network_is_enough(engine: FaultyEngine, name: str) -> None:
    engine.wrong, engine.off_by = name, 0.02

    with pytest.raises(GoldenMismatchError, match=f"{name}: golden answer must equal") as caught:
        check_golden(engine)
    assert caught.value.cause is Cause.UNAVAILABLE
    assert caught.value.kind == "GoldenMismatchError"


@pytest.fixture
def reports() -> queue.Queue[CanaryReport]:
    return queue.Queue()


@pytest.fixture
def canary(engine: FaultyEngine, reports: queue.Queue[CanaryReport]) -> Iterator[Canary]:
    with Canary(engine, period_s=600.0, on_change=reports.put) as canary:
        yield canary


def test_a_canary_tells_of_every_change(
    engine: FaultyEngine, canary: Canary, reports: queue.Queue[CanaryReport]
) -> None:
    assert reports.get(timeout=PATIENCE_S) == CanaryReport(ready=True)

    engine.fault = EngineUnavailableError("triton", "must answer", "nothing")
    canary.check_soon()
    assert reports.get(timeout=PATIENCE_S) == CanaryReport(ready=False, fault=engine.fault)
    assert canary.report == CanaryReport(ready=False, fault=engine.fault)

    engine.fault = None
    canary.check_soon()
    assert reports.get(timeout=PATIENCE_S).ready


def test_a_canary_checks_by_itself_and_tells_nothing_twice(
    engine: FaultyEngine, reports: queue.Queue[CanaryReport]
) -> None:
    with Canary(engine, period_s=0.01, on_change=reports.put):
        assert reports.get(timeout=PATIENCE_S).ready
        engine.off_by = 0.5
        assert not reports.get(timeout=PATIENCE_S).ready
        engine.off_by = 0.0
        assert reports.get(timeout=PATIENCE_S).ready
    assert reports.empty()


def test_a_generator_that_answers_wrongly_makes_the_engine_not_ready(
    engine: FaultyEngine, canary: Canary, reports: queue.Queue[CanaryReport]
) -> None:
    assert reports.get(timeout=PATIENCE_S).ready

    engine.wrong, engine.off_by = "generator_joint", 0.02
    canary.check_soon()

    report = reports.get(timeout=PATIENCE_S)
    assert not report.ready
    assert "generator_joint" in str(report.fault)
