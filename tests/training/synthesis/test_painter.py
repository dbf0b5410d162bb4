import numpy as np
import pytest
import torch

from imaging.brainmap.draw import WHITE, draw_exam
from imaging.brainmap.maps import Lesion
from imaging.modality import Modality
from tests.imaging.brainmap.balls import ball_map
from training.errors import TrainingError
from training.synthesis.painter import TorchPainter, TrainedGenerator, build_generator, load_generator
from training.synthesis.plan import GeneratorRunFolder
from training.synthesis.profiles import Target

SINGLES = [Target.T1, Target.T1CE, Target.T2, Target.FLAIR]


@pytest.fixture(scope="module")
def generators(generator_run):
    """Random weights of every generator as planned."""
    _, plan = generator_run
    torch.manual_seed(0)
    return {
        target: TrainedGenerator(build_generator(plan, target).eval(), target, plan.channels[target], 0)
        for target in Target
    }


@pytest.fixture(scope="module")
def slices():
    brain_map = ball_map()
    bands = {modality: np.moveaxis(array, 2, 0)[8:14] for modality, array in brain_map.bands.items()}
    return bands, np.moveaxis(brain_map.lesion, 2, 0)[8:14]


@pytest.mark.parametrize("targets", [[Target.JOINT], SINGLES, SINGLES[::-1]])
def test_each_contrast_is_what_its_generator_draws(generators, fabric, slices, targets):
    painter = TorchPainter([generators[target] for target in targets], fabric=fabric)
    painted = painter.paint(*slices)
    assert set(painted) == set(Modality)
    for target in targets:
        generator = generators[target]
        with torch.no_grad():
            expected = generator.net(torch.from_numpy(generator.channels.encode(*slices)).float()).numpy()
        for index, contrast in enumerate(target.draws):
            assert painted[contrast].dtype == np.float32
            np.testing.assert_allclose(painted[contrast], expected[:, index], atol=1e-6)


@pytest.mark.parametrize(
    "targets",
    [[], [Target.T1], SINGLES[:3], [*SINGLES, Target.T1], [Target.JOINT, Target.T2], [Target.JOINT, Target.JOINT]],
)
def test_other_than_the_joint_one_or_the_four_are_refused(generators, fabric, targets):
    with pytest.raises(TrainingError, match="generators: must draw each contrast once"):
        TorchPainter([generators[target] for target in targets], fabric=fabric)


@pytest.mark.parametrize("targets", [[Target.JOINT], SINGLES])
def test_an_exam_is_drawn_in_the_bands_of_its_map(generators, fabric, targets):
    brain_map = ball_map()
    painter = TorchPainter([generators[target] for target in targets], fabric=fabric)
    assert painter.multiple == 8
    exam = draw_exam(brain_map, painter)
    told = brain_map.brain & ((brain_map.lesion == Lesion.NONE) | (targets == [Target.JOINT]))
    for contrast in Modality:
        voxels, band = exam.volumes[contrast].voxels.astype(int), brain_map.bands[contrast].astype(int)
        np.testing.assert_array_equal(voxels > 0, brain_map.brain)
        assert (voxels[told] >= (band[told] - 1) * WHITE // 4).all()
        assert (voxels[told] <= band[told] * WHITE // 4).all()
        assert len(np.unique(voxels)) > 5
    np.testing.assert_array_equal(
        draw_exam(brain_map, painter, micro_batch=3).volumes[Modality.T2].voxels, exam.volumes[Modality.T2].voxels
    )


def test_the_largest_multiple_serves_all(generators, generator_run, fabric):
    _, plan = generator_run
    channels = Target.T1.channels
    deep = type(generators[Target.T1].net)(channels, Target.T1.draws, (4, 4, 4, 4, 4)).eval()
    others = [generators[target] for target in SINGLES[1:]]
    assert TorchPainter([TrainedGenerator(deep, Target.T1, channels, 0), *others], fabric=fabric).multiple == 16
    assert plan.profiles[Target.T1].widths == (8, 8, 8, 8)


@pytest.mark.parametrize("target", [Target.JOINT, Target.T1])
def test_a_runs_generator_is_loaded_with_its_averaged_weights(generator_run, target):
    folder, plan = generator_run
    generator = load_generator(folder, plan, target)
    assert generator.target is target
    assert generator.channels == target.channels
    assert generator.epoch == plan.profiles[target].epochs
    assert not generator.net.training
    state = torch.load(folder.generator(target).state, weights_only=True)
    for name, weights in generator.net.state_dict().items():
        assert torch.equal(weights, state["average"][f"module.{name}"])


def test_missing_weights_are_told(generator_run, tmp_path):
    folder, plan = generator_run
    with pytest.raises(TrainingError, match="trained weights of the generator flair"):
        load_generator(folder, plan, Target.FLAIR)
    with pytest.raises(TrainingError, match="trained weights of the generator joint"):
        load_generator(GeneratorRunFolder(tmp_path), plan, Target.JOINT)
