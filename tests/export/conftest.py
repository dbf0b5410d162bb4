"""A tiny network with lively answers, its graph, a small exam, and a training run's folder around them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from export.cases import ParityCase, parity_cases
from export.generator_cases import MapCase, map_cases
from export.generator_graph import export_generator
from export.generator_parity import GeneratorParityReport, compare_generator
from export.generator_release import ParityMap
from export.graph import serialise
from export.parity import ParityReport, compare
from export.release import ParityExam
from export.unet_graph import export_unet
from imaging.brainmap.maps import BrainMap
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.regions import Region
from imaging.volume import Volume
from tests.export.tiny import PLAN, REGION, lively_unet
from tests.export.tiny_generator import GENERATOR_PLAN, lively_generator
from training.plan import Fingerprint, RunPlan
from training.profiles import ProfileName, profile_for
from training.records import RunFolder
from training.split import Split
from training.synthesis.painter import TrainedGenerator
from training.unet import UNet


@pytest.fixture(scope="session")
def net() -> UNet:
    return lively_unet(len(PLAN.channels))


@pytest.fixture(scope="session")
def graph(net: UNet) -> bytes:
    return serialise(export_unet(net, channels=len(PLAN.channels)))


@pytest.fixture(scope="session")
def exam() -> ParityExam:
    """An ellipsoid of a brain with a bright ball in it, 80 x 96 x 20 voxels."""
    random = np.random.default_rng(5)
    i, j, k = np.ogrid[-40:40, -48:48, -10:10]
    brain = (i / 36) ** 2 + (j / 42) ** 2 + (k / 9) ** 2 < 1
    tumour = ((i - 8) ** 2 + (j + 6) ** 2 + (2 * k) ** 2 < 144) & brain
    grid = Grid(brain.shape, np.eye(4))
    volumes = {}
    for modality in Modality:
        voxels = np.where(brain, 400 + 40 * random.standard_normal(brain.shape) + 200 * tumour, 0)
        volumes[modality] = Volume(voxels.astype(np.int16), grid)
    return ParityExam(Exam(volumes), dict.fromkeys(Region, tumour), "slices of a test ball")


@pytest.fixture(scope="session")
def cases(exam: ParityExam) -> tuple[ParityCase, ...]:
    return parity_cases(exam.exam, exam.reference[REGION], plan=PLAN)


@pytest.fixture(scope="session")
def parity(net: UNet, graph: bytes, cases: tuple[ParityCase, ...]) -> ParityReport:
    """What the parity gate finds of the honest graph."""
    return compare(net, graph, cases=cases, threshold=PLAN.threshold, source="slices of a test ball")


@pytest.fixture(scope="session")
def run_plan() -> RunPlan:
    return RunPlan(
        profile_name=ProfileName.SMOKE,
        profiles={region: profile_for(ProfileName.SMOKE, region) for region in Region},
        seed=3,
        split=Split(train=("P1", "P2"), validation=("P3",)),
        fingerprint=Fingerprint(
            cases=3,
            patients=3,
            cases_by_naming={"brats2018": 1, "brats2021": 2},
            cases_without={Region.WT: 0, Region.TC: 0, Region.ET: 1},
            volume_ml_quantiles={region: [1.0, 2.0, 3.0, 4.0, 5.0] for region in Region},
            smallest_volume_ml=dict.fromkeys(Region, 1.5),
            digest="d" * 64,
        ),
        versions={"python": "3.11", "torch": "2.13.0"},
    )


@pytest.fixture
def run_folder(tmp_path: Path, run_plan: RunPlan, net: UNet) -> RunFolder:
    """A finished run of the WT network, as `python -m training train` leaves it."""
    folder = RunFolder(tmp_path / "run")
    files = folder.net(REGION)
    files.path.mkdir(parents=True)
    folder.plan.write_text(run_plan.model_dump_json())
    torch.save({"net": net.state_dict(), "epoch": 2}, files.kept)
    record = {"epoch": 2, "seconds": 90.0, "validation_loss": 0.4, "validation_dsc": 0.61}
    files.history.write_text(json.dumps([record | {"epoch": 1}, record]))
    return folder


@pytest.fixture(scope="session")
def generator() -> TrainedGenerator:
    return lively_generator()


@pytest.fixture(scope="session")
def generator_graph(generator: TrainedGenerator) -> bytes:
    return serialise(export_generator(generator.net, GENERATOR_PLAN))


@pytest.fixture(scope="session")
def parity_map(exam: ParityExam) -> ParityMap:
    regions = {**exam.reference, Region.ET: np.zeros_like(exam.reference[Region.ET])}
    return ParityMap(BrainMap.of_exam(exam.exam, regions), "slices of a test ball's map")


@pytest.fixture(scope="session")
def maps(parity_map: ParityMap) -> tuple[MapCase, ...]:
    return map_cases(parity_map.brain_map, GENERATOR_PLAN)


@pytest.fixture(scope="session")
def generator_parity(
    generator: TrainedGenerator, generator_graph: bytes, maps: tuple[MapCase, ...]
) -> GeneratorParityReport:
    """What the parity gate finds of the honest graph."""
    return compare_generator(generator.net, generator_graph, cases=maps, source="slices of a test ball's map")
