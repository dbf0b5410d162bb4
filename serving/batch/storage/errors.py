"""What can go wrong with the place that a cohort is written to."""

from __future__ import annotations

from serving.errors import Cause, ServingError

_LONGEST_REASON = 200


class StorageError(ServingError):
    """The place can't be read or written: no such place, no right to it, no credentials, a full disk."""

    cause = Cause.PRECONDITION

    @classmethod
    def of(cls, error: BaseException, target: str, rule: str) -> StorageError:
        """What the system said, in one line.

        Args:
            error: As raised by the system or by a store's library.
            target: The place, as the user named it.
            rule: What must hold, e.g. `must be writable`.
        """
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        line = " ".join(reason.split())[:_LONGEST_REASON]
        return cls(target, rule, line or type(error).__name__)


class MissingFileError(StorageError):
    """There is no such file."""
