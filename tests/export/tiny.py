"""A tiny network with lively answers, and the plan it goes with."""

from __future__ import annotations

import torch
from torch import nn

from imaging.pipeline.golden import golden_slices
from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from training.profiles import CHANNELS
from training.unet import UNet

REGION = Region.WT
PLAN = ModelPlan(region=REGION, channels=CHANNELS[REGION], mirror=True, min_component_ml=1.0)


def lively_unet(channels: int, *, base_width: int = 4, seed: int = 0) -> UNet:
    """A random network whose batch norms have seen data and whose logits on the golden slices spread widely."""
    torch.manual_seed(seed)
    net = UNet(channels, base_width).train()
    golden = torch.from_numpy(golden_slices(channels))
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.2, 0.2)
        for _ in range(8):
            net(golden + 0.1 * torch.randn_like(golden))
        net.eval()
        logits = net(golden)
        scale = 3.0 / float(logits.std())
        net.head.weight.mul_(scale)
        net.head.bias.copy_((net.head.bias - logits.mean()) * scale)
    return net
