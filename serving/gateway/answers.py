"""What a call is answered with, in domain values: events on the way, an outcome at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from imaging.casecheck.finding import Finding
from imaging.metrics.regions import RegionMetrics
from imaging.modality import Modality
from imaging.pipeline.observer import Stage
from imaging.pipeline.standardise import Preparation
from imaging.regions import Region
from serving.gateway.intensity import Intensity
from serving.synthesis.provenance import Provenance


class SynthesisStage(StrEnum):
    """A step of the making of a synthetic exam, as it appears in progress events, timings and metrics."""

    MAP = "map"
    """Grow or decode the brain map that the exam starts from."""
    EDIT = "edit"
    DRAW = "draw"
    DESCRIBE = "describe"
    """Measure the map that was drawn."""
    ENCODE = "encode"


@dataclass(frozen=True)
class Queued:
    """The call waits for a worker; `position` calls are ahead of it."""

    position: int


@dataclass(frozen=True)
class Progressed:
    """`done` of `total` units of a stage are finished."""

    stage: Stage | SynthesisStage
    done: int
    total: int


@dataclass(frozen=True)
class RegionVolume:
    """The size of a region.

    Args:
        region: Which one.
        voxels: How many it has.
        volume_ml: Their volume.
        voxels_removed: How many gating took away; 0 as long as gating has not run.
    """

    region: Region
    voxels: int
    volume_ml: float
    voxels_removed: int = 0


@dataclass(frozen=True)
class Found:
    """A region is known before the rest."""

    volume: RegionVolume


Event = Queued | Progressed | Found
Emit = Callable[[Event], None]
"""Takes an event."""


@dataclass(frozen=True, eq=False)
class SegmentOutcome:
    """A segmented exam.

    Args:
        volumes: Of WT, TC, ET.
        metrics: Against the reference, when one was sent.
        timings_s: Seconds per step, in order: decode, the pipeline's stages, measure, encode.
        warnings: What a reader must know.
        findings: Of the case check: warnings alone.
        preparations: What was done to each modality.
        intensities: How bright each modality is, as sent.
        worked_s: By the clock, from the first file decoded to the label map encoded.
        shown_share: Of three times the frame's voxels, what the three networks were shown.
        label_map: The labels as gzipped NIfTI, on the grid that was asked for.
        brain_mask: What was taken for the brain, likewise; no bytes where the exam came skull-stripped.
    """

    volumes: tuple[RegionVolume, ...]
    metrics: Mapping[Region, RegionMetrics]
    timings_s: Mapping[str, float]
    warnings: tuple[str, ...]
    findings: tuple[Finding, ...]
    preparations: Mapping[Modality, Preparation]
    intensities: Mapping[Modality, Intensity]
    worked_s: float
    shown_share: float
    label_map: bytes
    brain_mask: bytes


@dataclass(frozen=True, eq=False)
class GenerateOutcome:
    """A synthetic exam.

    Args:
        files: The volumes, in the order that was asked for, then the label map; gzipped NIfTI, all on one grid.
        volumes: Of WT, TC, ET of the map that was drawn.
        timings_s: Seconds per step, in order.
        provenance: What the exam follows from, with the names and digests of the files, in their order.
    """

    files: tuple[bytes, ...]
    volumes: tuple[RegionVolume, ...]
    timings_s: Mapping[str, float]
    provenance: Provenance


@dataclass(frozen=True)
class EvaluateOutcome:
    """A judged label map: metrics per region, and the volumes of both maps."""

    metrics: Mapping[Region, RegionMetrics]
    prediction_volumes: tuple[RegionVolume, ...]
    reference_volumes: tuple[RegionVolume, ...]
