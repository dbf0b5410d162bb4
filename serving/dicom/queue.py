"""The studies that a node holds, on disk: there is no other state, so a node that was killed goes on where it was.

    <folder>/lock                     held by the one node that uses the folder
    <folder>/studies/<key>/images/    the images that came, one file each
    <folder>/studies/<key>/seg.dcm    the segmentation, made of exactly these images and not yet delivered
    <folder>/studies/<key>/fault.json why the last attempt failed, and when to try again, if ever
    <folder>/parts/                   files that are being written, and studies that are being removed

Keys and file names are digests of UIDs. A study is removed when its segmentation was delivered.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import secrets
import shutil
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Self

from imaging.atomic import write_atomic
from serving.dicom.errors import StudyQueueError

KEY_DIGITS = 24


@dataclass(frozen=True)
class Fault:
    """Why a study could not be segmented or delivered.

    Args:
        kind: The error's type.
        message: What it says; nothing of a patient.
        attempts: Failed ones so far.
        set_aside: It is not tried again by itself.
        retry_at_s: When it is tried again, seconds since the epoch.
    """

    kind: str
    message: str
    attempts: int
    set_aside: bool
    retry_at_s: float

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """The record that `to_json` wrote.

        Raises:
            StudyQueueError: It is none.
        """
        try:
            return cls(**json.loads(content))
        except (ValueError, TypeError) as error:
            raise StudyQueueError("fault.json", "must hold a record as it was written", type(error).__name__) from None

    def to_json(self) -> bytes:
        """One JSON object, keys sorted."""
        return (json.dumps(asdict(self), sort_keys=True, indent=1) + "\n").encode()


class StudyQueue:
    """The studies in a folder. Thread-safe; for one process at a time.

    Args:
        folder: Made if it is not there.

    Raises:
        StudyQueueError: The folder can't be used, or another node uses it.
    """

    def __init__(self, folder: Path) -> None:
        self._studies = folder / "studies"
        self._parts = folder / "parts"
        self._lock = threading.RLock()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._claim = _claimed(folder / "lock")
            shutil.rmtree(self._parts, ignore_errors=True)
            for each in (self._studies, self._parts):
                each.mkdir(exist_ok=True, mode=0o700)
            for key in self.studies():
                if not (self.images(key).is_dir() and any(self.images(key).iterdir())):
                    shutil.rmtree(self._studies / key)  # its first image was never answered for
        except BlockingIOError:
            raise StudyQueueError("folder", "must be used by one node at a time", "one in use") from None
        except OSError as error:
            raise StudyQueueError("folder", "must be a folder that can be written", type(error).__name__) from None

    def close(self) -> None:
        """Let another node use the folder."""
        self._claim.close()

    def studies(self) -> tuple[str, ...]:
        """The keys of all studies, sorted."""
        return tuple(sorted(path.name for path in self._studies.iterdir()))

    def add(self, study_uid: str, instance_uid: str, content: bytes) -> tuple[str, bool]:
        """Keep an image; once this returns it survives the process.

        Args:
            study_uid: StudyInstanceUID.
            instance_uid: SOPInstanceUID.
            content: The file.

        Returns:
            The study's key, and whether the image is new or changed. If so, a segmentation and a fault of the study
            are forgotten, as they are of other images.

        Raises:
            OSError: It can't be written.
        """
        key = _digest(study_uid)
        with self._lock:
            path = self.images(key) / f"{_digest(instance_uid)}.dcm"
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_size == len(content) and path.read_bytes() == content:
                    return key, False
            self.segmentation(key).unlink(missing_ok=True)  # first: it must never be delivered for other images
            self._fault(key).unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, content, parts=self._parts)
        return key, True

    def images(self, key: str) -> Path:
        """The folder of a study's images."""
        return self._studies / key / "images"

    def segmentation(self, key: str) -> Path:
        """Where a study's segmentation is, if it is made."""
        return self._studies / key / "seg.dcm"

    def state(self, key: str) -> frozenset[tuple[str, int]]:
        """What stands for the images that a study has now."""
        with self._lock:
            return frozenset((path.name, path.stat().st_mtime_ns) for path in self.images(key).iterdir())

    @contextlib.contextmanager
    def part(self) -> Iterator[Path]:
        """A place to write a segmentation to before it is kept; removed at the end."""
        path = self._parts / f"{secrets.token_hex(8)}.dcm"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def keep(self, key: str, part: Path, *, state: frozenset[tuple[str, int]]) -> bool:
        """Take a segmentation in, unless images have come meanwhile.

        Args:
            key: Of the study.
            part: The segmentation.
            state: What `state` said when the work began.

        Returns:
            Whether it was kept.
        """
        with self._lock:
            if self.state(key) != state:
                return False
            part.replace(self.segmentation(key))
            self._fault(key).unlink(missing_ok=True)
            return True

    def finish(self, key: str) -> bool:
        """Remove a study whose segmentation was delivered, unless images have come meanwhile.

        Returns:
            Whether it was removed.
        """
        with self._lock:
            if not self.segmentation(key).exists():
                return False
            grave = self._parts / secrets.token_hex(8)
            (self._studies / key).rename(grave)  # whole, so that no half of it is taken for a study
        shutil.rmtree(grave, ignore_errors=True)
        return True

    def fail(self, key: str, fault: Fault, *, state: frozenset[tuple[str, int]]) -> bool:
        """Record why an attempt failed, unless images have come meanwhile.

        Returns:
            Whether it was recorded.
        """
        with self._lock:
            if self.state(key) != state:
                return False
            write_atomic(self._fault(key), fault.to_json(), parts=self._parts)
            return True

    def fault(self, key: str) -> Fault | None:
        """Why the last attempt failed; None where none did.

        Raises:
            StudyQueueError: The record is damaged.
        """
        try:
            return Fault.from_json(self._fault(key).read_bytes())
        except FileNotFoundError:
            return None

    def forget_faults(self) -> None:
        """Let every study count as never tried."""
        for key in self.studies():
            self._fault(key).unlink(missing_ok=True)

    def _fault(self, key: str) -> Path:
        return self._studies / key / "fault.json"


def _claimed(path: Path) -> BinaryIO:
    """A file that this process alone holds, until it is closed."""
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def _digest(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:KEY_DIGITS]
