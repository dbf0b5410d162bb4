import pytest
from lightning_fabric import Fabric

from imaging.brats import find_cases
from training.synthesis.data import prepare_pairs
from training.synthesis.plan import GeneratorRunFolder
from training.synthesis.profiles import GeneratorProfileName, Target
from training.synthesis.runs import GeneratorRequest, train_generators
from training.synthesis.vgg import Vgg19, VggSource, VggWeights, load_vgg

RANDOM = VggWeights(VggSource.RANDOM)


@pytest.fixture(scope="session")
def pairs(data, cache):
    """Maps and images of the five patients."""
    return prepare_pairs(find_cases(data), cache)


@pytest.fixture(scope="session")
def vgg():
    """Random features of all five blocks."""
    return load_vgg(RANDOM, seed=1)


@pytest.fixture
def small_vgg():
    """Random features of one block."""
    return Vgg19(1)


@pytest.fixture(scope="session")
def fabric():
    return Fabric(accelerator="cpu", devices=1)


@pytest.fixture(scope="session")
def request_run(data, cache):
    """Runs the profile `smoke` into a folder."""

    def run(folder, *targets, vgg=RANDOM, seed=1):
        request = GeneratorRequest(
            data=data,
            folder=GeneratorRunFolder(folder),
            cache=cache,
            profile=GeneratorProfileName.SMOKE,
            vgg=vgg,
            targets=targets,
            seed=seed,
            threads=1,
        )
        return train_generators(request)

    return run


@pytest.fixture(scope="session")
def generator_run(request_run, tmp_path_factory):
    """A finished run of two generators, and its plan."""
    folder = tmp_path_factory.mktemp("generators")
    plan = request_run(folder, Target.JOINT, Target.T1)
    return GeneratorRunFolder(folder), plan
