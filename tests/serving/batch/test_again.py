"""One case again, from its provenance."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from imaging.nifti import read_nifti_file
from serving.batch.again import AgainError, generator_of, make_again
from serving.batch.order import CohortOrder
from serving.batch.served import ServedMaking, StudioSettings
from serving.batch.sources import SourceCatalog
from serving.batch.spec import CohortSpec
from serving.batch.worker import run_share
from serving.inference.engine import Engine
from serving.settings import Settings
from serving.synthesis.provenance import Provenance
from tests.serving.batch.fakes import INDEX_DIGEST, SmallMaking, contents, small_spec


@pytest.fixture
def studio(repository: Path) -> StudioSettings:
    return StudioSettings(Settings(engine=Engine.ONNXRUNTIME, models=repository), "joint")


def run(spec: CohortSpec, out: Path, making: SmallMaking | ServedMaking) -> None:
    run_share(CohortOrder(spec, str(out)), making, stopping=threading.Event(), on_progress=lambda _: None)


def test_a_part_of_the_contrasts_in_their_order(tmp_path: Path, studio: StudioSettings) -> None:
    spec = small_spec(tmp_path, cases=1, layout="nnunet_raw", modalities="flair, t1")
    run(spec, tmp_path / "out", ServedMaking(spec, studio))
    before = contents(tmp_path / "out")
    provenance = Provenance.from_json(before["provenance/synthetic_00000.json"])
    assert generator_of(provenance) == "joint"
    out = str(tmp_path / "again")
    report = make_again(provenance, out, studio, SourceCatalog.open(spec), stopping=threading.Event())
    assert report.is_same
    assert report.agree == {
        "imagesTr/synthetic_00000_0000.nii.gz": True,
        "imagesTr/synthetic_00000_0001.nii.gz": True,
        "labelsTr/synthetic_00000.nii.gz": True,
    }
    assert contents(tmp_path / "again").items() <= before.items()
    labels = read_nifti_file(tmp_path / "again" / "labelsTr" / "synthetic_00000.nii.gz", field="labels").voxels
    assert set(labels.ravel().tolist()) == {0, 1, 2, 3}


def test_a_quarantined_case_goes_to_its_own_place(tmp_path: Path, studio: StudioSettings) -> None:
    spec = small_spec(tmp_path, cases=1)
    run(spec, tmp_path / "out", SmallMaking(spec, replicas=frozenset({0})))
    content = (tmp_path / "out" / "quarantine" / "BraTS-SYN-00000-000.json").read_text()
    assert INDEX_DIGEST in content
    with studio.open(threading.Event()) as opened:
        content = content.replace("a" * 64, opened.generator.sha256)
    provenance = Provenance.from_json(content)
    out = str(tmp_path / "again")
    report = make_again(provenance, out, studio, SourceCatalog.open(spec), stopping=threading.Event())
    assert {path: same for path, same in report.agree.items() if same} == {
        "quarantine/BraTS-SYN-00000-000/seg.nii.gz": True
    }, "another generator drew other images of the same map"


def test_what_belongs_to_no_cohort(tmp_path: Path, studio: StudioSettings) -> None:
    spec = small_spec(tmp_path, cases=1)
    run(spec, tmp_path / "out", SmallMaking(spec))
    content = (tmp_path / "out" / "provenance" / "BraTS-SYN-00000-000.json").read_bytes()
    provenance = Provenance.from_json(content).model_copy(update={"cohort": None})
    with pytest.raises(AgainError, match="provenance: must be that of a cohort's case, got another"):
        make_again(provenance, str(tmp_path / "again"), studio, None, stopping=threading.Event())
