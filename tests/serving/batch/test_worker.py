"""One process's share: what is missing is made, what is there is kept, what can't be made is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imaging.brats import SchemeOrigin, find_cases, load_exam, load_reference
from imaging.labels import LabelScheme
from imaging.nifti import read_nifti_image_file
from imaging.regions import Region
from serving.batch.claim import AnotherCohortError
from serving.batch.manifest import DamagedCaseError
from serving.batch.order import CohortOrder, Existing, ShareReport
from serving.batch.patience import StoppedError
from serving.batch.served import SpecMaker
from serving.batch.shards import Shard
from serving.batch.storage import StorageError, open_folder
from serving.batch.storage.local import LocalFolder
from serving.batch.worker import run_share
from serving.errors import EngineAnswerError
from serving.synthesis.provenance import Provenance
from tests.serving.batch.fakes import SmallMaking, contents, small_spec
from tests.serving.batch.s3 import Bucket


def run(order: CohortOrder, making: SmallMaking | None = None) -> ShareReport:
    return run_telling(order, making)[0]


def run_telling(order: CohortOrder, making: SmallMaking | None = None) -> tuple[ShareReport, list[int]]:
    """The report, and what was told of the progress."""
    told: list[int] = []
    making = making or SmallMaking(order.spec)
    return run_share(order, making, stopping=threading.Event(), on_progress=told.append), told


@pytest.fixture
def order(tmp_path: Path) -> CohortOrder:
    return CohortOrder(small_spec(tmp_path), str(tmp_path / "out"))


def test_a_cohort_is_made(order: CohortOrder, tmp_path: Path) -> None:
    report, told = run_telling(order)
    assert report == ShareReport(cases=4, made=4, released=4, quarantined=0, failed=(), finished=True)
    assert told == [0, 1, 2, 3, 4]
    files = contents(tmp_path / "out")
    assert {path for path in files if "/" not in path} == {
        "cohort.yaml",
        "dataset.json",
        "manifest.json",
        "quality.html",
    }
    assert len(files) == 4 + 4 * 6


def test_the_same_spec_gives_the_same_bytes(order: CohortOrder, tmp_path: Path) -> None:
    """However the work is divided, and in whatever order it is done."""
    run(order)
    for shard in Shard().split(3)[::-1]:
        run(replace(order, out=str(tmp_path / "other"), shard=shard, at_once=1))
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_another_seed_gives_others(order: CohortOrder, tmp_path: Path) -> None:
    run(order)
    run(CohortOrder(small_spec(tmp_path, seed=8), str(tmp_path / "other")))
    path = "BraTS-SYN-00000-000/BraTS-SYN-00000-000-t1n.nii.gz"
    assert (tmp_path / "out" / path).read_bytes() != (tmp_path / "other" / path).read_bytes()


@pytest.mark.parametrize(
    ("layout", "scheme"), [("brats_2018", LabelScheme.BRATS_2018), ("brats_2023", LabelScheme.BRATS_2023)]
)
def test_brats_layouts_are_found_by_their_names(tmp_path: Path, layout: str, scheme: LabelScheme) -> None:
    spec = small_spec(tmp_path, layout=layout)
    run(CohortOrder(spec, str(tmp_path / "out")), SmallMaking(spec, replicas=frozenset({2})))
    cases = find_cases(tmp_path / "out")
    assert len({case.patient_id for case in cases}) == 3, "the quarantined case must not be found"
    for case in cases:
        assert "SYN" in case.case_id
        assert (case.label_scheme, case.scheme_origin) == (scheme, SchemeOrigin.INFERRED)
        exam, regions = load_exam(case), load_reference(case)
        assert regions[Region.WT].shape == exam.grid.shape
        provenance = Provenance.from_json((tmp_path / "out" / "provenance" / f"{case.case_id}.json").read_bytes())
        ml = {region: mask.sum() * exam.grid.voxel_volume_ml for region, mask in regions.items()}
        measured = provenance.measures
        assert [measured.wt_ml, measured.tc_ml, measured.et_ml] == pytest.approx(list(ml.values()), abs=1e-3)


def test_headers_say_that_the_case_is_synthetic(order: CohortOrder, tmp_path: Path) -> None:
    run(order)
    for path in (tmp_path / "out").rglob("*.nii.gz"):
        assert b"synthetic, glioserve" in gunzip(path.read_bytes())[148:228]
        assert read_nifti_image_file(path, field="volume").volume.grid.axis_codes == "RAS"


def gunzip(content: bytes) -> bytes:
    import gzip

    assert content[4:8] == bytes(4), "no time in the gzip header"
    return gzip.decompress(content)


def test_what_is_there_is_kept(order: CohortOrder, tmp_path: Path) -> None:
    run(replace(order, shard=Shard(1, 2)))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.gz")}
    assert len(before) == 10
    report, told = run_telling(order)
    assert (report.made, report.released, told) == (2, 4, [2, 3, 4])
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_nothing_is_opened_where_nothing_is_missing(order: CohortOrder, tmp_path: Path) -> None:
    run(order)
    before = contents(tmp_path / "out")
    making = SmallMaking(order.spec)
    assert run(order, making).made == 0
    assert making.opened == []
    assert contents(tmp_path / "out") == before


def test_a_cohort_can_be_enlarged(order: CohortOrder, tmp_path: Path) -> None:
    run(order)
    report = run(replace(order, spec=small_spec(tmp_path, cases=6)))
    assert (report.made, report.released, report.finished) == (2, 6, True)
    run(CohortOrder(small_spec(tmp_path, cases=6), str(tmp_path / "at once")))
    assert contents(tmp_path / "out") == contents(tmp_path / "at once")


def test_a_case_that_can_not_be_made_is_recorded_and_tried_again(order: CohortOrder, tmp_path: Path) -> None:
    report, told = run_telling(order, SmallMaking(order.spec, refused=frozenset({1, 3})))
    assert (report.made, report.released, report.finished, report.is_complete) == (2, 2, True, False)
    assert [failure.case_id for failure in report.failed] == ["BraTS-SYN-00001-000", "BraTS-SYN-00003-000"]
    assert told == [0, 1, 2, 3, 4]
    record = json.loads((tmp_path / "out" / "failed" / "BraTS-SYN-00001-000.json").read_text())
    assert record == {
        "case_id": "BraTS-SYN-00001-000",
        "index": 1,
        "kind": "CasePlanError",
        "field": "case 1",
        "rule": "must be found within 24 attempts",
        "got": "24 refusals",
    }
    assert run(order).is_complete
    run(replace(order, out=str(tmp_path / "other")))
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_replicas_are_set_aside(order: CohortOrder, tmp_path: Path) -> None:
    report = run(order, SmallMaking(order.spec, replicas=frozenset({1}), near_source=frozenset({2})))
    assert (report.released, report.quarantined, report.is_complete) == (3, 1, True)
    out = tmp_path / "out"
    case = "BraTS-SYN-00001-000"
    assert sorted(path.name for path in (out / "quarantine" / case).iterdir()) == [
        *("flair.nii.gz", "seg.nii.gz", "t1.nii.gz", "t1ce.nii.gz", "t2.nii.gz")
    ]
    provenance = Provenance.from_json((out / "quarantine" / f"{case}.json").read_bytes())
    assert provenance.replica is not None
    assert provenance.replica.is_replica
    assert not (out / case).exists()
    assert [entry["label"] for entry in json.loads((out / "dataset.json").read_text())["training"]] == [
        f"BraTS-SYN-{index:05d}-000/BraTS-SYN-{index:05d}-000-seg.nii.gz" for index in (0, 2, 3)
    ]


def test_cases_near_their_source_go_where_the_spec_says(tmp_path: Path) -> None:
    spec = small_spec(tmp_path, near_source="quarantine")
    order = CohortOrder(spec, str(tmp_path / "out"))
    report = run(order, SmallMaking(spec, replicas=frozenset(), near_source=frozenset({2})))
    assert (report.released, report.quarantined) == (3, 1)
    assert (tmp_path / "out" / "quarantine" / "BraTS-SYN-00002-000.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 8}, r"^spec: must be that of the cohort in the folder, [0-9a-f]{64}, got [0-9a-f]{64}$"),
        ({"layout": "brats_2018"}, "^layout: must be that of the cohort in the folder, brats_2023, got brats_2018$"),
        (
            {"near_source": "quarantine"},
            "^replicas: must be that of the cohort in the folder, release, got quarantine$",
        ),
        ({"cases": 3}, "^cases: must be at least the 4 that the folder has, got 3$"),
    ],
)
def test_another_cohort_is_left_alone(
    order: CohortOrder, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    run(order)
    before = contents(tmp_path / "out")
    with pytest.raises(AnotherCohortError, match=message):
        run(replace(order, spec=small_spec(tmp_path, **change)))
    assert contents(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("making", "field"),
    [
        (lambda spec: SmallMaking(spec, sha256="b" * 64), "generator"),
        (lambda spec: SmallMaking(spec, replicas=frozenset()), r"replicas\.npz"),
    ],
)
def test_a_cohort_is_not_mixed(
    order: CohortOrder, tmp_path: Path, making: Callable[..., SmallMaking], field: str
) -> None:
    run(replace(order, shard=Shard(0, 2)))
    (tmp_path / "out" / "provenance" / "BraTS-SYN-00002-000.json").unlink()
    with pytest.raises(AnotherCohortError, match=f"^{field}: must be that of BraTS-SYN-00000-000 in the folder"):
        run(order, making(order.spec))
    assert not (tmp_path / "out" / "provenance" / "BraTS-SYN-00002-000.json").exists()


def test_a_cohort_yaml_of_somebody_else(order: CohortOrder, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "cohort.yaml").write_text("name: theirs\npatients: 7\n")
    with pytest.raises(AnotherCohortError, match=r"^cohort\.yaml: in the folder must be the spec of a cohort"):
        run(order)


def test_being_told_to_end_begins_nothing_new(order: CohortOrder, tmp_path: Path) -> None:
    stopping = threading.Event()
    told: list[int] = []

    def on_progress(tried: int) -> None:
        told.append(tried)
        if tried == 1:
            stopping.set()

    with pytest.raises(StoppedError):
        run_share(replace(order, at_once=1), SmallMaking(order.spec), stopping=stopping, on_progress=on_progress)
    assert told == [0, 1]
    assert not [path for path in contents(tmp_path / "out") if path.endswith(".part")]
    run(order)
    run(replace(order, out=str(tmp_path / "other")))
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_a_fault_of_the_generator_ends_the_run_and_loses_nothing(
    order: CohortOrder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = SpecMaker.make

    def fails_at_two(self: SpecMaker, index: int):
        if index == 2:
            raise EngineAnswerError("generator_small", "must run", "an error")
        return make(self, index)

    with monkeypatch.context() as patched:
        patched.setattr(SpecMaker, "make", fails_at_two)
        with pytest.raises(EngineAnswerError):
            run(replace(order, at_once=1))
    assert len(list((tmp_path / "out" / "provenance").iterdir())) == 2
    assert not (tmp_path / "out" / "failed").exists()
    assert run(order).made == 2


def test_a_full_disk_loses_nothing(order: CohortOrder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full in the middle of the third case."""
    write, calls = LocalFolder.write, []

    def full(self: LocalFolder, path: str, content: bytes) -> None:
        if path.startswith("BraTS-SYN-00002-000/") and path.endswith("seg.nii.gz"):
            raise StorageError.of(OSError(28, "No space left on device"), self.name, "must be writable")
        calls.append(path)
        write(self, path, content)

    with monkeypatch.context() as patched:
        patched.setattr(LocalFolder, "write", full)
        with pytest.raises(StorageError, match=r"out: must be writable, got No space left on device$"):
            run(replace(order, at_once=1))
    assert "BraTS-SYN-00002-000/BraTS-SYN-00002-000-t1n.nii.gz" in calls
    assert run(order).made == 2
    run(replace(order, out=str(tmp_path / "other")))
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


@pytest.mark.parametrize("harm", ["missing", "altered"])
def test_a_damaged_case_is_mended(order: CohortOrder, tmp_path: Path, harm: str) -> None:
    run(order)
    before = contents(tmp_path / "out")
    victim = tmp_path / "out" / "BraTS-SYN-00001-000" / "BraTS-SYN-00001-000-t2w.nii.gz"
    if harm == "missing":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[:-9] + b"\0" * 9)
    with pytest.raises(DamagedCaseError, match="--mend makes its case again"):
        run(order)
    report = run(replace(order, existing=Existing.MEND))
    assert (report.made, report.released) == (1, 4)
    assert contents(tmp_path / "out") == before


def test_a_damaged_record_is_mended(order: CohortOrder, tmp_path: Path) -> None:
    run(order)
    before = contents(tmp_path / "out")
    (tmp_path / "out" / "provenance" / "BraTS-SYN-00001-000.json").write_text("{")
    assert run(replace(order, existing=Existing.MEND)).made == 1
    assert contents(tmp_path / "out") == before


def test_what_killed_writers_left_is_swept_and_other_files_stay(order: CohortOrder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for path in (
        "imagesTr/.0123456789abcdef.part",
        "quarantine/BraTS-SYN-00001-000/t1.nii.gz",
        "notes.txt",
        "BraTS-SYN-00009-000/x.nii.gz",
    ):
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_bytes(b"")
    run(order)
    files = contents(out)
    assert "notes.txt" in files
    assert "BraTS-SYN-00009-000/x.nii.gz" in files
    assert not [path for path in files if path.endswith(".part") or path.startswith("quarantine/")]
    listed = [entry["path"] for entry in json.loads(files["manifest.json"])["files"]]
    assert sorted(listed) == sorted(files.keys() - {"manifest.json", "notes.txt", "BraTS-SYN-00009-000/x.nii.gz"})


def test_s3(tmp_path: Path, bucket: Bucket) -> None:
    """The same bytes as on a disk, over a real socket; and what is there is kept."""
    spec = small_spec(tmp_path)
    local, remote = CohortOrder(spec, str(tmp_path / "out")), CohortOrder(spec, bucket.url)
    run(local)
    run(replace(remote, shard=Shard(0, 2)))
    assert run(remote).made == 2
    folder = open_folder(bucket.url)
    paths = list(folder.sizes())
    assert dict(zip(paths, folder.read_each(paths), strict=True)) == contents(tmp_path / "out")
    folder.remove("BraTS-SYN-00001-000/BraTS-SYN-00001-000-t2w.nii.gz")
    assert run(replace(remote, existing=Existing.MEND)).made == 1
