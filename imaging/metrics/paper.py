"""The paper's Table Three, which our own tables are set beside."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from imaging.metrics.summary import Metric
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
