"""How near a synthetic image comes to a real one: MSE, MAE, PSNR, SSIM (paper, section 2.5, equations 9 to 11).

None of these is comparable without the data range, the voxels over which it was taken, and SSIM's window; so the
result states them. The paper's own figures fail at this: its mean absolute error of 23.4 exceeds the root of its
mean squared error of 19.2, and 43 dB would need a range of about 624 rather than 255. Its SSIM of about 0.79 can
be compared. `imaging.metrics.paper` works this out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.metrics import structural_similarity

from imaging.errors import MetricError


class QualityDomain(StrEnum):
    """Over which pixels or voxels image metrics are averaged. Background counts as agreement, and flatters."""

    IMAGE = "image"
    """All of them."""
    BRAIN = "brain"
    """Those of the brain mask."""
    TUMOUR = "tumour"
    """Those of the whole tumour's mask."""


class QualityMetric(StrEnum):
    """A figure of `ImageQuality`, by the name of its field."""

    MSE = "mse"
    MAE = "mae"
    PSNR_DB = "psnr_db"
    SSIM = "ssim"

    def of(self, quality: ImageQuality) -> float:
        """This figure of one comparison."""
        value: float = getattr(quality, self.value)
        return value


class SsimWindow(StrEnum):
    """The neighbourhood in which SSIM compares structure."""

    GAUSSIAN = "gaussian"
    """11 pixels wide, sigma 1.5: the window of Wang et al., IEEE TIP 13(4), 2004."""
    UNIFORM = "uniform"
    """7 pixels wide, all weighing the same: scikit-image's default."""

    @property
    def width(self) -> int:
        """How many pixels or voxels it spans along each axis."""
        return 11 if self is SsimWindow.GAUSSIAN else 7


_SSIM_ARGUMENTS: Mapping[SsimWindow, Mapping[str, Any]] = MappingProxyType(
    {
        SsimWindow.GAUSSIAN: {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False},
        SsimWindow.UNIFORM: {"win_size": 7},
    }
)


@dataclass(frozen=True)
class ImageQuality:
    """The likeness of two images, with all that it depends on."""

    mse: float
    """Mean squared error, in squared units of intensity."""
    mae: float
    """Mean absolute error, in units of intensity."""
    psnr_db: float
    """Peak signal to noise ratio; infinite for equal images."""
    ssim: float
    """Structural similarity, -1 to 1; taken only where the whole window lies inside the image, as scikit-image does."""
    data_range: float
    """The span of intensities that PSNR and SSIM are relative to."""
    domain: QualityDomain
    voxels: int
    """How many pixels or voxels MSE, MAE and PSNR were taken over."""
    ssim_voxels: int
    """The same for SSIM."""
    ssim_window: SsimWindow


def compare_images(
    candidate: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    *,
    data_range: float,
    domain: QualityDomain = QualityDomain.IMAGE,
    mask: npt.NDArray[np.bool_] | None = None,
    ssim_window: SsimWindow = SsimWindow.GAUSSIAN,
) -> ImageQuality:
    """Compare an image with the one that it should be like.

    Args:
        candidate: `[i, j]` or `[i, j, k]`, real and finite.
        reference: The same shape and scale of intensities.
        data_range: The span that intensities can have, e.g. 255 for 8 bits, 2 for -1 to 1; positive. Never taken
            from the images, whose extremes would make every case its own scale.
        domain: What the mask stands for; IMAGE goes without one, BRAIN and TUMOUR with one.
        mask: `bool`, of the same shape.
        ssim_window: SSIM's neighbourhood.

    Returns:
        The metrics and what they depend on.

    Raises:
        MetricError: Shapes differ or are smaller than the window, intensities are not real and finite, the data
            range is not positive, or the mask does not fit the domain or holds no place for the window.
    """
    masks = {domain: mask}
    return compare_domains(candidate, reference, data_range=data_range, masks=masks, ssim_window=ssim_window)[domain]


def compare_domains(
    candidate: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    *,
    data_range: float,
    masks: Mapping[QualityDomain, npt.NDArray[np.bool_] | None],
    ssim_window: SsimWindow = SsimWindow.GAUSSIAN,
) -> dict[QualityDomain, ImageQuality]:
    """What `compare_images` gives for each of several domains. SSIM, which costs most, is computed once for all.

    Args:
        candidate: As there.
        reference: As there.
        data_range: As there.
        masks: The mask of each domain, None for IMAGE.
        ssim_window: As there.

    Returns:
        The metrics over each domain.

    Raises:
        MetricError: As there.
    """
    _check_images(candidate, reference, width=ssim_window.width)
    if not (math.isfinite(data_range) and data_range > 0):
        raise MetricError("data_range", "must be positive and finite", f"{data_range}")
    margin = (ssim_window.width - 1) // 2
    inner = tuple(slice(margin, extent - margin) for extent in reference.shape)
    counted = {domain: _counted(reference.shape, domain=domain, mask=mask) for domain, mask in masks.items()}
    if not all(mask[inner].any() for mask in counted.values()):
        raise MetricError("mask", f"must reach {margin} voxels into the image for SSIM's window", "only its edges")
    # Float64 also for small integers, whose differences would wrap around.
    one, other = candidate.astype(np.float64), reference.astype(np.float64)
    differences = one - other
    _, similarity = structural_similarity(other, one, data_range=data_range, full=True, **_SSIM_ARGUMENTS[ssim_window])
    qualities = {}
    for domain, mask in counted.items():
        mse = float(np.mean(differences[mask] ** 2))
        qualities[domain] = ImageQuality(
            mse=mse,
            mae=float(np.mean(np.abs(differences[mask]))),
            psnr_db=10.0 * math.log10(data_range**2 / mse) if mse else math.inf,
            ssim=float(np.mean(similarity[inner][mask[inner]])),
            data_range=float(data_range),
            domain=domain,
            voxels=int(np.count_nonzero(mask)),
            ssim_voxels=int(np.count_nonzero(mask[inner])),
            ssim_window=ssim_window,
        )
    return qualities


def _check_images(candidate: npt.NDArray[np.generic], reference: npt.NDArray[np.generic], *, width: int) -> None:
    if reference.ndim not in (2, 3) or min(reference.shape) < width:
        raise MetricError("reference", f"must have 2 or 3 axes of at least {width}", f"shape {reference.shape}")
    if candidate.shape != reference.shape:
        raise MetricError("candidate", f"must have the reference's shape {reference.shape}", f"{candidate.shape}")
    for field, image in (("candidate", candidate), ("reference", reference)):
        if image.dtype.kind not in "iuf":
            raise MetricError(field, "must hold real numbers", f"{image.dtype}")
        if not np.isfinite(image.astype(np.float64, copy=False)).all():
            raise MetricError(field, "must be finite", "NaN or infinity in it")


def _counted(
    shape: tuple[int, ...], *, domain: QualityDomain, mask: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.bool_]:
    if mask is None:
        if domain is not QualityDomain.IMAGE:
            raise MetricError("mask", f"must be given for the domain {domain.value}", "none")
        return np.ones(shape, dtype=np.bool_)
    if domain is QualityDomain.IMAGE:
        raise MetricError("mask", "must not be given for the domain image", "a mask")
    if mask.dtype != np.bool_ or mask.shape != shape:
        raise MetricError("mask", f"must be boolean of shape {shape}", f"{mask.dtype} of shape {mask.shape}")
    return mask
