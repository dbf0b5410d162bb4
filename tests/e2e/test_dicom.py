"""A DICOM study through everything: scanner, node, client, gateway, Triton, and back into an archive."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from glioserve import Client, ExamFiles, Region
from glioserve import Modality as ClientModality

from imaging.brats import find_cases, load_exam
from imaging.modality import Modality
from imaging.volume import Volume
from tests.client.dicom.reading import by_position
from tests.client.dicom.studies import AS_ACQUIRED, NUMBERS, Writer
from tests.client.dicom.validator import DCIODVFY, faults
from tests.e2e.running_server import RunningServer, running_server
from tests.serving.dicom.archive import Archive
from tests.serving.dicom.running_node import node_process, send
from tests.serving.gateway.support import exam_volumes, write_nifti

pytestmark = pytest.mark.triton

SHIPPED = Path(__file__).parents[2] / "models"
SHAPE = (112, 104, 102)
"""At least 100 mm along each axis, as a head is."""


def test_a_study_by_c_store_is_segmented_as_its_nifti_files_are(server: RunningServer, tmp_path: Path) -> None:
    check_study(server, exam_volumes(3, SHAPE), tmp_path)


@pytest.mark.patients
@pytest.mark.timeout(600)
@pytest.mark.skipif("GLIOSERVE_BRATS_DIR" not in os.environ, reason="GLIOSERVE_BRATS_DIR is not set")
def test_so_is_a_patients_by_the_shipped_models(tmp_path: Path) -> None:
    case = find_cases(Path(os.environ["GLIOSERVE_BRATS_DIR"]))[0]
    (tmp_path / "server").mkdir()
    with running_server(SHIPPED, tmp_path / "server") as server:
        check_study(server, load_exam(case).volumes, tmp_path)


def check_study(server: RunningServer, volumes: Mapping[Modality, Volume], tmp_path: Path) -> None:
    """Written as DICOM, sent to a node, and compared, once it is in the archive, with the answer to NIfTI files."""
    writer = Writer(tmp_path / "study")
    files = {}
    for name, volume in volumes.items():
        modality, affine = ClientModality(name.value), np.asarray(volume.grid.affine)
        writer.classic(volume.voxels, AS_ACQUIRED[modality], NUMBERS[modality], affine=affine)
        files[name.value] = tmp_path / f"{name.value}.nii.gz"
        files[name.value].write_bytes(write_nifti(volume))
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
