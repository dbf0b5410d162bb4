"""What the report says of the case check and of what was done to each contrast."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import glioserve as gs
import nibabel as nib
import numpy as np
import pytest
from glioserve.render import quality
from glioserve.render.scene import Scene

from tests.client import native


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene.of(native.write_exam(tmp_path_factory.mktemp("native")), native.result())


def test_refusing_findings_come_first_and_nothing_is_markup() -> None:
    html = quality.findings(native.FINDINGS)
    assert html.index("Refused") < html.index("Warning")
    assert "must tell &lt;left&gt; from right, got doubt &amp; worse" in html
    assert "FLAIR" in html
    assert "<left>" not in html


def test_nothing_found_is_said_in_brief_and_takes_no_room(scene: Scene) -> None:
    assert quality.findings(()) == ""
    assert "nothing found" in quality.brief(replace(native.result(), findings=()), scene)


def test_the_exam_in_brief(scene: Scene) -> None:
    html = quality.brief(native.result(), scene)
    volume_ml = native.brain(gs.Modality.T1CE).sum() * 24 / 1000
    assert "1 refusing, 1 warning" in html
    assert "1 contrast registered, T2 most: 10.4" in html
    assert f"extracted, {volume_ml:.1f} ml" in html
    assert "6.75 s" in html


def test_an_exam_that_needed_nothing(scene: Scene) -> None:
    still = {
        each: replace(done, registered=False, motion=np.eye(4), brain_extracted=False)
        for each, done in scene.preparations.items()
    }
    ready = replace(scene, preparations=still, brain=None)
    html = quality.brief(native.result(), ready)
    assert "aligned as sent" in html
    assert "skull-stripped as sent" in html
    told = quality.preparation(ready)
    assert told.count("<img") == 3, "each contrast as sent, against the T1CE"
    assert "nats" not in told


def test_what_was_done_to_each_contrast(scene: Scene) -> None:
    html = quality.preparation(scene)
    rows = {row.split("</th>")[0]: row for row in html.split('<th scope="row">')[1:]}
    assert set(rows) == {"T1", "T1CE", "T2", "FLAIR"}
    assert "turned 3.0°" in rows["T2"]
    assert "0.250 nats &rarr; <b>0.500 nats</b>" in rows["T2"]
    assert "as sent" in rows["T1"]
    assert html.count("<img") == 4, "one for each of the contrasts that stayed, two for the one that moved"
    assert html.count("T2</b> and T1CE, registered") == 1


def test_a_server_that_does_not_tell(scene: Scene) -> None:
    silent = replace(scene, preparations={})
    assert quality.brief(native.result(), silent) == quality.preparation(silent) == ""


def test_the_document_has_the_same_facts(tmp_path: Path) -> None:
    out = gs.write_outputs(native.result(on=gs.Modality.FLAIR), native.write_exam(tmp_path / "exam"), tmp_path / "out")
    document = json.loads((out / "result.json").read_text())
    assert document["output_grid"] == "flair"
    assert document["findings"][0] == {
        "rule": "slice_thickness",
        "severity": "warn",
        "field": "flair",
        "must": "must have slices of at most 3 mm",
        "got": "6 mm",
    }
    moved = next(each for each in document["preparations"] if each["modality"] == native.MOVED.value)
    assert moved["registered"] is moved["resampled"] is moved["brain_extracted"] is True
    assert np.allclose(moved["motion"], native.MOTIONS[native.MOVED])
    assert (moved["similarity_before"], moved["similarity_after"]) == (0.25, 0.5)


def test_a_brain_mask_of_an_earlier_exam_does_not_stay(tmp_path: Path) -> None:
    case = native.write_exam(tmp_path / "exam")
    gs.write_outputs(native.result(), case, tmp_path / "out")
    mask = tmp_path / "out" / "brain_mask.nii.gz"
    assert np.array_equal(np.asarray(nib.load(mask).dataobj), native.brain(gs.Modality.T1CE))
    gs.write_outputs(replace(native.result(), brain_mask=None), case, tmp_path / "out")
    assert not mask.exists()


def test_nothing_names_the_patient(tmp_path: Path) -> None:
    case = native.write_exam(tmp_path / "Jane")
    out = gs.write_outputs(native.result(), case, tmp_path / "out")
    assert {path.name for path in out.iterdir()} == {
        "segmentation.nii.gz",
        "brain_mask.nii.gz",
        "result.json",
        "report.html",
        "overlay.png",
    }
    for path in out.iterdir():
        for secret in (b"Jane_", b"_Doe_", b"_1970", str(tmp_path).encode()):
            assert secret not in path.read_bytes()
    assert (out / "report.html").stat().st_size < 2_000_000
