"""One synthetic exam: what the call will send, and the stream of its answers taken in one by one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from glioserve import terms
from glioserve.case_folder import REFERENCE, Naming
from glioserve.core import decode, wire
from glioserve.core.upload import SentFile, Upload
from glioserve.errors import LocalInputError, ProtocolError
from glioserve.exam_files import PathLike
from glioserve.label_map import LabelMap
from glioserve.progress import OnProgress, Progress, Queued
from glioserve.results import StageTiming
from glioserve.synthesis import BuiltinMap, MapEdit, SyntheticExam, SyntheticVolume
from glioserve.terms import LabelScheme, Modality
from glioserve.v1 import synthesis_pb2
from glioserve.v1 import types_pb2 as pb

MAX_VOXELS = 2**28
"""Of one volume that a server sends; more than any brain map has."""
_INT64 = range(-(2**63), 2**63)
_CASE_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_NAMINGS = {LabelScheme.BRATS_2018: Naming.BRATS_2018, LabelScheme.BRATS_2023: Naming.BRATS_2023}
"""How the files are named, so that their names tell the label scheme."""


@dataclass(frozen=True)
class GeneratePlan:
    """One synthetic exam.

    Args:
        modalities: Of the answer, in order.
        label_scheme: Of the answer.
        files: The map to be sent, if any.
        header: The first message.
    """

    modalities: tuple[Modality, ...]
    label_scheme: LabelScheme
    files: tuple[SentFile, ...]
    header: synthesis_pb2.GenerateHeader

    def requests(self, upload: Upload) -> Iterator[synthesis_pb2.GenerateRequest]:
        """The messages of one attempt."""
        yield synthesis_pb2.GenerateRequest(header=self.header)
        for chunk in upload.chunks():
            yield synthesis_pb2.GenerateRequest(chunk=chunk)


def plan_generate(
    source: BuiltinMap | PathLike,
    *,
    edit: MapEdit,
    edit_seed: int,
    generator: str,
    modalities: Sequence[Modality],
    label_scheme: LabelScheme,
) -> GeneratePlan:
    """Plans a synthetic exam. The arguments are those of `Client.generate`.

    Raises:
        LocalInputError: There is no such map file, or an argument is none that could be sent.
    """
    if label_scheme not in _NAMINGS:
        known = " or ".join(scheme.value for scheme in _NAMINGS)
        raise LocalInputError("label_scheme", f"must be {known}, which file names tell", label_scheme.value)
    if not modalities:
        raise LocalInputError("modalities", "must name at least one contrast", "none")
    header = synthesis_pb2.GenerateHeader(
        edit=wire.map_edit(edit),
        edit_seed=_sendable("edit_seed", edit_seed),
        generator=generator,
        modalities=[wire.modality(modality) for modality in modalities],
        label_scheme=wire.label_scheme(label_scheme),
    )
    files: tuple[SentFile, ...] = ()
    if isinstance(source, BuiltinMap):
        header.builtin.CopyFrom(
            synthesis_pb2.BuiltinMap(
                seed=_sendable("seed", source.seed),
                enhancement=wire.enhancement(source.enhancement),
                volume_ml=source.volume_ml,
                side=wire.side(source.side),
            )
        )
    else:
        files = (SentFile.of_map(source),)
        header.map.size_bytes = files[0].header.size_bytes
    return GeneratePlan(tuple(modalities), label_scheme, files, header)


def _sendable(field: str, seed: int) -> int:
    if seed not in _INT64:
        raise LocalInputError(field, "must be a whole number of at most 63 bits", f"{seed.bit_length()} bits")
    return seed


class GenerateFold:
    """Takes the answers in order, tells of progress, and ends with the exam.

    Args:
        plan: What was asked for.
        on_progress: Called for each place in the queue and each advance.
    """

    def __init__(self, plan: GeneratePlan, *, on_progress: OnProgress | None) -> None:
        self._plan = plan
        self._on_progress = on_progress
        self._announced: list[pb.FileHeader] = []
        self._contents: list[bytearray] = []
        self._result: synthesis_pb2.GenerateResult | None = None

    def feed(self, response: synthesis_pb2.GenerateResponse) -> None:
        """Takes the next answer.

        Raises:
            ProtocolError: It comes at the wrong place, or is not what was asked for.
        """
        if self._result is not None:
            raise ProtocolError("the server goes on after the result")
        part = response.WhichOneof("part")
        if part == "file_chunk":
            self._add(response.file_chunk)
        elif part == "files":
            self._announce(list(response.files.files))
        elif part == "result":
            self._result = response.result
        elif part == "queued":
            self._tell(Queued(response.queued.position))
        elif part == "progress":
            self._tell(Progress(response.progress.stage, response.progress.done, response.progress.total))
        # A part of no kind is one that a later minor version of the contract added: it can be skipped by design.

    def finish(self) -> SyntheticExam:
        """The exam, when the stream has ended without an error.

        Raises:
            ProtocolError: The stream ended early, or the exam is not what was asked for, damaged, or not on one grid.
        """
        result = self._result
        if result is None or not self._announced:
            raise ProtocolError("the server ended the call without a result")
        contents = [bytes(content) for content in self._contents]
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        if digests != list(result.sha256):
            raise ProtocolError("the server's files are not those that its result speaks of")
        if wire.read_enum(terms.LabelScheme, result.label_scheme) is not self._plan.label_scheme:
            raise ProtocolError(f"the label map does not follow {self._plan.label_scheme.value}, as was asked for")
        if not _CASE_ID.fullmatch(result.case_id):
            raise ProtocolError("the server names the exam in a way that is no name of a folder")
        naming = _NAMINGS[self._plan.label_scheme]
        roles = (*(modality.value for modality in self._plan.modalities), REFERENCE)
        exam = SyntheticExam(
            case_id=result.case_id,
            volumes={
                modality: SyntheticVolume(content, max_voxels=MAX_VOXELS)
                for modality, content in zip(self._plan.modalities, contents[:-1], strict=True)
            },
            label_map=LabelMap(contents[-1], self._plan.label_scheme, max_voxels=MAX_VOXELS),
            region_volumes=decode.all_regions(decode.region_volume(each) for each in result.volumes),
            file_names=tuple(f"{naming.stem(result.case_id, role)}.nii.gz" for role in roles),
            provenance_json=result.provenance_json,
            provenance=_read_provenance(result.provenance_json, digests),
            timings=tuple(StageTiming(each.stage, each.seconds) for each in result.timings),
            server_version=result.server_version,
            engine=result.engine,
        )
        _check_grids(exam)
        return exam

    def _announce(self, headers: list[pb.FileHeader]) -> None:
        if self._announced:
            raise ProtocolError("the server announces its files twice")
        wanted = [pb.FileHeader(modality=wire.modality(modality)) for modality in self._plan.modalities]
        wanted.append(pb.FileHeader(mask=pb.MASK_ROLE_REFERENCE))
        if [(each.modality, each.mask) for each in headers] != [(each.modality, each.mask) for each in wanted]:
            raise ProtocolError("the server announces other files than the contrasts asked for and their labels")
        self._announced = headers
        self._contents = [bytearray() for _ in headers]

    def _add(self, chunk: pb.Chunk) -> None:
        if chunk.file >= len(self._announced):
            raise ProtocolError("the server sends a file that it did not announce")
        content, size_bytes = self._contents[chunk.file], self._announced[chunk.file].size_bytes
        if len(content) + len(chunk.data) > size_bytes:
            raise ProtocolError(f"the server sends more than the {size_bytes} bytes announced")
        content += chunk.data

    def _tell(self, event: Queued | Progress) -> None:
        if self._on_progress is not None:
            self._on_progress(event)


def _read_provenance(text: str, digests: list[str]) -> dict[str, Any]:
    try:
        provenance = json.loads(text)
        recorded = sorted(provenance["files"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolError(f"the server's provenance can't be read: {type(error).__name__}") from None
    if recorded != sorted(digests) or provenance.get("synthetic") is not True:
        raise ProtocolError("the server's provenance is of another exam")
    return dict(provenance)


def _check_grids(exam: SyntheticExam) -> None:
    """What is handed out can be used without further errors."""
    try:
        expected = exam.label_map.grid
        found = [(exam.label_map.array.shape, expected)]
        found += [(volume.array.shape, volume.grid) for volume in exam.volumes.values()]
    except (ValueError, OSError) as error:
        raise ProtocolError(f"an image of the server's is {error}") from None
    if not all(grid.equals(expected) and shape == expected.shape for shape, grid in found):
        raise ProtocolError("the server's images are not on one grid")
