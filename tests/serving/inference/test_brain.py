"""Brain extraction as it is served: the catalog, both engines, the golden check, the real networks on real heads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import nibabel as nib
import numpy as np
import numpy.typing as npt
import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig

from imaging.brain.extract import extract_brain
from imaging.brain.plan import BrainPlan, BrainStep
from imaging.metrics.overlap import compute_dsc, count_confusion
from imaging.modality import Modality
from imaging.phantom.phantom import make_phantom
from imaging.phantom.skull import with_skull
from imaging.volume import Volume
from serving.errors import (
    EngineAnswerError,
    EngineRequestError,
    EngineUnavailableError,
    GoldenMismatchError,
    ModelRepositoryError,
)
from serving.inference.catalog import repository_catalog
from serving.inference.checks import check_answer, check_batch
from serving.inference.engine import InferenceEngine
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.readiness import check_golden
from serving.inference.triton_predictor import TritonPredictor
from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from tests.serving.model_repository import BRAIN_PLANS, write_repository

RELEASED = Path(__file__).resolve().parents[3] / "models"
RAW = os.environ.get("GLIOSERVE_RAW_DIR")
HEAD = np.random.default_rng(0).integers(0, 256, (32, 64, 96)).astype(np.uint8)


@pytest.fixture(scope="module")
def with_brain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that has brain extraction too."""
    return write_repository(tmp_path_factory.mktemp("models"), draws=False, finds_brain=True)


@pytest.fixture
def altered(tmp_path: Path) -> Path:
    """The same, for a test to break."""
    return write_repository(tmp_path, draws=False, finds_brain=True)


def test_the_catalog_has_both_steps(with_brain: Path) -> None:
    catalog = repository_catalog(with_brain)

    assert catalog.brain is not None
    assert catalog.brain.plan == BrainPlan(BRAIN_PLANS[BrainStep.BOX], BRAIN_PLANS[BrainStep.MASK])
    for step in BrainStep:
        network = catalog.brain_step(step)
        assert network is catalog.brain[step]
        assert (network.name, network.plan.step) == (f"brain_{step}", step)
        assert (network.max_batch_size, network.gives_back) == (1, "cpu:0")
    assert [network.name for network in catalog.networks[-2:]] == ["brain_box", "brain_mask"]


def test_a_repository_need_not_have_it(repository: Path) -> None:
    catalog = repository_catalog(repository)

    assert catalog.brain is None
    with pytest.raises(ModelRepositoryError, match="brain_mask: must be in the model repository, got none"):
        OnnxRuntimePredictor(repository).find_brain(BrainStep.MASK, HEAD)


@pytest.mark.parametrize("step", BrainStep)
def test_one_step_alone_is_refused(altered: Path, step: BrainStep) -> None:
    (altered / f"brain_{step}").rename(altered / "put_aside")

    with pytest.raises(ModelRepositoryError, match=f"brain_{step}: must stand beside brain_"):
        repository_catalog(altered)


def with_the_other_plan(config: ModelConfig) -> None:
    config.parameters["glioserve_plan"].string_value = BRAIN_PLANS[BrainStep.BOX].to_json()


def with_a_damaged_plan(config: ModelConfig) -> None:
    config.parameters["glioserve_plan"].string_value = "{}"


def with_channels(config: ModelConfig) -> None:
    config.input[0].dims.insert(0, 1)


def with_float_output(config: ModelConfig) -> None:
    config.output[0].data_type = 11


@pytest.mark.parametrize(
    ("alter", "complaint"),
    [
        (with_the_other_plan, "brain_mask: must have a plan for its own step, got box"),
        (with_a_damaged_plan, "brain_mask: parameter glioserve_plan must be an object"),
        (with_channels, "brain_mask: must have one uint8 tensor volume [-1, -1, -1]"),
        (with_float_output, "brain_mask: must have one uint8 tensor probabilities [-1, -1, -1]"),
    ],
)
def test_refuses_a_configuration(altered: Path, alter: Callable[[ModelConfig], None], complaint: str) -> None:
    path = altered / "brain_mask" / "config.pbtxt"
    config = text_format.Parse(path.read_text(), ModelConfig())
    alter(config)
    path.write_text(text_format.MessageToString(config))

    with pytest.raises(ModelRepositoryError) as caught:
        repository_catalog(altered)

    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("batch", "complaint"),
    [
        (np.zeros((1, 1, 32, 32, 32), np.uint8), r"volume must be of shape \[head, i, j, k\]"),
        (np.zeros((1, 32, 32, 0), np.uint8), r"volume must be of shape \[head, i, j, k\]"),
        (np.zeros((1, 32, 32, 32), np.float32), "volume must be uint8"),
        (np.zeros((2, 32, 32, 32), np.uint8), "must get at most 1 heads"),
    ],
)
def test_refuses_what_is_no_head(with_brain: Path, batch: np.ndarray, complaint: str) -> None:
    with pytest.raises(EngineRequestError, match=complaint):
        check_batch(repository_catalog(with_brain).brain_step(BrainStep.BOX), batch)


def test_refuses_what_is_no_answer(with_brain: Path) -> None:
    network, batch = repository_catalog(with_brain).brain_step(BrainStep.BOX), HEAD[np.newaxis]
    check_answer(network, batch, batch)

    with pytest.raises(EngineAnswerError, match=r"must answer uint8 \(1, 32, 64, 96\), got float32"):
        check_answer(network, batch, batch.astype(np.float32))
    with pytest.raises(EngineAnswerError, match=r"must answer uint8 \(1, 32, 64, 96\)"):
        check_answer(network, batch, batch[:, :, :, :-1])


def test_bright_is_brain_in_process(with_brain: Path) -> None:
    with closing(OnnxRuntimePredictor(with_brain)) as engine:
        box, mask = (engine.find_brain(step, HEAD) for step in BrainStep)

    assert (box.shape, box.dtype) == (HEAD.shape, np.uint8)
    np.testing.assert_array_equal(box > 127, HEAD >= 100)
    np.testing.assert_array_equal(mask > 127, HEAD >= 140)
    with pytest.raises(EngineUnavailableError):
        engine.find_brain(BrainStep.BOX, HEAD)


class OffByALittle(OnnxRuntimePredictor):
    """Answers a little more brain than there is in one step."""

    wrong = BrainStep.MASK

    def find_brain(self, step: BrainStep, volume: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        answer = super().find_brain(step, volume)
        return answer + np.uint8(5) * (answer < 250) if step is self.wrong else answer


@pytest.mark.parametrize("step", BrainStep)
def test_the_golden_check_covers_both_steps(with_brain: Path, step: BrainStep) -> None:
    differences = check_golden(OnnxRuntimePredictor(with_brain))
    assert {"brain_box", "brain_mask"} < set(differences)
    assert max(differences.values()) < 1e-4

    engine = OffByALittle(with_brain)
    engine.wrong = step
    with pytest.raises(GoldenMismatchError, match=f"brain_{step}: golden answer must equal"):
        check_golden(engine)


@pytest.fixture(scope="module")
def real_networks(tmp_path_factory: pytest.TempPathFactory, runtime: TritonRuntime) -> Iterator[InferenceEngine]:
    """The released networks of brain extraction beside tiny U-Nets, in a real Triton."""
    repository = write_repository(tmp_path_factory.mktemp("models"), draws=False)
    for step in BrainStep:
        (repository / f"brain_{step}").symlink_to(RELEASED / f"brain_{step}")
    log = repository.parent / "triton.log"
    with (
        TritonServer(TritonSettings(repository, log), runtime) as server,
        closing(TritonPredictor(server.address)) as engine,
    ):
        yield engine


def extract(engine: InferenceEngine, volume: Volume) -> npt.NDArray[np.bool_]:
    assert engine.catalog.brain is not None
    return extract_brain(volume, engine, engine.catalog.brain.plan)


def dsc(mask: npt.NDArray[np.bool_], reference: npt.NDArray[np.bool_]) -> float:
    return compute_dsc(count_confusion(mask, reference))


@pytest.fixture(scope="module")
def coarse_head() -> tuple[Volume, npt.NDArray[np.bool_]]:
    """A phantom's head in slices of 5 mm, and its brain."""
    stripped = make_phantom(3).exam.volumes[Modality.T1CE]
    thin = with_skull(stripped)
    step = np.diag([1.0, 1.0, 5.0, 1.0])
    volume = Volume.from_affine(thin.voxels[:, :, ::5], thin.grid.affine @ step)
    return volume, np.asarray(stripped.voxels[:, :, ::5] != 0)


@pytest.mark.triton
def test_the_real_networks_find_a_phantoms_brain_within_triton(
    real_networks: InferenceEngine, coarse_head: tuple[Volume, npt.NDArray[np.bool_]]
) -> None:
    volume, brain = coarse_head

    found = extract(real_networks, volume)

    assert dsc(found, brain) > 0.93
    assert np.count_nonzero(found & brain) / np.count_nonzero(brain) > 0.99


@pytest.mark.triton
def test_both_engines_answer_the_same(real_networks: InferenceEngine, tmp_path: Path) -> None:
    repository = write_repository(tmp_path, draws=False)
    for step in BrainStep:
        (repository / f"brain_{step}").symlink_to(RELEASED / f"brain_{step}")
    cube = np.random.default_rng(1).integers(0, 256, (64, 96, 32)).astype(np.uint8)

    with closing(OnnxRuntimePredictor(repository)) as in_process:
        assert in_process.catalog == real_networks.catalog
        for step in BrainStep:
            other = real_networks.find_brain(step, cube).astype(np.int16)
            assert np.abs(in_process.find_brain(step, cube).astype(np.int16) - other).max() <= 1


@pytest.mark.triton
def test_triton_refuses_more_than_one_head(real_networks: InferenceEngine) -> None:
    with pytest.raises(EngineRequestError, match=r"brain_box: volume must be of shape \[head, i, j, k\]"):
        real_networks.find_brain(BrainStep.BOX, np.zeros((2, 32, 32, 32), np.uint8))


@pytest.mark.skipif(RAW is None, reason="GLIOSERVE_RAW_DIR is not set")
@pytest.mark.parametrize(("contrast", "least"), [("t1", 0.975), ("t1ce", 0.97), ("t2", 0.93), ("flair", 0.955)])
def test_a_clinical_exam_against_hd_bet(contrast: str, least: float) -> None:
    folder = Path(str(RAW), "TCGA-FG-6692")
    image = nib.load(folder / f"native_{contrast}.nii.gz")
    reference = nib.load(folder / f"reference_hdbet_mask_{contrast}.nii.gz")
    volume = Volume.from_affine(np.asarray(image.dataobj), image.affine)

    with closing(OnnxRuntimePredictor(RELEASED)) as engine:
        found = extract(engine, volume)

    assert dsc(found, np.asarray(reference.dataobj) > 0) >= least
