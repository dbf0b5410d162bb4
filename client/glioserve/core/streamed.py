"""What a call that sends files and answers with a stream is made of, whatever it is that it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeVar

from glioserve.core.upload import SentFile, Upload

Request = TypeVar("Request")
Request_co = TypeVar("Request_co", covariant=True)
Response = TypeVar("Response")
Response_contra = TypeVar("Response_contra", contravariant=True)
Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)


class UploadPlan(Protocol[Request_co]):
    """What is asked for."""

    @property
    def files(self) -> tuple[SentFile, ...]:
        """What is sent, in order."""
        ...

    def requests(self, upload: Upload) -> Iterator[Request_co]:
        """The messages of one attempt."""
        ...


class Fold(Protocol[Response_contra, Result_co]):
    """Takes the answers of one attempt in order, and ends with the result."""

    def feed(self, response: Response_contra) -> None:
        """Takes the next answer."""
        ...

    def finish(self) -> Result_co:
        """The result, when the stream has ended without an error."""
        ...
