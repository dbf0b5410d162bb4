from __future__ import annotations

import io
import re

import numpy as np
import pytest
from PIL import Image

from imaging.modality import Modality
from imaging.regions import Region
from serving.batch.quality.picture import MARGIN, picture_of
from tests.serving.batch.quality.cases import exam_and_regions

LEVEL = 7
"""Where the made-up tumour is largest."""


def pixels(picture):
    with Image.open(io.BytesIO(picture.png)) as image:
        assert image.mode == "L"
        return np.array(image)


def points(path):
    return np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", path), dtype=float)


def test_contrasts_lie_side_by_side_in_the_brains_box():
    exam, regions = exam_and_regions()
    picture = picture_of("case", exam, regions)
    brain = exam.volumes[Modality.T1].voxels[:, :, LEVEL] != 0
    extents = [np.flatnonzero(brain.any(axis=axis)) for axis in (1, 0)]
    starts = [max(where[0] - MARGIN, 0) for where in extents]
    stops = [min(where[-1] + 1 + MARGIN, size) for where, size in zip(extents, brain.shape, strict=True)]
    assert picture.size == (stops[0] - starts[0], stops[1] - starts[1])
    assert pixels(picture).shape == (picture.size[1], 4 * picture.size[0])
    assert picture.modalities == tuple(Modality)


def test_pictures_are_radiological():
    """The tumour, on the right and in front, is drawn on the left and above; its outline goes around it."""
    exam, regions = exam_and_regions()
    picture = picture_of("case", exam, regions)
    first = pixels(picture)[:, : picture.size[0]]
    row, column = (int(where.mean()) for where in np.nonzero(first > 220))
    assert column < picture.size[0] / 2
    assert row < picture.size[1] / 2
    for region in Region:
        outline = points(picture.outlines[region])
        assert outline.mean(axis=0) == pytest.approx([column, row], abs=2)
    radii = [np.ptp(points(picture.outlines[region]), axis=0).max() / 2 for region in Region]
    assert radii[0] > radii[1] > radii[2]


@pytest.mark.parametrize("flip", [False, True])
def test_the_order_of_axes_does_not_matter(flip):
    picture = picture_of("case", *exam_and_regions(flip=flip))
    assert picture == picture_of("case", *exam_and_regions())
    assert picture.outlines == picture_of("case", *exam_and_regions()).outlines


def test_outlines_follow_the_borders_of_voxels():
    exam, _ = exam_and_regions()
    mask = np.zeros(exam.grid.shape, dtype=bool)
    mask[20:24, 20:22, 5] = True
    picture = picture_of("case", exam, dict.fromkeys(Region, mask))
    size = np.ptp(points(picture.outlines[Region.WT]), axis=0)
    assert size.tolist() == [4.0, 2.0]


def test_without_a_tumour_the_largest_slice_is_drawn():
    exam, regions = exam_and_regions()
    none = {region: np.zeros_like(mask) for region, mask in regions.items()}
    picture = picture_of("case", exam, none)
    assert set(picture.outlines.values()) == {""}
    brain = exam.volumes[Modality.T1].voxels != 0
    level = int(np.argmax(np.count_nonzero(brain, axis=(0, 1))))
    assert np.count_nonzero(pixels(picture)[:, : picture.size[0]]) == np.count_nonzero(brain[:, :, level])


def test_pixels_keep_their_size():
    assert picture_of("case", *exam_and_regions(spacing=(1.5, 0.75, 2.0))).pixel_mm == (1.5, 0.75)


def test_fewer_contrasts_are_drawn_too():
    picture = picture_of("case", *exam_and_regions(modalities=(Modality.FLAIR,)))
    assert picture.modalities == (Modality.FLAIR,)
    assert pixels(picture).shape == (picture.size[1], picture.size[0])
