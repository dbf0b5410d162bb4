"""What the fake server says to the exams of these tests: a lesion on the grid that was asked for."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import numpy.typing as npt
from glioserve.v1 import types_pb2 as pb

from tests.client.exams import nifti_gz
from tests.client.fake_server import Answer, Answers, Received, report

Labels = npt.NDArray[np.uint8]


def lesion(shape: tuple[int, ...], *, et: bool = True) -> Labels:
    """Three nested regions that no flip and no turn maps onto themselves, in BraTS 2018 labels, `uint8 [i, j, k]`."""
    labels = np.zeros(shape, np.uint8)
    labels[4:15, 3:12, 2:9] = 2
    labels[5:12, 4:9, 3:7] = 1
    if et:
        labels[5:8, 4:6, 3:5] = 4
        labels[9, 7, 6] = 4
    return labels


def sent(received: Received, modality: pb.Modality.ValueType) -> nib.Nifti1Image:
    """A contrast as it arrived."""
    place = next(n for n, header in enumerate(received.header.files) if header.modality == modality)
    return nib.Nifti1Image.from_bytes(gzip.decompress(received.files[place]))


def found(*, nothing: bool = False, et: bool = True) -> Answer:
    """A good server's answer."""

    def answer(received: Received) -> Answers:
        grid = received.header.output_grid or pb.MODALITY_T1CE
        image = sent(received, grid)
        labels = np.zeros(image.shape, np.uint8) if nothing else lesion(image.shape, et=et)
        return report(nifti_gz(labels, image.affine), output_grid=grid)(received)

    return answer
