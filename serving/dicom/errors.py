"""What can go wrong in a DICOM node."""

from __future__ import annotations

from serving.errors import Cause, ServingError


class DicomMissingError(ServingError):
    """The packages that speak DICOM are not installed."""

    cause = Cause.PRECONDITION


class DicomPortError(ServingError):
    """The node can't listen where it should."""

    cause = Cause.PRECONDITION


class StudyQueueError(ServingError):
    """The folder of the queue is another node's, can't be used, or is damaged."""

    cause = Cause.PRECONDITION


class DestinationError(ServingError):
    """The destination does not take a segmentation now: it can't be reached, or it refuses."""

    cause = Cause.UNAVAILABLE
