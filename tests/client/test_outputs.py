"""The folder of a result: all of it, nothing of the patient, no halves."""

from __future__ import annotations

import base64
import io
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import glioserve as gs
import nibabel as nib
import numpy as np
import pytest
from glioserve.render.palette import REGION_RGB
from glioserve.v1 import types_pb2 as pb
from PIL import Image

from tests.client import exams
from tests.client.fake_server import DIGEST, FakeServer, report, start, volumes
from tests.client.fake_server import metrics as fake_metrics

NAMES = {"segmentation.nii.gz", "result.json", "report.html", "overlay.png"}


def written(client: gs.Client, folder: Path, out: Path) -> Path:
    case = gs.find_case(folder)
    return gs.write_outputs(client.segment(case), case, out)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The outputs of a scored exam, made once. Tests only read them."""
    folder = tmp_path_factory.mktemp("outputs")
    case_dir = exams.write_case(folder / "scored", reference=exams.labels())
    fake = FakeServer()
    running = start(fake)
    with gs.Client(fake.target) as client:
        yield written(client, case_dir, folder / "new" / "out")
    running.stop(grace=0).wait()


@pytest.fixture
def empty(server: FakeServer, client: gs.Client, case_dir: Path, tmp_path: Path) -> Path:
    """The outputs of an exam without a tumour."""
    server.answers = [report(exams.nifti_gz(np.zeros(exams.SHAPE, np.uint8)), volumes=volumes(found=False))]
    return written(client, case_dir, tmp_path / "empty")


class Page(HTMLParser):
    """The tags and the text of a report."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img", "input", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def images(self) -> list[Image.Image]:
        sources = [attributes["src"] or "" for tag, attributes in self.tags if tag == "img"]
        assert all(re.match(r"data:image/(png|jpeg);base64,", source) for source in sources)
        return [Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))) for source in sources]


def coloured(image: Image.Image, region: gs.Region) -> int:
    """Pixels in a region's colour."""
    near = np.abs(np.asarray(image.convert("RGB")).astype(int) - REGION_RGB[region]).max(axis=-1) < 12
    return int(near.sum())


def test_all_files_are_there_and_no_others(out: Path) -> None:
    assert {path.name for path in out.iterdir()} == NAMES


def test_the_label_map_lies_on_the_grid_of_the_exam(out: Path) -> None:
    image = nib.load(out / "segmentation.nii.gz")
    assert np.array_equal(np.asarray(image.dataobj), exams.labels())
    assert np.array_equal(image.affine, exams.AFFINE)


def test_the_document(out: Path) -> None:
    document = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert document["schema"] == "glioserve.result/1"
    assert document["disclaimer"] == "Research software, not a medical device."
    assert document["region_labels"] == {"wt": [1, 2, 4], "tc": [1, 4], "et": [4]}
    assert [each["volume_ml"] for each in document["volumes"]] == pytest.approx(
        [mask.sum() * exams.VOXEL_ML for mask in exams.MASKS.values()]
    )
    assert document["metrics"]["conventions"] == {
        "hd95_definition": "pooled",
        "empty_mask_policy": "legacy",
        "specificity_domain": "image",
    }
    assert document["metrics"]["regions"][0]["status"] == "computed"
    assert document["metrics"]["regions"][0]["dsc"] == 0.875
    assert document["models"][0]["sha256"] == DIGEST
    assert document["timings"] == [{"stage": "decode", "seconds": 0.25}, {"stage": "segment_wt", "seconds": 1.5}]
    assert len(document["warnings"]) == len(document["notes"]) == 1


def test_a_metric_without_a_value_is_null(
    server: FakeServer, client: gs.Client, scored_dir: Path, tmp_path: Path
) -> None:
    server.answers = [report(metrics=fake_metrics(pb.METRIC_STATUS_BOTH_EMPTY))]
    out = written(client, scored_dir, tmp_path / "out")
    (first, *_) = json.loads((out / "result.json").read_text())["metrics"]["regions"]
    assert (first["dsc"], first["status"]) == (None, "both-empty")
    assert "both masks empty" in Page(out / "report.html").text
    assert "no value" in Page(out / "report.html").text


def test_the_report_tells_everything(out: Path) -> None:
    page = Page(out / "report.html")
    assert page.open == []
    wt_ml = exams.MASKS[gs.Region.WT].sum() * exams.VOXEL_ML
    for text in (
        "Research software, not a medical device",
        "Whole tumour",
        "Tumour core",
        "Enhancing tumour",
        f"{wt_ml:.2f}",
        "0.875",
        "2.25 mm",
        "pooled",
        "legacy",
        "brats2018",
        "unet_wt",
        DIGEST,
        "Segment WT",
        "1.50 s",
        "9.8.7",
        "triton",
        "inferred",
        "The model saw <b>no</b> such case.",
    ):
        assert text in page.text, text


def test_the_report_stands_alone(out: Path) -> None:
    page = Page(out / "report.html")
    assert {"script", "link", "iframe", "object", "a"}.isdisjoint(tag for tag, _ in page.tags)
    assert not re.search(r"https?:|url\(|@import", (out / "report.html").read_text())
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_the_report_shows_each_region_in_its_colour(out: Path) -> None:
    images = Page(out / "report.html").images()
    assert len(images) == 3 * (1 + 1 + 3), "for each region: the slices, the reference, three layers"
    assert len({image.size for image in images}) == 1
    bases = [image for image in images if image.mode == "L"]
    layers = [image.convert("RGBA") for image in images if image.mode == "P"]
    assert len(bases) == 3
    for index, region in enumerate(gs.Region):
        assert coloured(layers[1 + index], region) > 100


def test_the_picture_shows_all_regions(out: Path) -> None:
    with Image.open(out / "overlay.png") as image:
        assert min(image.size) > 600
        for region in gs.Region:
            assert coloured(image, region) > 300


def test_without_a_tumour_there_are_no_outlines_and_it_says_so(empty: Path) -> None:
    page = Page(empty / "report.html")
    assert page.text.count("none found") >= 3
    assert "No tumour was found" in page.text
    assert "Agreement" not in page.text, "there is no reference"
    with Image.open(empty / "overlay.png") as image:
        assert coloured(image, gs.Region.ET) < 200, "the legend alone"


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_file_names_the_patient(out: Path, name: str) -> None:
    data = (out / name).read_bytes()
    for secret in (b"Jane_", b"_Doe_", b"_1970", b"scored", str(out.parent).encode()):
        assert secret not in data


def test_a_second_run_replaces_the_first(client: gs.Client, case_dir: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in NAMES:
        (out / name).write_text("of an earlier exam")
    written(client, case_dir, out)
    assert {path.name for path in out.iterdir()} == NAMES
    assert all(b"earlier" not in path.read_bytes() for path in out.iterdir())


@pytest.mark.parametrize("failing", [0, 1, 3])
def test_a_full_disk_leaves_whole_files_only(
    client: gs.Client, case_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    writes = iter(range(10))

    def full(_: int) -> None:
        if next(writes) == failing:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("glioserve.atomic.os.fsync", full)
    with pytest.raises(gs.OutputError, match="No space left"):
        written(client, case_dir, tmp_path / "out")
    order = ["segmentation.nii.gz", "result.json", "overlay.png", "report.html"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(order[:failing])


def test_an_exam_that_changed_after_the_call(client: gs.Client, case_dir: Path, tmp_path: Path) -> None:
    case = gs.find_case(case_dir)
    result = client.segment(case)
    case.exam.t2.write_bytes(exams.nifti_gz(exams.labels()[:-1]))
    with pytest.raises(gs.LocalInputError, match="t2: must be on the grid"):
        gs.write_outputs(result, case, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"segmentation.nii.gz", "result.json"}


def test_the_exam_is_read_before_there_is_a_result(client: gs.Client, case_dir: Path, tmp_path: Path) -> None:
    case = gs.find_case(case_dir)
    result = client.segment(case)
    with gs.OutputFolder(case, tmp_path / "out") as outputs:
        outputs._ahead.backdrop()
        for modality in gs.Modality:
            case.exam.path(modality).unlink()
        outputs.write_result(result)
        assert {path.name for path in (tmp_path / "out").iterdir()} == {"segmentation.nii.gz", "result.json"}
        outputs.write_pictures(result)
    assert {path.name for path in (tmp_path / "out").iterdir()} == NAMES


def test_an_exam_without_a_result_is_not_read_to_its_end(
    case_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, left, read = threading.Event(), threading.Event(), []

    def slow(path: Path, *, field: str) -> None:
        read.append((path, field))
        reading.set()
        left.wait(20)

    def shutdown(pool: ThreadPoolExecutor, **options: bool) -> None:
        ended(pool, **(options | {"wait": False}))
        left.set()
        ended(pool)

    ended = ThreadPoolExecutor.shutdown
    monkeypatch.setattr("glioserve.render.ahead.Intensities.read", slow)
    with gs.OutputFolder(gs.find_case(case_dir), tmp_path / "out"):
        assert reading.wait(20)
        monkeypatch.setattr(ThreadPoolExecutor, "shutdown", shutdown)
    assert len(read) == 1
