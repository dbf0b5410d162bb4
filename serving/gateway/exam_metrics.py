"""What exams and their masks are like, as histograms over all of them, which show a drift that no exam shows alone.

Nothing here can be tied to a patient or to a call: there is no label but the contrast, the region and the rule, no
exemplar, and values are rounded before they are added up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram

from imaging.modality import Modality
from imaging.regions import Region
from serving.gateway.answers import RegionVolume
from serving.gateway.intensity import Intensity

_VOLUME_BUCKETS_ML = (0, 1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 500)
_REMOVED_BUCKETS = (0, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000)
_INTENSITY_BUCKETS = tuple(float(2**power) for power in range(-2, 17))
_VARIATION_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0)


class ExamMetrics:
    """The histograms.

    Args:
        registry: Where they are.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._exams = Counter("glioserve_exams", "Exams segmented", registry=registry)
        self._volume = Histogram(
            "glioserve_region_volume_ml",
            "Volume of a region, to whole ml",
            ["region"],
            buckets=_VOLUME_BUCKETS_ML,
            registry=registry,
        )
        self._empty = Counter(
            "glioserve_empty_regions", "Exams in which a region is empty", ["region"], registry=registry
        )
        self._removed = Histogram(
            "glioserve_gate_removed_voxels",
            "Voxels of a region that gating took away, to two digits",
            ["region"],
            buckets=_REMOVED_BUCKETS,
            registry=registry,
        )
        self._mean = Histogram(
            "glioserve_input_intensity",
            "Mean of a contrast as sent, of the voxels that are not 0",
            ["modality"],
            buckets=_INTENSITY_BUCKETS,
            registry=registry,
        )
        self._variation = Histogram(
            "glioserve_input_variation",
            "Standard deviation of a contrast as sent, over its mean",
            ["modality"],
            buckets=_VARIATION_BUCKETS,
            registry=registry,
        )
        self._findings = Counter(
            "glioserve_findings", "Warnings of the case check, by rule", ["rule"], registry=registry
        )
        for region in Region:
            self._empty.labels(region.value)
            self._removed.labels(region.value)

    def observe(
        self, volumes: Iterable[RegionVolume], intensities: Mapping[Modality, Intensity], rules: Iterable[str]
    ) -> None:
        """An exam has been segmented.

        Args:
            volumes: Of its regions.
            intensities: Of its contrasts as sent.
            rules: That the case check found broken, each a `FindingRule`.
        """
        self._exams.inc()
        for volume in volumes:
            region = volume.region.value
            self._volume.labels(region).observe(round(volume.volume_ml))
            self._removed.labels(region).observe(_two_digits(volume.voxels_removed))
            if volume.voxels == 0:
                self._empty.labels(region).inc()
        for modality, intensity in intensities.items():
            self._mean.labels(modality.value).observe(intensity.mean)
            self._variation.labels(modality.value).observe(intensity.variation)
        for rule in rules:
            self._findings.labels(rule).inc()


def _two_digits(voxels: int) -> float:
    return float(f"{voxels:.1e}")
