"""`glioserve generate`: what it sends, prints, writes, and exits with."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from glioserve.cli import app
from glioserve.v1 import synthesis_pb2, synthesis_pb2_grpc
from typer.testing import CliRunner

from tests.client.fake_server import FakeServer, start
from tests.client.fake_synthesis import FakeSynthesis, fails

run = CliRunner().invoke


@pytest.fixture
def synthesis() -> FakeSynthesis:
    return FakeSynthesis()


@pytest.fixture
def target(synthesis: FakeSynthesis) -> Iterator[str]:
    fake = FakeServer()
    add = functools.partial(synthesis_pb2_grpc.add_SynthesisServiceServicer_to_server, synthesis)
    running = start(fake, more=[add])
    yield fake.target
    running.stop(grace=0).wait()


def test_an_exam_into_a_folder(target: str, tmp_path: Path) -> None:
    done = run(app, ["generate", "--builtin", "7", "--out", str(tmp_path / "out"), "--server", target])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "out" / "Brats18_SYN_00007_1"
    assert len(list(folder.glob("*.nii.gz"))) == 5
    assert (folder / "provenance.json").is_file()
    assert ["WT", "Whole", "tumour", "4.12", "ml", "515"] in [line.split() for line in done.stdout.splitlines()]
    for text in ("Brats18_SYN_00007_1, of nobody: t1, t1ce, t2, flair", f"Written to {folder}"):
        assert text in done.stdout
    assert done.stdout.endswith("Research software, not a medical device.\n")


def test_a_document(target: str) -> None:
    done = run(app, ["generate", "--builtin", "7", "--json", "--server", target])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["schema"], document["case_id"]) == ("glioserve.synthesis/1", "Brats18_SYN_00007_1")
    assert document["provenance"]["synthetic"] is True
    assert [volume["region"] for volume in document["volumes"]] == ["wt", "tc", "et"]
    assert document["files"][-1] == "Brats18_SYN_00007_1_seg.nii.gz"


def test_options_reach_the_server(target: str, synthesis: FakeSynthesis) -> None:
    arguments = "generate --builtin 3 --enhancement none --volume-ml 25 --side left --shift 1 -2 3 --scale 0.9"
    arguments += " --rotate 10 0 -20 --elastic-mm 1.5 --elastic-scale-mm 12 --mirror --edit-seed 4 --generator other"
    arguments += " --modality t2 --modality flair --label-scheme brats2023"
    done = run(app, arguments.split(), env={"GLIOSERVE_SERVER": target})
    assert done.exit_code == 0, done.output
    header = synthesis.received[0][0]
    assert header.builtin == synthesis_pb2.BuiltinMap(
        seed=3, enhancement=synthesis_pb2.ENHANCEMENT_NONE, volume_ml=25, side=synthesis_pb2.SIDE_LEFT
    )
    assert header.edit == synthesis_pb2.MapEdit(
        shift_mm=synthesis_pb2.AlongAxes(right=1, anterior=-2, superior=3),
        scale=0.9,
        rotation_deg=synthesis_pb2.AlongAxes(right=10, superior=-20),
        elastic_mm=1.5,
        elastic_scale_mm=12,
        mirror=True,
    )
    assert (header.edit_seed, header.generator, list(header.modalities)) == (4, "other", [3, 4])


def test_a_map_of_ones_own(target: str, synthesis: FakeSynthesis, tmp_path: Path) -> None:
    file = tmp_path / "map.npz"
    file.write_bytes(b"a map")
    assert run(app, ["generate", "--map", str(file), "--server", target]).exit_code == 0
    assert synthesis.received[0][1] == b"a map"


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "--builtin 1 --map {file}",
        "--map {file} --side left",
        "--map nowhere.npz",
        "--builtin x",
        "--builtin 1 --side up",
        "--builtin 1 --shift 1 2",
        "--builtin 1 --modality ct",
        "--builtin 1 --label-scheme msd",
        "--builtin 99999999999999999999",
        "--builtin 1 --timeout 0",
    ],
)
def test_commands_that_are_wrong(target: str, synthesis: FakeSynthesis, tmp_path: Path, arguments: str) -> None:
    file = tmp_path / "map.npz"
    file.write_bytes(b"a map")
    done = run(app, ["generate", *arguments.format(file=file).split(), "--server", target])
    assert done.exit_code == 2, done.output
    assert not synthesis.received


def test_a_server_that_refuses(target: str, synthesis: FakeSynthesis, tmp_path: Path) -> None:
    synthesis.answers = [fails(grpc.StatusCode.INVALID_ARGUMENT)]
    done = run(app, ["generate", "--builtin", "1", "--out", str(tmp_path / "out"), "--json", "--server", target])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"]["type"] == "InvalidInputError"
    assert done.stderr.startswith("InvalidInputError: ")
    assert list((tmp_path / "out").iterdir()) == []
