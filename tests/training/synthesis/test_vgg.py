import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from training.errors import TrainingError
from training.synthesis.vgg import Vgg19, VggSource, VggWeights, load_vgg

TORCHVISION = [
    [0, 2],
    [5, 7],
    [10, 12, 14, 16],
    [19, 21, 23, 25],
    [28, 30, 32, 34],
]
"""Where torchvision's `vgg19().features` has its convolutions, block by block."""
FEATURES = [64, 128, 256, 512, 512]
CLASSIFIER = {f"classifier.{index}.{part}": torch.zeros(2) for index in (0, 3, 6) for part in ("weight", "bias")}


def shapes(blocks):
    """Of every convolution's kernel: block, number in the block, torchvision's index, shape."""
    features = [3]
    for block, indices in enumerate(TORCHVISION[:blocks], start=1):
        for number, index in enumerate(indices, start=1):
            features.append(FEATURES[block - 1])
            yield block, number, index, (features[-1], features[-2], 3, 3)


def torchvision_state(blocks=5):
    """Random weights under torchvision's names; of each feature all equal, so that the file stays small."""
    rng = torch.Generator().manual_seed(0)
    state = dict(CLASSIFIER)
    for _, _, index, shape in shapes(blocks):
        state[f"features.{index}.weight"] = torch.randn(shape[0], 1, 1, 1, generator=rng).expand(shape)
        state[f"features.{index}.bias"] = torch.randn(shape[0], generator=rng)
    return state


@pytest.fixture(scope="module")
def keras_arrays():
    """Random weights of three blocks in Keras layout, half precision."""
    rng = np.random.default_rng(0)
    arrays = {}
    for block, number, _, (after, before, rows, columns) in shapes(3):
        kernel = rng.normal(0, 0.1, (rows, columns, before, after))
        arrays[f"block{block}_conv{number}.kernel"] = kernel.astype(np.float16)
        arrays[f"block{block}_conv{number}.bias"] = rng.normal(0, 1, after).astype(np.float16)
    return arrays


@pytest.fixture(scope="module")
def archive(keras_arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg") / "vgg.npz"
    np.savez(path, **keras_arrays)
    return path


def from_file(path):
    return load_vgg(VggWeights(VggSource.FILE, path), seed=0)


def saved(folder, content):
    torch.save(content, folder / "vgg.pt")
    return folder / "vgg.pt"


def zipped(folder, arrays):
    np.savez(folder / "vgg.npz", **arrays)
    return folder / "vgg.npz"


def test_torchvisions_whole_file_is_loaded_by_its_names(tmp_path):
    state = torchvision_state()
    net = from_file(saved(tmp_path, state))
    assert net.blocks == 5
    loaded = net.state_dict()
    assert set(loaded) == set(state) - set(CLASSIFIER)
    for name, weights in loaded.items():
        assert torch.equal(weights, state[name]), name
    assert not net.training
    assert not any(parameter.requires_grad for parameter in net.parameters())


def test_as_many_blocks_as_the_file_holds_whole(tmp_path):
    state = torchvision_state()
    del state["features.28.bias"]
    assert from_file(saved(tmp_path, state)).blocks == 4
    del state["features.5.weight"]
    assert from_file(saved(tmp_path, state)).blocks == 1


def test_an_archive_of_three_blocks_in_keras_layout(tmp_path, archive, keras_arrays):
    net = from_file(archive)
    assert net.blocks == 3
    for block, number, index, _ in list(shapes(3))[1:]:
        kernel = keras_arrays[f"block{block}_conv{number}.kernel"].astype(np.float32)
        weight = net.get_parameter(f"features.{index}.weight").numpy()
        assert weight[5, 7, 0, 2] == kernel[0, 2, 7, 5]
        np.testing.assert_array_equal(weight, np.moveaxis(kernel, (0, 1), (2, 3)).swapaxes(0, 1))
        bias = net.get_parameter(f"features.{index}.bias").numpy()
        np.testing.assert_array_equal(bias, keras_arrays[f"block{block}_conv{number}.bias"].astype(np.float32))
    partly = {name: array for name, array in keras_arrays.items() if name != "block3_conv4.bias"}
    assert from_file(zipped(tmp_path, partly)).blocks == 2


def test_colours_are_read_as_kerass_weights_expect_them(archive, keras_arrays):
    net = from_file(archive)
    rgb = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    got = net.features[0]((rgb - net.mean) / net.sd)
    bgr = 255 * rgb.flip(1) - torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    kernel = torch.from_numpy(keras_arrays["block1_conv1.kernel"].astype(np.float32)).permute(3, 2, 0, 1)
    expected = functional.conv2d(bgr, kernel, torch.from_numpy(keras_arrays["block1_conv1.bias"].astype(np.float32)))
    torch.testing.assert_close(got[:, :, 1:-1, 1:-1], expected, rtol=1e-4, atol=1e-3)


def test_features_are_the_rectified_second_convolution_of_each_block(vgg):
    images = torch.rand(2, 1, 48, 32, generator=torch.Generator().manual_seed(0))
    hidden = (images.repeat(1, 3, 1, 1) - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(1, 3, 1, 1)
    expected = []
    for indices in TORCHVISION:
        for number, index in enumerate(indices, start=1):
            weight, bias = (vgg.get_parameter(f"features.{index}.{part}") for part in ("weight", "bias"))
            hidden = functional.relu(functional.conv2d(hidden, weight, bias, padding=1))
            if number == 2:
                expected.append(hidden)
        hidden = functional.max_pool2d(hidden, 2)
    got = vgg(images)
    assert [tuple(features.shape[1:]) for features in got] == [
        (features, 48 // 2**level, 32 // 2**level) for level, features in enumerate(FEATURES)
    ]
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_the_judges_gradient_reaches_the_image_and_stops_at_its_weights():
    net = Vgg19(2)
    images = torch.rand(1, 1, 16, 16, requires_grad=True)
    net(images)[-1].sum().backward()
    assert images.grad.any()
    assert all(parameter.grad is None for parameter in net.parameters())


def test_random_features_follow_the_seed_and_disturb_nobodys_chance():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    random = VggWeights(VggSource.RANDOM)
    one, same, other = (load_vgg(random, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one)


def test_random_features_are_never_a_default(tmp_path):
    with pytest.raises(TrainingError, match=r"vgg_weights: .*by the word random, got none"):
        VggWeights(VggSource.FILE)
    with pytest.raises(TrainingError, match=r"no file for random features, got vgg\.pt"):
        VggWeights(VggSource.RANDOM, tmp_path / "vgg.pt")


@pytest.mark.parametrize("name", ["vgg.pt", "vgg.pth", "vgg.npz"])
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04", b"no weights at all", b"\x80\x02}q\x00."])
def test_what_is_no_file_of_weights_is_refused(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TrainingError, match=r"vgg_weights: must (be a readable|hold whole blocks)"):
        from_file(tmp_path / name)


def test_a_bare_array_is_no_archive(tmp_path):
    with (tmp_path / "vgg.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(TrainingError, match="readable archive"):
        from_file(tmp_path / "vgg.npz")


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.999))
def test_a_truncated_file_is_refused(tmp_path_factory, share):
    folder = tmp_path_factory.mktemp("cut")
    arrays = {"block1_conv1.kernel": np.zeros((3, 3, 3, 64)), "block1_conv1.bias": np.zeros(64)}
    for path in (saved(folder, torchvision_state(1)), zipped(folder, arrays)):
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(TrainingError, match="vgg_weights: must be a readable"):
            from_file(path)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"features.0.weight": torch.zeros(64, 1, 3, 3)}, "shapes, got size mismatch for features.0.weight"),
        ({"features.2.bias": torch.zeros(1)}, "shapes, got size mismatch for features.2.bias"),
        ({"features.2.bias": "words"}, "shapes, got While copying the parameter"),
        ({"features.0.bias": None}, "whole blocks of VGG-19 from the first on, got no whole block"),
    ],
)
def test_a_state_dictionary_of_another_network_is_refused(tmp_path, change, rule):
    state = {name: value for name, value in (torchvision_state(2) | change).items() if value is not None}
    with pytest.raises(TrainingError, match=rule):
        from_file(saved(tmp_path, state))


def test_a_file_of_something_else_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="must be a state dictionary, got list"):
        from_file(saved(tmp_path, [torch.zeros(3)]))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"block1_conv1.kernel": np.zeros((3, 3, 1, 64), np.float16)}, "shapes, got size mismatch"),
        ({"block1_conv1.bias": np.zeros(1, np.float16)}, "shapes, got size mismatch"),
        ({"block1_conv2.kernel": np.zeros((64, 64), np.float16)}, r"shapes, got block1_conv2\.kernel of \(64, 64\)"),
        ({"block1_conv1.kernel": np.array("words")}, "readable archive"),
        ({"block1_conv1.kernel": None}, "no whole block"),
    ],
)
def test_an_archive_of_another_network_is_refused(tmp_path, keras_arrays, change, rule):
    arrays = {name: array for name, array in keras_arrays.items() if name.startswith(("block1", "block2"))} | change
    with pytest.raises(TrainingError, match=rule):
        from_file(zipped(tmp_path, {name: array for name, array in arrays.items() if array is not None}))
