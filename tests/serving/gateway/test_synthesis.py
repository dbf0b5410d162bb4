"""`Generate` over a real socket: events, files, results, and every way in which a call may be wrong or end early."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import Callable
from typing import Any

import grpc
import nibabel
import numpy as np
import pytest
from glioserve.v1 import synthesis_pb2, types_pb2
from glioserve.v1.synthesis_pb2 import GenerateRequest
from glioserve.v1.synthesis_pb2_grpc import SynthesisServiceStub
from grpc import aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from imaging.brainmap.apply import apply_edit
from imaging.brainmap.edit import MapEdit
from imaging.brainmap.maps import BrainMap
from imaging.labels import LabelScheme
from imaging.regions import Region
from serving.errors import EngineUnavailableError
from serving.gateway.health import SYNTHESIS
from serving.gateway.server import Gateway
from serving.inference.catalog import ModelCatalog
from serving.synthesis.provenance import LibraryRecord, Provenance
from tests.imaging.brainmap.balls import SHAPE, ball_map
from tests.serving.gateway.support import (
    FakeEngine,
    detail_of,
    generate,
    generate_requests,
    iter_async,
    map_file,
    small_settings,
)

Code = grpc.StatusCode
Requests = list[GenerateRequest]


def image_of(content: bytes) -> nibabel.Nifti1Image:
    return nibabel.Nifti1Image.from_bytes(gzip.decompress(content))


async def test_answers_with_progress_the_files_and_their_provenance(channel: aio.Channel) -> None:
    brain_map = ball_map()
    drawn = await generate(channel, generate_requests(map_file(brain_map)))

    slices = int(brain_map.brain.any(axis=(0, 1)).sum())
    assert [stage for stage, done, total in drawn.progress if done == total] == [
        "map",
        "edit",
        "draw",
        "describe",
        "encode",
    ]
    assert [(done, total) for stage, done, total in drawn.progress if stage == "draw"] == [
        (done, slices) for done in (*range(0, slices, 4), slices)
    ]
    assert [(one.modality, one.mask) for one in drawn.headers] == [
        *((number, 0) for number in (1, 2, 3, 4)),
        (0, types_pb2.MASK_ROLE_REFERENCE),
    ]
    assert [len(content) for content in drawn.files] == [header.size_bytes for header in drawn.headers]
    digests = [hashlib.sha256(content).hexdigest() for content in drawn.files]
    assert list(drawn.result.sha256) == digests
    provenance = Provenance.from_json(drawn.result.provenance_json)
    assert sorted(provenance.files.values()) == sorted(digests)
    assert provenance.case_id == drawn.result.case_id
    assert isinstance(provenance.source, LibraryRecord)
    assert (provenance.cohort, provenance.generator.name, provenance.generator.version) == (
        None,
        "generator_joint",
        "3",
    )
    wt, tc, et = drawn.result.volumes
    assert wt.voxels == np.count_nonzero(brain_map.lesion) > tc.voxels > et.voxels > 0
    assert provenance.measures.wt_ml == pytest.approx(wt.volume_ml, abs=1e-3)
    assert drawn.result.engine == "onnxruntime"
    assert [timing.stage for timing in drawn.result.timings] == ["map", "edit", "draw", "describe", "encode"]


async def test_the_files_hold_what_was_drawn_on_the_maps_grid_and_say_that_they_are_synthetic(
    channel: aio.Channel,
) -> None:
    brain_map = ball_map()
    drawn = await generate(channel, generate_requests(map_file(brain_map)))

    for content in drawn.files:
        image = image_of(content)
        assert image.shape == SHAPE
        np.testing.assert_array_equal(image.affine, brain_map.grid.affine)
        assert bytes(image.header["descrip"]).rstrip(b"\0") == b"synthetic, glioserve"
    for content in drawn.files[:-1]:
        np.testing.assert_array_equal(np.asarray(image_of(content).dataobj) != 0, brain_map.brain)
    labels = np.asarray(image_of(drawn.files[-1]).dataobj)
    np.testing.assert_array_equal(labels, LabelScheme.BRATS_2018.from_regions(brain_map.regions))


async def test_an_edit_is_done_before_it_is_drawn(channel: aio.Channel) -> None:
    brain_map = ball_map()
    edit = synthesis_pb2.MapEdit(
        shift_mm=synthesis_pb2.AlongAxes(right=2.0, anterior=-1.0, superior=1.0),
        scale=0.8,
        rotation_deg=synthesis_pb2.AlongAxes(superior=30.0),
        elastic_mm=1.0,
        elastic_scale_mm=10.0,
        mirror=True,
    )
    drawn = await generate(channel, generate_requests(map_file(brain_map), edit=edit, edit_seed=5))

    expected = apply_edit(brain_map, MapEdit((2.0, -1.0, 1.0), 0.8, (0.0, 0.0, 30.0), 1.0, 10.0, mirror=True), seed=5)
    labels = np.asarray(image_of(drawn.files[-1]).dataobj)
    np.testing.assert_array_equal(labels, LabelScheme.BRATS_2018.from_regions(expected.regions))
    assert drawn.result.volumes[0].voxels == np.count_nonzero(expected.regions[Region.WT])


async def test_the_contrasts_and_the_scheme_that_were_asked_for(channel: aio.Channel) -> None:
    wanted = [types_pb2.MODALITY_FLAIR, types_pb2.MODALITY_T1]
    content = map_file(ball_map())
    everything = await generate(channel, generate_requests(content))
    drawn = await generate(
        channel, generate_requests(content, modalities=wanted, label_scheme=types_pb2.LABEL_SCHEME_BRATS_2023)
    )

    assert [header.modality for header in drawn.headers] == [*wanted, 0]
    assert drawn.files[:2] == [everything.files[3], everything.files[0]]
    assert set(np.unique(np.asarray(image_of(drawn.files[2]).dataobj))) == {0, 1, 2, 3}
    assert all("-t" in name or "-seg" in name for name in Provenance.from_json(drawn.result.provenance_json).files)


async def test_the_same_request_has_the_same_answer_and_another_another_name(channel: aio.Channel) -> None:
    content = map_file(ball_map())
    first, second = [await generate(channel, generate_requests(content)) for _ in range(2)]
    mirrored = await generate(channel, generate_requests(content, edit=synthesis_pb2.MapEdit(mirror=True)))

    assert first.files == second.files
    assert first.result.provenance_json == second.result.provenance_json
    assert mirrored.result.case_id != first.result.case_id
    assert first.result.case_id.startswith("Brats18_SYN_")


def with_map(brain_map: BrainMap) -> Callable[[], Requests]:
    return lambda: generate_requests(map_file(brain_map))


def with_header(**header: Any) -> Callable[[], Requests]:
    return lambda: generate_requests(map_file(ball_map()), **header)


def builtin(**source: Any) -> Callable[[], Requests]:
    header = synthesis_pb2.GenerateHeader(builtin=synthesis_pb2.BuiltinMap(**source))
    return lambda: [GenerateRequest(header=header)]


def edited(**edit: Any) -> Callable[[], Requests]:
    return with_header(edit=synthesis_pb2.MapEdit(**edit))


FAR = synthesis_pb2.AlongAxes(right=60.0)
TOO_FAR = synthesis_pb2.AlongAxes(right=251.0)
BAD = {
    "no source": (
        lambda: [GenerateRequest(header=synthesis_pb2.GenerateHeader())],
        "OrderError",
        "source",
    ),
    "a negative seed": (builtin(seed=-1), "OrderError", "seed"),
    "a tumour of no size": (builtin(seed=1, volume_ml=0.0), "OrderError", "volume_ml"),
    "a size that is no number": (builtin(seed=1, volume_ml=float("nan")), "OrderError", "volume_ml"),
    "an unknown enhancement": (builtin(seed=1, enhancement=9), "OrderError", "enhancement"),
    "an unknown side": (builtin(seed=1, side=9), "OrderError", "side"),
    "a chunk for a built-in map": (
        lambda: [*builtin(seed=1)(), *generate_requests(b"x")[1:]],
        "UnknownFileError",
        "chunk",
    ),
    "an empty map": (lambda: generate_requests(b""), "OrderError", "map"),
    "bytes that are no map": (lambda: generate_requests(b"PK" * 500), "MapFormatError", "map"),
    "half a map": (lambda: generate_requests(map_file(ball_map())[:-40]), "MapFormatError", "map"),
    "a map that is cut off on its way": (
        lambda: generate_requests(map_file(ball_map()))[:1],
        "UploadIncompleteError",
        "map",
    ),
    "a map without a lesion": (with_map(ball_map(radius=0)), "BrainMapError", "map"),
    "an unknown generator": (with_header(generator="giotto"), "UnknownGeneratorError", "generator"),
    "a contrast twice": (with_header(modalities=[1, 2, 1]), "OrderError", "modalities"),
    "no contrast at all": (with_header(modalities=[0]), "OrderError", "modalities"),
    "an unknown contrast": (with_header(modalities=[7]), "OrderError", "modalities"),
    "an unknown scheme": (with_header(label_scheme=99), "LabelError", "label_scheme"),
    "a scheme that names do not tell": (
        with_header(label_scheme=types_pb2.LABEL_SCHEME_MSD),
        "OrderError",
        "label_scheme",
    ),
    "a negative seed of the edit": (with_header(edit_seed=-3), "OrderError", "edit_seed"),
    "an edit that leaves the brain": (edited(shift_mm=FAR), "EditError", "edit"),
    "a shift beyond all brains": (edited(shift_mm=TOO_FAR), "BrainMapError", "shift_mm"),
    "a scale of 0": (edited(scale=0.0), "BrainMapError", "scale"),
    "a turn of no number": (
        edited(rotation_deg=synthesis_pb2.AlongAxes(anterior=float("inf"))),
        "BrainMapError",
        "rotation_deg",
    ),
    "a field that folds": (edited(elastic_mm=9.0), "BrainMapError", "elastic_mm"),
}


@pytest.mark.parametrize("fault", BAD)
async def test_is_refused_with_its_reason(channel: aio.Channel, gateway: Gateway, fault: str) -> None:
    make, kind, field = BAD[fault]

    with pytest.raises(aio.AioRpcError) as caught:
        await generate(channel, make())

    detail = detail_of(caught.value)
    assert caught.value.code() is Code.INVALID_ARGUMENT, detail
    assert (detail.kind, detail.field) == (kind, field)
    assert detail.rule
    assert detail.got
    assert (gateway.running, gateway.queue_length) == (0, 0)


async def test_a_map_larger_than_files_may_be_is_refused_before_it_is_sent(engine: FakeEngine) -> None:
    content = map_file(ball_map())
    async with (
        Gateway(small_settings(max_file_bytes=len(content) - 1), engine) as gateway,
        aio.insecure_channel(gateway.address) as channel,
    ):
        await gateway.ready()
        with pytest.raises(aio.AioRpcError) as caught:
            await generate(channel, generate_requests(content)[:1])
    assert (detail_of(caught.value).kind, detail_of(caught.value).field) == ("UploadTooLargeError", "map")


async def test_a_map_in_a_frame_larger_than_volumes_may_be(engine: FakeEngine) -> None:
    voxels = int(np.prod(SHAPE))
    async with (
        Gateway(small_settings(max_voxels=voxels - 1), engine) as gateway,
        aio.insecure_channel(gateway.address) as channel,
    ):
        await gateway.ready()
        with pytest.raises(aio.AioRpcError) as caught:
            await generate(channel, generate_requests(map_file(ball_map())))
    assert detail_of(caught.value).rule == f"must lie in a frame of at most {voxels - 1} voxels"


async def entered(engine: FakeEngine) -> None:
    assert await asyncio.to_thread(engine.entered.wait, 20)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # of another thread
            await asyncio.sleep(0.01)


def told_to_end(gateway: Gateway) -> bool:
    """Whether the server knows that its calls are over, which nothing outside it shows while they are drawn."""
    return all(cancellation.reason is not None for cancellation in gateway._dataplane._live)


@pytest.mark.parametrize("way", ["cancel", "deadline", "hang up"])
async def test_a_call_that_ends_early_frees_its_worker_within_one_micro_batch(
    gateway: Gateway, engine: FakeEngine, way: str
) -> None:
    engine.open.clear()
    channel = aio.insecure_channel(gateway.address)
    requests = iter_async(generate_requests(map_file(ball_map())))
    call = SynthesisServiceStub(channel).Generate(requests, timeout=2.0 if way == "deadline" else 60.0)
    reading = asyncio.create_task(read_all(call))
    await entered(engine)
    assert gateway.running == 1

    if way == "cancel":
        call.cancel()
    elif way == "hang up":
        await channel.close()
    await asyncio.wait([reading])
    await channel.close()
    await eventually(lambda: told_to_end(gateway))
    engine.open.set()

    await eventually(lambda: gateway.running == 0)
    assert engine.batches == 1


async def read_all(call: Any) -> None:
    async for _ in call:
        pass


async def test_a_call_waits_for_its_turn(channel: aio.Channel, engine: FakeEngine) -> None:
    content = map_file(ball_map())
    engine.open.clear()
    running = [asyncio.create_task(generate(channel, generate_requests(content))) for _ in range(2)]
    await entered(engine)
    await eventually(lambda: engine.batches == 2)
    waiting = asyncio.create_task(generate(channel, generate_requests(content)))
    other = SynthesisServiceStub(channel).Generate(iter_async(generate_requests(content)))
    assert (await other.read()).WhichOneof("part") == "queued"
    other.cancel()
    engine.open.set()

    answers = await asyncio.gather(*running, waiting)
    assert len({drawn.result.provenance_json for drawn in answers}) == 1
    assert answers[2].queued


async def test_an_engine_that_fails_is_unavailable(channel: aio.Channel, engine: FakeEngine) -> None:
    engine.open.clear()
    call = asyncio.create_task(generate(channel, generate_requests(map_file(ball_map()))))
    await entered(engine)
    engine.fault = EngineUnavailableError("triton", "must answer", "a closed connection")
    engine.open.set()

    with pytest.raises(aio.AioRpcError) as caught:
        await call
    assert (caught.value.code(), detail_of(caught.value).kind) == (Code.UNAVAILABLE, "EngineUnavailableError")


async def health(channel: aio.Channel, service: str) -> int:
    return (await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))).status


async def test_without_a_generator_exams_are_segmented_and_none_are_drawn(engine: FakeEngine) -> None:
    engine.catalog = ModelCatalog(engine.catalog.models)
    async with Gateway(small_settings(), engine) as gateway, aio.insecure_channel(gateway.address) as channel:
        await gateway.ready()
        assert not gateway.draws
        assert await health(channel, "") == health_pb2.HealthCheckResponse.SERVING
        assert await health(channel, SYNTHESIS) == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(aio.AioRpcError) as caught:
            await generate(channel, generate_requests(map_file(ball_map())))
    assert detail_of(caught.value).rule == "must be one of those served (there is none)"


async def test_with_a_generator_drawing_is_as_healthy_as_the_engine(channel: aio.Channel) -> None:
    assert await health(channel, SYNTHESIS) == health_pb2.HealthCheckResponse.SERVING
