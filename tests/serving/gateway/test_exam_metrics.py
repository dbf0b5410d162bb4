"""What the metrics tell of exams, and what they do not."""

from __future__ import annotations

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from imaging.modality import Modality
from imaging.regions import Region
from serving.gateway.answers import RegionVolume
from serving.gateway.exam_metrics import ExamMetrics
from serving.gateway.intensity import Intensity
from serving.gateway.metrics import GatewayMetrics
from serving.telemetry.request import working_for

REQUEST = "123e4567-e89b-12d3-a456-426614174000"


def volumes(wt_ml: float, et_voxels: int, removed: int) -> tuple[RegionVolume, ...]:
    return (
        RegionVolume(Region.WT, 1000, wt_ml),
        RegionVolume(Region.TC, 500, 1.0),
        RegionVolume(Region.ET, et_voxels, et_voxels / 1000, removed),
    )


def test_exams_are_added_up_rounded() -> None:
    registry = CollectorRegistry()
    metrics = ExamMetrics(registry)
    brightness = {Modality.T1: Intensity(512.0, 0.31)}
    metrics.observe(volumes(41.37, 0, 1234), brightness, ["coverage", "coverage"])
    metrics.observe(volumes(12.2, 7, 0), brightness, [])

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    assert value("glioserve_exams_total") == 2
    assert value("glioserve_region_volume_ml_sum", region="wt") == 41 + 12
    assert value("glioserve_empty_regions_total", region="et") == 1
    assert value("glioserve_empty_regions_total", region="wt") == 0
    assert value("glioserve_gate_removed_voxels_sum", region="et") == 1200
    assert value("glioserve_input_intensity_bucket", modality="t1", le="512.0") == 2
    assert value("glioserve_input_intensity_bucket", modality="t1", le="256.0") == 0
    assert value("glioserve_findings_total", rule="coverage") == 2


@pytest.mark.parametrize(("mean", "told"), [(100.0, 96.0), (130.0, 128.0), (5000.0, 4096.0), (0.3, 0.25)])
def test_brightness_is_told_coarsely_whatever_its_unit(mean: float, told: float) -> None:
    voxels = np.zeros((30, 30, 30), np.float32)
    voxels[5:25, 5:25, 5:25] = mean
    assert Intensity.of(voxels) == Intensity(told, 0.0)


def test_an_empty_volume_has_no_brightness() -> None:
    assert Intensity.of(np.zeros((6, 6, 6), np.int16)) == Intensity(0.0, 0.0)


def test_the_variation_is_the_deviation_over_the_mean() -> None:
    voxels = np.random.default_rng(0).normal(1000, 200, (60, 60, 60))
    assert Intensity.of(voxels).variation == pytest.approx(0.2, abs=0.011)


def test_exemplars_are_of_durations_and_never_of_what_was_found() -> None:
    metrics = GatewayMetrics()
    with working_for(REQUEST):
        metrics.observe_call("v1.SegmentationService/Segment", "INTERNAL", 1.0, kind="EngineAnswerError")
        metrics.observe_stages({"decode": 0.1})
        metrics.observe_wait(0.1)
        metrics.observe_batch("unet_wt", 8, 0.1)
        metrics.count_engine_fault("unet_wt", "EngineBusyError")
        metrics.exams.observe(volumes(41.0, 3, 10), {Modality.T1: Intensity(512.0, 0.31)}, ["coverage"])
    followed = {
        family.name for family in metrics.registry.collect() for sample in family.samples if sample.exemplar is not None
    }
    assert followed == {
        "glioserve_calls",
        "glioserve_errors",
        "glioserve_call_seconds",
        "glioserve_stage_seconds",
        "glioserve_queue_seconds",
        "glioserve_batch_seconds",
        "glioserve_engine_faults",
    }


def test_outside_of_calls_nothing_has_an_exemplar() -> None:
    metrics = GatewayMetrics()
    metrics.observe_batch("unet_wt", 8, 0.1)
    assert all(sample.exemplar is None for family in metrics.registry.collect() for sample in family.samples)
