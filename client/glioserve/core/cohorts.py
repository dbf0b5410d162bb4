"""Orders of cohorts into messages, and messages into cohorts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from glioserve.cohorts import Cohort, CohortPhase
from glioserve.errors import LocalInputError, ProtocolError
from glioserve.exam_files import PathLike
from glioserve.v1 import cohort_pb2 as pb
from glioserve.v1.contract import CHUNK_BYTES

_PREFIX = "COHORT_PHASE_"


def read_spec(path: PathLike) -> str:
    """The text of a spec.

    Raises:
        LocalInputError: It can't be read, or is no text, or too long to be one.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(CHUNK_BYTES + 1)
    except OSError as error:
        raise LocalInputError("spec", "must be a file that can be read", type(error).__name__) from None
    if len(content) > CHUNK_BYTES:
        raise LocalInputError("spec", f"must have at most {CHUNK_BYTES} bytes", "more")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise LocalInputError("spec", "must be UTF-8 text", "other bytes") from None


def submit_request(
    text: str, *, cohort_id: str | None, output: str | None, shards: int | None
) -> pb.SubmitCohortRequest:
    """An order.

    Raises:
        LocalInputError: The number of shards is none.
    """
    if shards is not None and not 1 <= shards < 2**32:
        raise LocalInputError("shards", "must be at least 1", f"{shards}")
    return pb.SubmitCohortRequest(spec=text, id=cohort_id or "", output=output or "", shards=shards or 0)


def list_request(limit: int) -> pb.ListCohortsRequest:
    """A question for the newest cohorts.

    Raises:
        LocalInputError: The limit is none.
    """
    if not 1 <= limit < 2**32:
        raise LocalInputError("limit", "must be at least 1", f"{limit}")
    return pb.ListCohortsRequest(limit=limit)


def read_cohort(message: pb.Cohort) -> Cohort:
    """A cohort, as received.

    Raises:
        ProtocolError: Its phase is unknown to this client, or not stated.
    """
    names = {number: name.removeprefix(_PREFIX) for name, number in pb.CohortPhase.items()}
    name = names.get(message.phase, "")
    if name not in CohortPhase.__members__:
        raise ProtocolError(f"the server's CohortPhase {message.phase} is unknown to this client")
    return Cohort(
        id=message.id,
        name=message.name,
        spec_sha256=message.spec_sha256,
        phase=CohortPhase[name],
        cases=message.cases,
        released=message.released,
        quarantined=message.quarantined,
        failed=message.failed,
        output=message.output,
        shards=message.shards,
        note=message.note,
        submitted=datetime.fromtimestamp(message.submitted_unix_s, tz=UTC),
    )
