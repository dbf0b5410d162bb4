"""Synthetic exams: what is asked for, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glioserve.atomic import make_folder, write_atomic
from glioserve.exam_files import PathLike
from glioserve.gzipped import GzippedNifti
from glioserve.label_map import LabelMap
from glioserve.results import RegionVolume, StageTiming
from glioserve.terms import Enhancement, Modality, Region, Side

PROVENANCE = "provenance.json"

RightAnteriorSuperior = tuple[float, float, float]
"""One number along each axis of the world."""


@dataclass(frozen=True)
class BuiltinMap:
    """A map of the server's built-in source, nobody's brain. The server checks the numbers.

    Args:
        seed: Decides all that is not given, 0 or more.
        enhancement: How the tumour takes up contrast agent; drawn if None.
        volume_ml: Of the whole tumour, aimed at, 5 to 180; drawn if None.
        side: The hemisphere that it sits in; drawn if None.
    """

    seed: int
    enhancement: Enhancement | None = None
    volume_ml: float | None = None
    side: Side | None = None


@dataclass(frozen=True)
class MapEdit:
    """How the tumour of a map is moved, resized, turned and reshaped; the defaults change nothing.

    The map is mirrored first. The server checks the numbers.

    Args:
        shift_mm: Of the tumour's centroid, along R, A, S, each at most 250.
        scale: Linear factor, 0.4 to 2.5; the volume changes by about its cube.
        rotation_deg: About R, then A, then S, each -180 to 180.
        elastic_mm: RMS displacement of a random field that reshapes it, 0 to a quarter of `elastic_scale_mm`.
        elastic_scale_mm: Distance of the field's knots, 2 to 100.
        mirror: Whether left and right of the whole map are exchanged.
    """

    shift_mm: RightAnteriorSuperior = (0.0, 0.0, 0.0)
    scale: float = 1.0
    rotation_deg: RightAnteriorSuperior = (0.0, 0.0, 0.0)
    elastic_mm: float = 0.0
    elastic_scale_mm: float = 20.0
    mirror: bool = False


@dataclass(frozen=True)
class SyntheticVolume(GzippedNifti):
    """One contrast of a synthetic exam."""

    @cached_property
    def array(self) -> npt.NDArray[np.int16]:
        """Intensities in the file's own voxel order, `int16 [i, j, k]`, 0 outside the brain, 1 to 1000 in it.

        Read-only.
        """
        voxels = np.asarray(self.image.dataobj).astype(np.int16)
        voxels.flags.writeable = False
        return voxels


@dataclass(frozen=True)
class SyntheticExam:
    """A labelled exam of nobody, drawn from a brain map.

    Args:
        case_id: A name that the server made from what was asked; it says that the exam is synthetic.
        volumes: By contrast, in the order that was asked for, all on one grid.
        label_map: The labels of the map that was drawn, on the same grid.
        region_volumes: WT, TC, ET of that map.
        file_names: Of each contrast, and of the labels last: as in BraTS, so that they tell the label scheme.
        provenance_json: All that the exam follows from, as the server wrote it.
        provenance: The same, read.
        timings: The server's stages, in order.
        server_version: Of the gateway.
        engine: What ran the generator, e.g. `triton`.
    """

    case_id: str
    volumes: Mapping[Modality, SyntheticVolume]
    label_map: LabelMap
    region_volumes: tuple[RegionVolume, ...]
    file_names: tuple[str, ...]
    provenance_json: str = field(repr=False)
    provenance: Mapping[str, Any] = field(repr=False)
    timings: tuple[StageTiming, ...]
    server_version: str
    engine: str

    def volume_ml(self, region: Region) -> float:
        """The volume of a region in millilitres."""
        return next(volume.volume_ml for volume in self.region_volumes if volume.region is region)

    @property
    def total_s(self) -> float:
        """Seconds of all stages."""
        return sum(timing.seconds for timing in self.timings)

    def save(self, folder: PathLike) -> Path:
        """Writes the exam as a BraTS case folder, each file whole or not at all, `provenance.json` last.

        Args:
            folder: Where the case's own folder is made; made itself if it is not there.

        Returns:
            The case's folder.

        Raises:
            OutputError: Something can't be written.
        """
        target = Path(folder) / self.case_id
        make_folder(target)
        for name, image in zip(self.file_names, (*self.volumes.values(), self.label_map), strict=True):
            image.save(target / name)
        write_atomic(target / PROVENANCE, self.provenance_json.encode())
        return target
