"""Small made-up cohorts: specs, provenances and pictures without a generator."""

from __future__ import annotations

import numpy as np

from imaging.brainmap.edit import MapEdit
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.phantom.lesion import Enhancement
from imaging.regions import Region
from imaging.replicas.verdict import ReplicaVerdict
from imaging.synthesis.side import Side
from imaging.volume import Volume
from serving.batch.spec import BuiltinEntry, CohortSpec
from serving.synthesis.provenance import BuiltinRecord, CohortRecord, GeneratorRecord, Measures, Provenance

SHAPE = (40, 48, 12)
KINDS = (Enhancement.RING, Enhancement.RING, Enhancement.RING, Enhancement.NODULAR, Enhancement.NONE)


def spec(cases=10, **changes):
    return CohortSpec(**({"name": "example", "cases": cases, "seed": 7, "sources": (BuiltinEntry(),)} | changes))


def verdict(flagged=2, *, limit=0.2, near=False, slices=120):
    return ReplicaVerdict(
        slices=slices,
        flagged=flagged,
        near_source=slices if near else 0,
        threshold=0.7,
        limit=limit,
        is_replica=flagged > limit * slices,
        is_near_source=near,
        index="c" * 64,
    )


def provenance(index, *, wt_ml=None, replica=None, judged=True):
    """One case: volumes grow with the index, kinds and sides take turns."""
    kind = KINDS[index % len(KINDS)]
    aimed = 10.0 + 9 * index
    wt_ml = aimed * 1.02 if wt_ml is None else wt_ml
    return Provenance(
        case_id=f"BraTS-SYN-{index:05d}-000",
        index=index,
        cohort=CohortRecord(
            name="example", digest="d" * 64, seed=7, enhancement=kind, volume_ml=aimed, side=None, attempts=1
        ),
        source=BuiltinRecord(seed=index, enhancement=kind, volume_ml=aimed, side=None, map_digest="a" * 64),
        edit=MapEdit(),
        edit_seed=0,
        generator=GeneratorRecord(name="generator_joint", version="1", sha256="e" * 64),
        measures=Measures(
            wt_ml=wt_ml,
            tc_ml=wt_ml * 0.4,
            et_ml=0.0 if kind is Enhancement.NONE else wt_ml * 0.2,
            centroid_mm=(20.0, 10.0, 5.0),
            centroid_share=(0.3 + 0.4 * (index % 2), 0.25 + 0.05 * (index % 10), 0.6),
            side=Side.RIGHT if index % 2 else Side.LEFT,
            enhancement=kind,
        ),
        replica=(verdict() if replica is None else replica) if judged else None,
        files={},
        software={"numpy": "2.4.6", "python": "3.11.7"},
    )


def exam_and_regions(seed=0, *, modalities=tuple(Modality), spacing=(1.0, 1.0, 1.0), flip=False):
    """An ellipsoid of a brain with nested balls on its right, front half; axes RAS, or LPS."""
    rng = np.random.default_rng(seed)
    i, j, k = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    brain = ((i - 20) / 17) ** 2 + ((j - 24) / 21) ** 2 + ((k - 5.5) / 6) ** 2 < 1
    distance = np.sqrt((i - 28.0) ** 2 + (j - 32.0) ** 2 + (2 * (k - 7.0)) ** 2)
    regions = {
        region: (distance < radius) & brain for region, radius in ((Region.WT, 8), (Region.TC, 5), (Region.ET, 3))
    }
    volumes = {
        modality: np.where(brain, 400 + 60 * rng.standard_normal(SHAPE) + 300 * regions[Region.TC], 0).astype(np.int16)
        for modality in modalities
    }
    affine = np.diag([*spacing, 1.0])
    if flip:
        turned = affine @ np.diag([-1.0, -1.0, 1.0, 1.0])
        turned[:2, 3] = [(SHAPE[axis] - 1) * spacing[axis] for axis in range(2)]
        affine = turned
        volumes = {modality: voxels[::-1, ::-1].copy() for modality, voxels in volumes.items()}
        regions = {region: mask[::-1, ::-1].copy() for region, mask in regions.items()}
    grid = Grid(SHAPE, affine)
    return Exam({modality: Volume(voxels, grid) for modality, voxels in volumes.items()}), regions
