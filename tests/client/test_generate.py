"""Both clients' `generate` against a server that speaks the contract, and one that breaks it."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import glioserve as gs
import grpc
import nibabel
import numpy as np
import pytest
from glioserve.v1 import synthesis_pb2, synthesis_pb2_grpc
from glioserve.v1 import types_pb2 as pb

from tests.client import exams
from tests.client.fake_server import FakeServer, start
from tests.client.fake_synthesis import FakeSynthesis, Responses, answer, contents, drawn, fails, say

SEED = gs.BuiltinMap(7)
Header = synthesis_pb2.GenerateHeader


@pytest.fixture
def synthesis() -> FakeSynthesis:
    return FakeSynthesis()


@pytest.fixture
def server(synthesis: FakeSynthesis) -> Iterator[FakeServer]:
    fake = FakeServer()
    add = functools.partial(synthesis_pb2_grpc.add_SynthesisServiceServicer_to_server, synthesis)
    running = start(fake, more=[add])
    yield fake
    running.stop(grace=0).wait()


def test_the_exam_is_what_the_server_drew(client: gs.Client) -> None:
    events: list[object] = []
    exam = client.generate(SEED, on_progress=events.append)

    assert events == [gs.Queued(2), gs.Progress("draw", 4, 8)]
    assert exam.case_id == "Brats18_SYN_00007_1"
    for modality, volume in exam.volumes.items():
        assert volume.nifti_gz == drawn(modality)
        assert volume.array.dtype == np.int16
        assert volume.array.max() == 100 + 10 * list(gs.Modality).index(modality)
    assert list(exam.volumes) == list(gs.Modality)
    for region in gs.Region:
        np.testing.assert_array_equal(exam.label_map.mask(region), exams.MASKS[region])
        assert exam.volume_ml(region) == pytest.approx(exams.MASKS[region].sum() * exams.VOXEL_ML)
    assert exam.provenance == json.loads(exam.provenance_json)
    assert (exam.total_s, exam.server_version, exam.engine) == (3.5, "9.8.7", "triton")


async def test_both_clients_have_one_exam(server: FakeServer, synthesis: FakeSynthesis, tmp_path: Path) -> None:
    file = tmp_path / "map.npz"
    file.write_bytes(bytes(range(256)) * 9)
    async with gs.AsyncClient(server.target) as client:
        exam = await client.generate(file, modalities=[gs.Modality.T2])
    assert list(exam.volumes) == [gs.Modality.T2]
    ((header, content),) = synthesis.received
    assert content == file.read_bytes()
    assert header.map.size_bytes == len(content)


def test_all_that_is_asked_for_is_sent(client: gs.Client, synthesis: FakeSynthesis) -> None:
    client.generate(
        gs.BuiltinMap(-3, gs.Enhancement.NODULAR, 30.5, gs.Side.RIGHT),
        edit=gs.MapEdit((1.0, 2.0, 3.0), 0.5, (4.0, 5.0, 6.0), 2.0, 15.0, mirror=True),
        edit_seed=11,
        generator="another",
        modalities=[gs.Modality.FLAIR, gs.Modality.T1],
        label_scheme=gs.LabelScheme.BRATS_2023,
    )

    ((header, content),) = synthesis.received
    assert content == b""
    assert (header.builtin.seed, header.builtin.volume_ml) == (-3, 30.5), "the server is the judge of numbers"
    assert header.builtin.enhancement == synthesis_pb2.ENHANCEMENT_NODULAR
    assert header.builtin.side == synthesis_pb2.SIDE_RIGHT
    edit = header.edit
    assert (edit.shift_mm.right, edit.shift_mm.anterior, edit.shift_mm.superior) == (1.0, 2.0, 3.0)
    assert (edit.rotation_deg.right, edit.rotation_deg.anterior, edit.rotation_deg.superior) == (4.0, 5.0, 6.0)
    assert (edit.scale, edit.elastic_mm, edit.elastic_scale_mm, edit.mirror) == (0.5, 2.0, 15.0, True)
    assert (header.edit_seed, header.generator) == (11, "another")
    assert list(header.modalities) == [pb.MODALITY_FLAIR, pb.MODALITY_T1]
    assert header.label_scheme == pb.LABEL_SCHEME_BRATS_2023


def test_what_is_not_given_is_left_to_the_server(client: gs.Client, synthesis: FakeSynthesis) -> None:
    client.generate(SEED)
    header = synthesis.received[0][0]
    assert not header.builtin.HasField("volume_ml")
    assert (header.builtin.enhancement, header.builtin.side) == (0, 0)
    assert (header.edit.scale, header.edit.elastic_scale_mm) == (1.0, 20.0)


@pytest.mark.parametrize("scheme", [gs.LabelScheme.BRATS_2018, gs.LabelScheme.BRATS_2023])
def test_a_saved_exam_is_a_case_folder(client: gs.Client, tmp_path: Path, scheme: gs.LabelScheme) -> None:
    exam = client.generate(SEED, label_scheme=scheme)

    folder = exam.save(tmp_path / "exams")

    assert folder == tmp_path / "exams" / exam.case_id
    assert {path.name for path in folder.iterdir()} == {*exam.file_names, "provenance.json"}
    assert json.loads((folder / "provenance.json").read_text()) == exam.provenance
    declared = None if scheme is gs.LabelScheme.BRATS_2018 else scheme
    case = gs.find_case(folder, reference_label_scheme=declared)
    for modality in gs.Modality:
        np.testing.assert_array_equal(
            np.asarray(nibabel.load(case.exam.path(modality)).dataobj), exam.volumes[modality].array
        )
    assert case.reference is not None
    assert case.reference.label_scheme is scheme
    exam.save(tmp_path / "exams")  # again, over what is there


def test_an_exam_that_can_not_be_written(client: gs.Client, tmp_path: Path) -> None:
    exam = client.generate(SEED)
    (tmp_path / exam.case_id).write_text("a file is in the way")
    with pytest.raises(gs.OutputError):
        exam.save(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"source": "nowhere.npz"}, "map"),
        ({"source": SEED, "label_scheme": gs.LabelScheme.MSD}, "label_scheme"),
        ({"source": SEED, "modalities": ()}, "modalities"),
        ({"source": gs.BuiltinMap(2**63)}, "seed"),
        ({"source": SEED, "edit_seed": -(2**70)}, "edit_seed"),
        ({"source": SEED, "retries": -1}, "retries"),
    ],
)
def test_what_can_not_be_sent_is_found_here(
    client: gs.Client, synthesis: FakeSynthesis, arguments: dict[str, Any], field: str
) -> None:
    source = arguments.pop("source")
    with pytest.raises(gs.LocalInputError) as caught:
        client.generate(source, **arguments)
    assert caught.value.field == field
    assert not synthesis.received


def test_failures_are_typed_and_a_busy_server_is_not_asked_again_without_a_hint(
    client: gs.Client, synthesis: FakeSynthesis
) -> None:
    synthesis.answers = [
        fails(grpc.StatusCode.INVALID_ARGUMENT),
        fails(grpc.StatusCode.RESOURCE_EXHAUSTED),
        fails(grpc.StatusCode.UNAVAILABLE),
    ]
    with pytest.raises(gs.InvalidInputError):
        client.generate(SEED, retries=2)
    with pytest.raises(gs.ServerBusyError):
        client.generate(SEED, retries=2)
    with pytest.raises(gs.ServerUnavailableError):
        client.generate(SEED)


def test_a_server_that_knows_no_synthesis() -> None:
    fake = FakeServer()
    running = start(fake)
    try:
        with gs.Client(fake.target) as client, pytest.raises(gs.IncompatibleServerError):
            client.generate(SEED)
    finally:
        running.stop(grace=0).wait()


def with_files(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[Header], Responses]:
    return lambda header: answer(header, change(contents(header)))


def with_result(**changes: Any) -> Callable[[Header], Responses]:
    return lambda header: answer(header, **changes)


def without(kind: str) -> Callable[[Header], Responses]:
    return lambda header: [one for one in answer(header) if one.WhichOneof("part") != kind]


def other_contrast(header: Header) -> Responses:
    said = answer(header)
    said[2].files.files[0].modality = pb.MODALITY_FLAIR
    return said


def elsewhere(files: list[bytes]) -> list[bytes]:
    moved = exams.AFFINE.copy()
    moved[0, 3] = 5.0
    return [exams.nifti_gz(np.ones(exams.SHAPE, np.int16), moved), *files[1:]]


BREACHES = {
    "nothing": (lambda _: [], "without a result"),
    "no result": (without("result"), "without a result"),
    "no announcement": (without("files"), "did not announce"),
    "two announcements": (lambda header: [*answer(header)[:3], *answer(header)[2:]], "announces its files twice"),
    "another contrast": (other_contrast, "other files than the contrasts"),
    "a chunk of no file": (
        lambda header: [*answer(header)[:3], say(file_chunk=pb.Chunk(file=5, data=b"x"))],
        "did not announce",
    ),
    "more than announced": (
        lambda header: [*answer(header)[:3], say(file_chunk=pb.Chunk(file=0, data=bytes(10**6)))],
        "more than the",
    ),
    "a file that is cut off": (
        lambda header: [*answer(header)[:3], *answer(header)[4:]],
        "not those that its result speaks of",
    ),
    "other digests": (with_result(sha256=["0" * 64] * 5), "not those that its result speaks of"),
    "another scheme": (with_result(label_scheme=pb.LABEL_SCHEME_BRATS_2023), "does not follow brats2018"),
    "no scheme": (with_result(label_scheme=0), "states no LabelScheme"),
    "a way out of the folder": (with_result(case_id="../../etc"), "no name of a folder"),
    "regions left out": (with_result(volumes=[]), "reports on 0 regions"),
    "no provenance": (with_result(provenance_json="nothing"), "provenance can't be read"),
    "provenance of another": (
        with_result(provenance_json='{"synthetic": true, "files": {"a": "b"}}'),
        "provenance is of another exam",
    ),
    "images that are none": (with_files(lambda files: [b"not gzip", *files[1:]]), "not a gzip file"),
    "images on two grids": (with_files(elsewhere), "not on one grid"),
    "more after the result": (lambda header: [*answer(header), answer(header)[0]], "goes on after the result"),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_answers_that_break_the_contract(client: gs.Client, synthesis: FakeSynthesis, breach: str) -> None:
    say_all, complaint = BREACHES[breach]
    synthesis.answers = [say_all]
    with pytest.raises(gs.ProtocolError, match=complaint):
        client.generate(SEED)


def test_information_names_the_generators(client: gs.Client, server: FakeServer) -> None:
    (generator,) = client.info().generators
    assert (generator.name, generator.model, generator.version) == ("joint", "generator_joint", "2")
    assert generator.draws == tuple(gs.Modality)
    server.generators = []
    assert client.info().generators == ()
