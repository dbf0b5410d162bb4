"""A served generator as a painter: what it draws, and that a slice's bytes are its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from imaging.brainmap.draw import draw_exam
from imaging.brainmap.encode import MapChannels
from imaging.brainmap.maps import BrainMapError
from imaging.brainmap.plan import GeneratorPlan
from imaging.modality import Modality
from serving.errors import ServingError, UnknownGeneratorError
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.triton_predictor import TritonPredictor
from serving.settings import Settings
from serving.synthesis.painter import LARGEST_SLICE, ServedPainter, open_painter
from serving.triton.launcher import TritonServer
from serving.triton.runtime import TritonRuntime
from serving.triton.settings import TritonSettings
from tests.imaging.brainmap.balls import ball_map
from tests.serving.model_repository import write_generator, write_repository
from training.synthesis.generator import LARGEST

RELEASED = Path(__file__).resolve().parents[3] / "models"
"""The networks that the project ships: what is said of bytes must hold of them."""
SLICES = 4
SIDE = 24 * 8
"""A head's; at this size a second thread would show in the last bits."""


@pytest.fixture
def engine(repository: Path) -> Iterator[OnnxRuntimePredictor]:
    engine = OnnxRuntimePredictor(repository)
    yield engine
    engine.close()


def test_paints_each_contrast_as_its_plan_names_it(engine: OnnxRuntimePredictor) -> None:
    painter = ServedPainter(engine)
    brain_map = ball_map()
    bands = {modality: array[:, :, 10:13].transpose(2, 0, 1) for modality, array in brain_map.bands.items()}
    lesion = brain_map.lesion[:, :, 10:13].transpose(2, 0, 1)

    painted = painter.paint(bands, lesion)

    images = engine.draw("joint", painter.generator.plan.channels.encode(bands, lesion))
    assert list(painted) == list(Modality)
    for index, image in enumerate(painted.values()):
        np.testing.assert_array_equal(image, images[:, index])
    assert (painter.multiple, painter.micro_batch) == (16, 4)


def test_draws_an_exam(engine: OnnxRuntimePredictor) -> None:
    painter = ServedPainter(engine)
    exam = draw_exam(ball_map(), painter, micro_batch=painter.micro_batch)

    for volume in exam.volumes.values():
        np.testing.assert_array_equal(volume.voxels != 0, ball_map().brain)


def test_a_slice_that_no_generator_can_draw_is_refused(engine: OnnxRuntimePredictor) -> None:
    assert LARGEST_SLICE == LARGEST
    slices = np.zeros((1, 16, LARGEST_SLICE + 16), np.uint8)

    with pytest.raises(BrainMapError, match=r"map: must have a brain that fits slices of 256 x 256, got .* 16 x 272"):
        ServedPainter(engine).paint(dict.fromkeys(Modality, slices), slices)


def test_a_generator_that_is_not_served_or_leaves_a_contrast_out(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    flair = GeneratorPlan(MapChannels((Modality.FLAIR,), bands_in_lesion=False), (Modality.FLAIR,), 16)
    write_generator(repository, name="generator_flair", plan=flair)
    engine = OnnxRuntimePredictor(repository)

    with pytest.raises(UnknownGeneratorError, match="got 't1'"):
        ServedPainter(engine, "t1")
    with pytest.raises(UnknownGeneratorError, match="must draw every contrast, got one without t1, t1ce, t2"):
        ServedPainter(engine, "flair")


def test_opens_the_settings_engine(repository: Path) -> None:
    with open_painter(Settings(engine="onnxruntime", models=repository)) as painter:
        assert painter.generator.target == "joint"


def test_opens_nothing_that_answers_otherwise_than_at_export(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    config = repository / "generator_joint" / "config.pbtxt"
    recorded = config.read_text()
    altered = recorded.replace('\\"probes\\": [0.', '\\"probes\\": [0.0', 1)
    assert altered != recorded
    config.write_text(altered)

    with (
        pytest.raises(ServingError, match="generator_joint: golden answer must equal"),
        open_painter(Settings(engine="onnxruntime", models=repository)),
    ):
        pass


def some_maps(painter: ServedPainter) -> npt.NDArray[np.uint8]:
    """Blocks of tissue of all bands, with a lesion of all parts."""
    rng = np.random.default_rng(0)
    blocks = np.ones((1, 8, 8), np.uint8)
    bands = {
        modality: np.kron(rng.integers(0, 5, (SLICES, SIDE // 8, SIDE // 8)), blocks).astype(np.uint8)
        for modality in Modality
    }
    lesion = np.kron(rng.integers(0, 4, (SLICES, SIDE // 8, SIDE // 8)), blocks).astype(np.uint8)
    return painter.generator.plan.channels.encode(bands, lesion)


def check_bytes_are_a_slices_own(engine: OnnxRuntimePredictor | TritonPredictor) -> npt.NDArray[np.float32]:
    """One by one, in batches of any size, in other company, and beside other callers: the same bytes."""
    maps = some_maps(ServedPainter(engine))
    alone = np.concatenate([engine.draw("joint", maps[index : index + 1]) for index in range(SLICES)])
    batches = [list(range(start, min(start + size, SLICES))) for size in (2, 3, 4) for start in range(0, SLICES, size)]
    batches.append([3, 0, 2])
    for batch in batches:
        np.testing.assert_array_equal(engine.draw("joint", maps[batch]), alone[batch])
    with ThreadPoolExecutor(4) as callers:
        at_once = list(callers.map(lambda batch: engine.draw("joint", maps[batch]), batches))
    for batch, images in zip(batches, at_once, strict=True):
        np.testing.assert_array_equal(images, alone[batch])
    return alone


def test_a_slices_bytes_do_not_depend_on_its_batch() -> None:
    check_bytes_are_a_slices_own(OnnxRuntimePredictor(RELEASED))


@pytest.mark.triton
def test_nor_do_they_within_triton_which_draws_as_the_engine_in_process_does(
    runtime: TritonRuntime, tmp_path: Path
) -> None:
    with TritonServer(TritonSettings(RELEASED, tmp_path / "triton.log"), runtime) as server:
        served = check_bytes_are_a_slices_own(TritonPredictor(server.address))

    engine = OnnxRuntimePredictor(RELEASED)
    maps = some_maps(ServedPainter(engine))
    np.testing.assert_array_equal(served[:4], engine.draw("joint", maps[:4]))
