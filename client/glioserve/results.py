"""What comes back from a server. All values are frozen; units are in the names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glioserve.conventions import MetricConventions
from glioserve.findings import Finding
from glioserve.label_map import BrainMask, LabelMap
from glioserve.terms import LabelScheme, MetricStatus, Modality, Region


@dataclass(frozen=True)
class RegionVolume:
    """How large a region is.

    Args:
        region: WT, TC or ET.
        volume_ml: Millilitres.
        voxels: Voxels of the exam's own grid.
        voxels_removed: Voxels that the network marked and the nesting of the regions took away.
    """

    region: Region
    volume_ml: float
    voxels: int
    voxels_removed: int


@dataclass(frozen=True)
class RegionMetrics:
    """How well a region agrees with a reference. NaN where the empty-mask policy says so.

    Args:
        region: WT, TC or ET.
        dsc: Dice similarity coefficient, 0 to 1.
        hd95_mm: 95th percentile Hausdorff distance, millimetres.
        sensitivity: 0 to 1.
        specificity: 0 to 1.
        status: Whether the values are computed, or the policy's.
    """

    region: Region
    dsc: float
    hd95_mm: float
    sensitivity: float
    specificity: float
    status: MetricStatus


@dataclass(frozen=True)
class StageTiming:
    """How long one stage took on the server.

    Args:
        stage: E.g. `segment_wt`.
        seconds: Seconds.
    """

    stage: str
    seconds: float


@dataclass(frozen=True)
class ModelInfo:
    """A model that a server uses.

    Args:
        name: As in the server's model repository.
        version: Its version there.
        sha256: Digest of its ONNX file.
        region: What it segments; None for a model of another kind.
        channels: Its inputs, in order.
    """

    name: str
    version: str
    sha256: str
    region: Region | None
    channels: tuple[str, ...]


@dataclass(frozen=True)
class GeneratorInfo:
    """A generator that a server draws synthetic exams with.

    Args:
        name: What calls ask for, e.g. `joint`.
        model: As in the server's model repository.
        version: Its version there.
        sha256: Digest of its ONNX file.
        draws: The contrasts that it draws.
    """

    name: str
    model: str
    version: str
    sha256: str
    draws: tuple[Modality, ...]


@dataclass(frozen=True, eq=False)
class Preparation:
    """What was done to one contrast before the networks saw it.

    Args:
        modality: Which contrast.
        registered: It was moved rigidly onto the T1CE.
        resampled: It was interpolated onto another grid.
        brain_extracted: Everything but the brain was removed.
        motion: `float64 [4, 4]`, takes a position of the T1CE, in mm, RAS+, to this contrast's; the identity where
            nothing moved.
        similarity_before: Mutual information with the T1CE, nats; 0 where nothing was registered.
        similarity_after: The same after the motion.
    """

    modality: Modality
    registered: bool
    resampled: bool
    brain_extracted: bool
    motion: npt.NDArray[np.float64]
    similarity_before: float
    similarity_after: float


@dataclass(frozen=True)
class SegmentationResult:
    """One exam, segmented.

    Args:
        label_map: The labels, on the grid of one of the exam's contrasts as sent.
        volumes: WT, TC, ET.
        metrics: WT, TC, ET where a reference was sent, else empty.
        conventions: How the metrics were computed; None without a reference.
        reference_label_scheme: How the reference was read; None without one.
        timings: The server's stages, in order.
        models: The models that took part.
        warnings: What a reader of the result must know, e.g. that no tumour was found.
        notes: Decisions taken on the caller's behalf, e.g. an inferred label scheme.
        server_version: Of the gateway.
        engine: What ran the networks, e.g. `triton`.
        output_grid: The contrast whose grid the masks are on.
        findings: Warnings of the case check.
        preparations: What was done to each contrast; empty from servers that do not tell.
        brain_mask: The brain, on the masks' grid; None where the exam came skull-stripped.
        shown_share: Of the voxels of three whole frames, the share that the three networks were shown; 1 where the
            full frame was asked for, None from servers that do not tell.
        worked_s: Seconds on the server by the clock, waiting left out; None from servers that do not tell.
    """

    label_map: LabelMap
    volumes: tuple[RegionVolume, ...]
    metrics: tuple[RegionMetrics, ...]
    conventions: MetricConventions | None
    reference_label_scheme: LabelScheme | None
    timings: tuple[StageTiming, ...]
    models: tuple[ModelInfo, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    server_version: str
    engine: str
    output_grid: Modality = Modality.T1CE
    findings: tuple[Finding, ...] = ()
    preparations: tuple[Preparation, ...] = ()
    brain_mask: BrainMask | None = None
    shown_share: float | None = None
    worked_s: float | None = None

    def volume_ml(self, region: Region) -> float:
        """The volume of a region in millilitres."""
        return next(volume.volume_ml for volume in self.volumes if volume.region is region)

    @property
    def total_s(self) -> float:
        """Seconds on the server, waiting left out; of a server that does not tell, all stages' together."""
        return sum(timing.seconds for timing in self.timings) if self.worked_s is None else self.worked_s


@dataclass(frozen=True)
class EvaluationResult:
    """One label map, scored against another.

    Args:
        metrics: WT, TC, ET.
        prediction_volumes: WT, TC, ET of the prediction.
        reference_volumes: WT, TC, ET of the reference.
        conventions: How the metrics were computed.
        prediction_label_scheme: How the prediction was read.
        reference_label_scheme: How the reference was read.
        server_version: Of the gateway.
    """

    metrics: tuple[RegionMetrics, ...]
    prediction_volumes: tuple[RegionVolume, ...]
    reference_volumes: tuple[RegionVolume, ...]
    conventions: MetricConventions
    prediction_label_scheme: LabelScheme
    reference_label_scheme: LabelScheme
    server_version: str


@dataclass(frozen=True)
class ServerInfo:
    """What a server is and serves.

    Args:
        server_version: Of the gateway.
        engine: What runs the networks, e.g. `triton`.
        models: All that it serves.
        label_schemes: Those that the server and this client know.
        max_file_bytes: Limit of one file as sent, bytes.
        max_voxels: Limit of one volume, voxels.
        queue_capacity: Exams that may wait.
        queue_length: Exams that wait now.
        generators: What it draws synthetic exams with; none where it draws none.
    """

    server_version: str
    engine: str
    models: tuple[ModelInfo, ...]
    label_schemes: tuple[LabelScheme, ...]
    max_file_bytes: int
    max_voxels: int
    queue_capacity: int
    queue_length: int
    generators: tuple[GeneratorInfo, ...] = ()
