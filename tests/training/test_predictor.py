import numpy as np
import torch

from imaging.regions import Region
from training.checkpoint import load_trained
from training.predictor import TorchPredictor
from training.records import RunFolder


def test_probabilities_are_the_networks_in_evaluation_mode(run_folder):
    model = load_trained(RunFolder(run_folder), Region.TC)
    slices = np.random.default_rng(0).normal(size=(3, 4, 32, 48)).astype(np.float32)
    found = TorchPredictor({Region.TC: model}).predict(Region.TC, slices)
    with torch.no_grad():
        expected = torch.sigmoid(model.net(torch.from_numpy(slices)))[:, 0].numpy()
    assert found.shape == (3, 32, 48)
    np.testing.assert_allclose(found, expected, atol=1e-6)
