"""A DICOM node: receives studies, segments each when it is complete, and delivers the segmentations."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from glioserve import Client, LocalInputError, TlsConfig

from serving.dicom.metrics import NodeMetrics, Outcome
from serving.dicom.queue import Fault, StudyQueue
from serving.dicom.receiver import Receiver
from serving.dicom.schedule import Schedule
from serving.dicom.sender import send_segmentation
from serving.dicom.settings import DicomSettings
from serving.dicom.work import Interrupted, StudyWork, segment_with
from serving.settings import SettingsError

_log = logging.getLogger(__name__)


class DicomNode:
    """Runs for as long as the context lasts. Leaving it lets the study in hand finish, for as long as `drain_s` allows.

    Args:
        settings: Of the node.
        retry: Studies that were set aside are tried again.

    Raises:
        ServingError: The folder or a port can't be had, or the way to the gateway is not protected as it must be.
    """

    def __init__(self, settings: DicomSettings, *, retry: bool = False) -> None:
        self._settings = settings
        self._retry = retry
        self._metrics = NodeMetrics()
        self._changed = threading.Condition()
        self._schedule = Schedule(settings.quiet_s, settings.release_s)
        self._stopping = False
        self._stack = ExitStack()
        self.address = ""
        self.metrics_address = ""

    def __enter__(self) -> Self:
        settings = self._settings
        with ExitStack() as stack:
            self._queue = StudyQueue(settings.folder)
            stack.callback(self._queue.close)
            self._client = stack.enter_context(_client(settings))
            self._work = StudyWork(
                self._queue,
                settings,
                segment=segment_with(self._client, settings),
                deliver=lambda path: send_segmentation(path, settings),
                stopping=lambda: self._stopping,
            )
            if self._retry:
                self._queue.forget_faults()
            self._take_up()
            self._metrics.watch(waiting=lambda: len(self._schedule), held=lambda: len(self._queue.studies()))
            self.metrics_address = stack.enter_context(
                self._metrics.served(settings.metrics_host, settings.metrics_port)
            )
            worker = threading.Thread(target=self._run, name="studies")
            worker.start()
            stack.callback(self._stop, worker)
            receiver = Receiver(settings, self)
            stack.callback(receiver.stop)
            self.address = receiver.start()
            self._stack = stack.pop_all()
        _log.info("dicom.started", extra={"address": self.address, "metrics": self.metrics_address})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        _log.info("dicom.stopped", extra={"waiting": len(self._schedule)})

    def image(self, study_uid: str, instance_uid: str, content: bytes, association: Hashable) -> None:
        """See `Inbox`."""
        key, new = self._queue.add(study_uid, instance_uid, content)
        self._metrics.count_object("image" if new else "repeated")
        if new:
            self._tell(lambda now_s: self._schedule.arrived(key, association, now_s))

    def other(self) -> None:
        """See `Inbox`."""
        self._metrics.count_object("other")

    def ended(self, association: Hashable, *, released: bool) -> None:
        """See `Inbox`."""
        self._tell(lambda now_s: self._schedule.ended(association, now_s, released=released))

    def _tell(self, change: Callable[[float], None]) -> None:
        with self._changed:
            change(time.monotonic())
            self._changed.notify_all()

    def _at(self, key: str, delay_s: float) -> None:
        self._tell(lambda now_s: self._schedule.at(key, now_s + delay_s))

    def _take_up(self) -> None:
        """Go on with what an earlier process left."""
        for key in self._queue.studies():
            fault = self._queue.fault(key)
            if fault is not None and fault.set_aside:
                continue
            now_s = time.monotonic()
            if fault is not None:
                self._schedule.at(key, now_s + max(0.0, fault.retry_at_s - time.time()))
            else:
                self._schedule.at(
                    key, now_s if self._queue.segmentation(key).exists() else now_s + self._settings.quiet_s
                )

    def _run(self) -> None:
        while (key := self._next()) is not None:
            try:
                outcome, fault = self._work.attempt(key)
            except Interrupted:
                return
            except OSError as error:  # the disk is full, or somebody took the study away
                _log.error("dicom.disk", extra={"study": key, "kind": type(error).__name__, "why": error.strerror})
                if key in self._queue.studies():
                    self._at(key, self._settings.retry_max_s)
                continue
            self._metrics.count_study(outcome)
            self._log(key, outcome, fault)
            if outcome is Outcome.RETRIED and fault is not None:
                self._at(key, self._settings.delay_s(fault.attempts))

    def _next(self) -> str | None:
        """The next study that is due, waited for; None when the node stops."""
        with self._changed:
            while not self._stopping:
                now_s = time.monotonic()
                if (key := self._schedule.take(now_s)) is not None:
                    return key
                self._changed.wait(self._schedule.wait_s(now_s))
            return None

    def _stop(self, worker: threading.Thread) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        worker.join(self._settings.drain_s)
        self._client.close()  # ends the call that is still running; its study stays in the queue
        worker.join()

    def _log(self, key: str, outcome: Outcome, fault: Fault | None) -> None:
        values: dict[str, object] = {"study": key, "outcome": outcome.value}
        if fault is not None:
            values |= {"attempts": fault.attempts, "kind": fault.kind, "fault": fault.message}
        _log.log(logging.INFO if fault is None else logging.WARNING, "dicom.study", extra=values)


def _client(settings: DicomSettings) -> Client:
    tls = None
    if settings.tls_ca is not None or settings.tls_cert is not None:
        tls = TlsConfig(settings.tls_ca, settings.tls_cert, settings.tls_key)
    try:
        return Client(settings.server, tls=tls, plaintext=settings.plaintext, token_file=settings.token_file)
    except LocalInputError as error:
        field = error.field if error.field in settings.model_fields_set else "server"
        raise SettingsError(field, error.rule, error.got) from None
