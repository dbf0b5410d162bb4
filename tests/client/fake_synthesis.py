"""A server that draws exams, as far as a client can tell: it answers what a test tells it to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import glioserve as gs
import grpc
import numpy as np
from glioserve.v1 import segmentation_pb2, synthesis_pb2, synthesis_pb2_grpc
from glioserve.v1 import types_pb2 as pb

from tests.client.exams import HEAD, labels, nifti_gz
from tests.client.fake_server import volumes

Responses = list[synthesis_pb2.GenerateResponse]
PIECE_BYTES = 900
MODALITIES = dict(enumerate(gs.Modality, start=1))
SCHEMES = {1: gs.LabelScheme.BRATS_2018, 2: gs.LabelScheme.BRATS_2023}


def drawn(modality: gs.Modality) -> bytes:
    """One contrast, `int16`."""
    return nifti_gz(np.where(HEAD, 100 + 10 * list(gs.Modality).index(modality), 0).astype(np.int16))


def contents(header: synthesis_pb2.GenerateHeader) -> list[bytes]:
    """The files that a good server sends."""
    wanted = [MODALITIES[number] for number in header.modalities]
    return [*map(drawn, wanted), nifti_gz(labels(SCHEMES[header.label_scheme]))]


def headers_of(header: synthesis_pb2.GenerateHeader, files: list[bytes]) -> list[pb.FileHeader]:
    *drawn_sizes, labels_size = [len(content) for content in files]
    announced = [
        pb.FileHeader(modality=number, size_bytes=size)
        for number, size in zip(header.modalities, drawn_sizes, strict=True)
    ]
    return [*announced, pb.FileHeader(mask=pb.MASK_ROLE_REFERENCE, size_bytes=labels_size)]


def result(header: synthesis_pb2.GenerateHeader, files: list[bytes], **changes: Any) -> synthesis_pb2.GenerateResult:
    digests = [hashlib.sha256(content).hexdigest() for content in files]
    provenance = {"synthetic": True, "files": {f"{index}.nii.gz": digest for index, digest in enumerate(digests)}}
    said = {
        "sha256": digests,
        "volumes": volumes(),
        "label_scheme": header.label_scheme,
        "case_id": "Brats18_SYN_00007_1",
        "provenance_json": json.dumps(provenance),
        "timings": [pb.StageTiming(stage="map", seconds=1.5), pb.StageTiming(stage="draw", seconds=2.0)],
        "server_version": "9.8.7",
        "engine": "triton",
    } | changes
    return synthesis_pb2.GenerateResult(**said)


def say(**part: Any) -> synthesis_pb2.GenerateResponse:
    return synthesis_pb2.GenerateResponse(**part)


def answer(header: synthesis_pb2.GenerateHeader, files: list[bytes] | None = None, **changes: Any) -> Responses:
    """Everything that a good server says, in its order; `files` or parts of the result may be others."""
    files = contents(header) if files is None else files
    said = [
        say(queued=segmentation_pb2.QueueState(position=2)),
        say(progress=segmentation_pb2.Progress(stage="draw", done=4, total=8)),
        say(files=synthesis_pb2.GeneratedFiles(files=headers_of(header, files))),
    ]
    for index, content in enumerate(files):
        said.extend(
            say(file_chunk=pb.Chunk(file=index, data=content[start : start + PIECE_BYTES]))
            for start in range(0, len(content), PIECE_BYTES)
        )
    return [*said, say(result=result(header, files, **changes))]


@dataclass
class FakeSynthesis(synthesis_pb2_grpc.SynthesisServiceServicer):
    """Answers each call by `answers`, in order; the last one stays.

    Args:
        answers: What to say to each header; an exception's code and text end the call.
    """

    answers: list[Callable[[synthesis_pb2.GenerateHeader], Responses]] = field(default_factory=lambda: [answer])
    received: list[tuple[synthesis_pb2.GenerateHeader, bytes]] = field(default_factory=list)

    def Generate(  # noqa: N802 - gRPC's name
        self, request_iterator: Iterator[synthesis_pb2.GenerateRequest], context: grpc.ServicerContext
    ) -> Iterator[synthesis_pb2.GenerateResponse]:
        header = next(request_iterator).header
        self.received.append((header, b"".join(request.chunk.data for request in request_iterator)))
        say_all = self.answers[min(len(self.received), len(self.answers)) - 1]
        try:
            responses = say_all(header)
        except gs.ServerError as fault:
            context.abort(grpc.StatusCode[str(fault.args[0])], "the reason")
        yield from responses


def fails(code: grpc.StatusCode) -> Callable[[synthesis_pb2.GenerateHeader], Responses]:
    def answer_nothing(_: synthesis_pb2.GenerateHeader) -> Responses:
        raise gs.ServerError(code.name)

    return answer_nothing
