"""What a scanner makes of an ideal image: resolution, coil shading, noise, integers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imaging.modality import Modality
from imaging.phantom.fields import FloatVolume, smooth_field
from imaging.phantom.frame import BOX_SHAPE
from imaging.regions import BoolVolume

_SHADING_SCALE_MM = 60.0
_SIGMA_PER_MM = 1 / 2.355
"""A Gaussian's standard deviation over its full width at half maximum."""


@dataclass(frozen=True)
class Protocol:
    """How a contrast is scanned.

    Args:
        in_plane_mm: Resolution within a slice, full width at half maximum.
        slice_mm: Resolution across slices, likewise.
        noise: Standard deviation of the noise in each channel, over the image's mean.
        shading: Standard deviation of the logarithm of the coil's shading.
        gain: Factor on all intensities.
    """

    in_plane_mm: float
    slice_mm: float
    noise: float
    shading: float
    gain: float


_SLICE_MM: Mapping[Modality, tuple[float, float]] = MappingProxyType(
    {
        Modality.T1: (1.0, 3.0),
        Modality.T1CE: (1.0, 2.0),
        Modality.T2: (1.0, 4.0),
        Modality.FLAIR: (1.0, 4.5),
    }
)
"""Range of the slice resolution. T2 and FLAIR are often scanned in thick slices."""


def draw_protocol(rng: np.random.Generator, modality: Modality) -> Protocol:
    """One site's protocol for a contrast."""
    return Protocol(
        in_plane_mm=float(rng.uniform(0.8, 1.3)),
        slice_mm=float(rng.uniform(*_SLICE_MM[modality])),
        noise=float(rng.uniform(0.012, 0.035)),
        shading=float(rng.uniform(0.04, 0.11)),
        gain=float(rng.uniform(0.85, 1.15)),
    )


def acquire(
    rng: np.random.Generator, protocol: Protocol, ideal: FloatVolume, brain: BoolVolume
) -> npt.NDArray[np.int16]:
    """Scan an ideal image and strip the skull.

    Noise is Rician: the magnitude of the signal plus complex normal noise (Gudbjartsson and Patz, MRM 34, 1995).

    Returns:
        `int16 [i, j, k]`, at least 1 in the brain, 0 elsewhere.
    """
    widths_mm = (protocol.in_plane_mm, protocol.in_plane_mm, protocol.slice_mm)
    image = ndimage.gaussian_filter(ideal, [width * _SIGMA_PER_MM for width in widths_mm], truncate=3.0)
    image *= np.exp(protocol.shading * smooth_field(rng, BOX_SHAPE, scale_voxels=_SHADING_SCALE_MM))
    signal = image[brain]
    sigma = np.float32(protocol.noise * signal.mean())
    real = signal + sigma * rng.standard_normal(signal.shape, dtype=np.float32)
    imaginary = sigma * rng.standard_normal(signal.shape, dtype=np.float32)
    magnitude = protocol.gain * np.sqrt(real**2 + imaginary**2)
    scanned = np.zeros(brain.shape, dtype=np.int16)
    scanned[brain] = np.clip(np.rint(magnitude), 1, np.iinfo(np.int16).max)
    return scanned
