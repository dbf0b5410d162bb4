"""The paper's Tables One and Three, which our own tables are set beside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from imaging.metrics.image_quality import QualityMetric
from imaging.metrics.summary import Metric
from imaging.modality import Modality
from imaging.regions import Region

SOURCE = "the paper's Table Three: BraTS 2018, 66 patients, definition of HD95 not stated"


class PaperArm(StrEnum):
    """What a U-Net of the paper was trained on: all real images, and a share of the synthetic ones."""

    REAL_ONLY = "BraTS"
    QUARTER = "BraTS + 1/4 GAN"
    HALF = "BraTS + 1/2 GAN"
    THREE_QUARTERS = "BraTS + 3/4 GAN"
    ALL = "BraTS + all GAN"


TABLE_THREE: Mapping[tuple[Metric, Region], Mapping[PaperArm, float]] = MappingProxyType(
    {
        key: MappingProxyType(dict(zip(PaperArm, values, strict=True)))
        for key, values in {
            (Metric.DSC, Region.ET): (0.559, 0.506, 0.607, 0.520, 0.607),
            (Metric.DSC, Region.WT): (0.818, 0.789, 0.817, 0.841, 0.828),
            (Metric.DSC, Region.TC): (0.648, 0.638, 0.701, 0.664, 0.683),
            (Metric.SENSITIVITY, Region.ET): (0.704, 0.795, 0.843, 0.782, 0.621),
            (Metric.SENSITIVITY, Region.WT): (0.887, 0.899, 0.887, 0.829, 0.796),
            (Metric.SENSITIVITY, Region.TC): (0.662, 0.740, 0.751, 0.769, 0.648),
            (Metric.SPECIFICITY, Region.ET): (0.985, 0.985, 0.989, 0.985, 0.990),
            (Metric.SPECIFICITY, Region.WT): (0.987, 0.979, 0.987, 0.994, 0.994),
            (Metric.SPECIFICITY, Region.TC): (0.992, 0.990, 0.994, 0.991, 0.995),
            (Metric.HD95_MM, Region.ET): (11.8, 16.2, 11.2, 13.7, 8.5),
            (Metric.HD95_MM, Region.WT): (17.0, 23.1, 17.0, 11.4, 11.7),
            (Metric.HD95_MM, Region.TC): (17.4, 22.2, 17.0, 16.8, 13.4),
        }.items()
    }
)
"""Means by metric and region, HD95 in mm, of each arm."""


def best_of_paper(metric: Metric, region: Region) -> float:
    """The best figure that any arm reached for this metric and region. No one arm reached them all."""
    figures = TABLE_THREE[metric, region].values()
    return max(figures) if metric.more_is_better else min(figures)


TABLE_ONE_SOURCE = (
    "the paper's Table One: BraTS 2018, intensities from 0 to 255, tumours moved on purpose; neither a mask nor SSIM's "
    "window is stated"
)
TABLE_ONE_RANGE = 255.0
"""The span of intensities that the paper states (section 2.5)."""


@dataclass(frozen=True)
class PaperFigure:
    """A mean and its standard deviation, as printed."""

    mean: float
    sd: float


TABLE_ONE: Mapping[tuple[QualityMetric, Modality], PaperFigure] = MappingProxyType(
    {
        (metric, modality): PaperFigure(*figure)
        for modality, figures in {
            Modality.T1: ((19.246, 0.308), (23.375, 0.586), (43.068, 0.443), (0.788, 0.002)),
            Modality.T1CE: ((19.249, 0.274), (22.805, 0.583), (43.054, 0.437), (0.789, 0.004)),
            Modality.T2: ((19.246, 0.290), (23.391, 0.400), (43.102, 0.45), (0.784, 0.003)),
            Modality.FLAIR: ((18.930, 0.40), (24.119, 1.48), (43.126, 0.46), (0.794, 0.005)),
        }.items()
        for metric, figure in zip(QualityMetric, figures, strict=True)
    }
)
"""Of synthetic images beside real ones, by metric and contrast."""


@dataclass(frozen=True)
class TableOneCheck:
    """What a contrast's row of the paper's Table One claims, and what its own mean squared error allows."""

    modality: Modality
    mse: float
    mae: float
    largest_mae: float
    """The root of the mean squared error: no mean absolute error exceeds it, be it over pixels or over images."""
    psnr_db: float
    psnr_db_allowed: float
    """What equation 11 gives for the mean squared error and the range that the paper states."""
    range_needed: float
    """The range of intensities with which equation 11 gives the peak signal to noise ratio that is printed."""

    @property
    def mae_is_possible(self) -> bool:
        """Whether the mean absolute error is one that the mean squared error allows."""
        return self.mae <= self.largest_mae


def check_table_one() -> tuple[TableOneCheck, ...]:
    """Set each contrast's row of the paper's Table One beside what follows from its mean squared error.

    Equation 11 is applied to the mean, as if all images were alike; the printed deviations say that nearly they are.
    """
    checks = []
    for modality in Modality:
        mse, mae, psnr_db = (
            TABLE_ONE[metric, modality].mean for metric in (QualityMetric.MSE, QualityMetric.MAE, QualityMetric.PSNR_DB)
        )
        checks.append(
            TableOneCheck(
                modality=modality,
                mse=mse,
                mae=mae,
                largest_mae=math.sqrt(mse),
                psnr_db=psnr_db,
                psnr_db_allowed=10.0 * math.log10(TABLE_ONE_RANGE**2 / mse),
                range_needed=math.sqrt(mse) * 10.0 ** (psnr_db / 20.0),
            )
        )
    return tuple(checks)
