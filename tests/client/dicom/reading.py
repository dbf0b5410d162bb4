"""Segmentations, read by the reader of another library."""

from __future__ import annotations

import highdicom as hd
import numpy as np

from tests.client.dicom.studies import LPS_TO_RAS


def by_position(segmentation: hd.seg.Segmentation, shape: tuple[int, ...], affine: np.ndarray) -> np.ndarray:
    """What the reader of another library finds at each voxel of a NIfTI grid, `bool [i, j, k, segment]`."""
    volume = segmentation.get_volume(combine_segments=False)
    to_volume = np.linalg.inv(LPS_TO_RAS @ volume.affine) @ affine
    indices = np.stack([*np.indices(shape).reshape(3, -1), np.ones(np.prod(shape))])
    places = (to_volume @ indices)[:3]
    assert np.abs(places - places.round()).max() < 0.01, "centre upon centre"
    places = places.round().astype(int)
    inside = ((places >= 0) & (places < np.array(volume.spatial_shape)[:, None])).all(axis=0)
    found = np.zeros((places.shape[1], 3), bool)
    found[inside] = volume.array[tuple(places[:, inside])] > 0
    return found.reshape(*shape, 3)
