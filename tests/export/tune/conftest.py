"""A repository of tiny U-Nets, and two labelled patients that nobody is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.config import model_name, render_config
from export.engine_choice import EngineChoice
from export.graph import serialise
from export.parity import run_graph
from export.session import open_graph
from export.unet_graph import export_unet
from imaging.brats import BratsCase, find_cases
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.nifti import write_nifti_file
from imaging.pipeline.golden import GoldenAnswer, golden_slices
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from imaging.volume import Volume
from tests.export.tiny import lively_unet
from training.profiles import CHANNELS

CARD = "# A card\n\n## Engine\n\nNot measured.\n\n## Limits\n\n- Many.\n"


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository; not to be changed."""
    folder = tmp_path_factory.mktemp("models")
    for region in Region:
        plan = ModelPlan(region=region, channels=CHANNELS[region])
        channels = len(plan.channels)
        graph = serialise(export_unet(lively_unet(channels, seed=len(region.value)), channels=channels))
        golden = GoldenAnswer.record(run_graph(open_graph(graph), golden_slices(channels)))
        place = folder / model_name(region)
        (place / "1").mkdir(parents=True)
        (place / "1" / "model.onnx").write_bytes(graph)
        (place / "config.pbtxt").write_text(
            render_config(plan, graph=graph, golden=golden, engine=EngineChoice(instances=1))
        )
        (place / "MODEL_CARD.md").write_text(CARD)
    return folder


@pytest.fixture(scope="session")
def patients(tmp_path_factory: pytest.TempPathFactory) -> tuple[BratsCase, ...]:
    """Two, each an ellipsoid of a brain with a bright ball in it, 64 x 64 x 12 voxels."""
    folder = tmp_path_factory.mktemp("patients")
    i, j, k = np.ogrid[-32:32, -32:32, -6:6]
    brain = (i / 28) ** 2 + (j / 30) ** 2 + (k / 5) ** 2 < 1
    tumour = ((i - 6) ** 2 + (j + 4) ** 2 + (2 * k) ** 2 < 81) & brain
    grid = Grid(brain.shape, np.diag([-1.0, -1.0, 1.0, 1.0]))
    for number in (1, 2):
        name = f"Brats18_TEST_{number}_1"
        random = np.random.default_rng(number)
        (folder / name).mkdir()
        for modality in Modality:
            voxels = np.where(brain, 400 + 40 * random.standard_normal(brain.shape) + 200 * tumour, 0)
            write_nifti_file(folder / name / f"{name}_{modality.value}.nii.gz", Volume(voxels.astype(np.int16), grid))
        labels = np.where(tumour, 4, 0).astype(np.uint8)
        write_nifti_file(folder / name / f"{name}_seg.nii.gz", Volume(labels, grid))
    return find_cases(folder)
