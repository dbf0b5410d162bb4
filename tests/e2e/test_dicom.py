"""A DICOM study through everything: scanner, node, client, gateway, Triton, and back into an archive."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from glioserve import Client, ExamFiles, Region
from glioserve import Modality as ClientModality

from tests.client.dicom.reading import by_position
from tests.client.dicom.studies import AS_ACQUIRED, NUMBERS, Writer
from tests.client.dicom.validator import DCIODVFY, faults
from tests.e2e.running_server import RunningServer
from tests.serving.dicom.archive import Archive
from tests.serving.dicom.running_node import node_process, send
from tests.serving.gateway.support import exam_volumes, write_nifti

pytestmark = pytest.mark.triton

SHAPE = (112, 104, 102)
"""At least 100 mm along each axis, as a head is."""


def test_a_study_by_c_store_is_segmented_as_its_nifti_files_are(server: RunningServer, tmp_path: Path) -> None:
    volumes = {ClientModality(modality.value): volume for modality, volume in exam_volumes(3, SHAPE).items()}
    writer = Writer(tmp_path / "study")
    files = {}
    for modality, volume in volumes.items():
        affine = np.asarray(volume.grid.affine)
        writer.classic(volume.voxels, AS_ACQUIRED[modality], NUMBERS[modality], affine=affine)
        files[modality.value] = tmp_path / f"{modality.value}.nii.gz"
        files[modality.value].write_bytes(write_nifti(volume))
    with Client(server.address) as client:
        expected = client.segment(ExamFiles(**files)).label_map
    (tmp_path / "archive").mkdir()
    with (
        Archive(tmp_path / "archive") as archive,
        node_process(
            tmp_path / "queue",
            server=server.address,
            destination_ae_title="ARCHIVE",
            destination_host="127.0.0.1",
            destination_port=archive.port,
        ) as node,
    ):
        assert send(writer.folder, node.port).stdout == "0000\n"
        path = archive.next()
        node.log.until("outcome=delivered")
    found = by_position(hd.seg.segread(path), expected.array.shape, expected.grid.affine)
    for number, region in enumerate(Region):
        assert np.array_equal(found[..., number], expected.mask(region))
    assert found[..., 0].any()
    if DCIODVFY is not None:
        assert faults(path) == []
