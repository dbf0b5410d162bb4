import pytest
import torch

from training.unet import UNet


@pytest.mark.parametrize(("channels", "rows", "columns"), [(3, 16, 32), (4, 48, 16)])
def test_logits_have_the_inputs_size_and_one_channel(channels, rows, columns):
    assert UNet(channels, 4)(torch.zeros(2, channels, rows, columns)).shape == (2, 1, rows, columns)


def test_features_double_at_each_of_four_levels_and_halve_on_the_way_up():
    net = UNet(3, 8)
    assert [encoder[0].out_channels for encoder in net.encoders] == [8, 16, 32, 64, 128]
    assert [up.out_channels for up in net.upscalings] == [64, 32, 16, 8]
    assert [decoder[0].in_channels for decoder in net.decoders] == [128, 64, 32, 16]


def test_a_voxel_sees_far_and_every_parameter_learns():
    torch.manual_seed(0)
    net = UNet(3, 8).eval()
    slices = torch.randn(1, 3, 64, 64, requires_grad=True)
    net(slices)[0, 0, 32, 32].backward()
    reached = slices.grad.abs().sum(dim=(0, 1)) > 0
    assert reached[:16].any()
    assert reached[:, 48:].any()
    net.train()
    net(torch.randn(2, 3, 32, 32)).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
