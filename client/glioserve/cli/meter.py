"""Progress on standard error: a bar where that is a terminal, nothing where it is not."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from glioserve.progress import Progress as StageProgress
from glioserve.progress import Queued
from glioserve.results import RegionVolume
from glioserve.wording import REGION_TITLE, millilitres, stage_title


class Meter:
    """The bar of one call, used in a `with` statement; it disappears when the call ends.

    Args:
        console: Where it is drawn. Nothing is drawn if that is no terminal.
        first: What the call does before the server tells of anything.
    """

    def __init__(self, console: Console, *, first: str = "Send the exam") -> None:
        self._console = console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figure]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._bar.add_task(first, total=None, figure="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_progress(self, event: Queued | StageProgress) -> None:
        """Shows a place in the queue, or how far a stage is."""
        if isinstance(event, Queued):
            self._bar.update(self._task, description="Wait for a turn", total=None, figure=f"{event.position} ahead")
            return
        self._bar.update(
            self._task,
            description=stage_title(event.stage),
            total=event.total,
            completed=event.done,
            figure=f"{event.done}/{event.total}",
        )

    def on_partial(self, volume: RegionVolume) -> None:
        """Tells of a region that is known before the rest."""
        if self._console.is_terminal:
            figure = millilitres(volume.volume_ml) if volume.voxels else "none found"
            self._bar.print(f"{volume.region.name}  {REGION_TITLE[volume.region]}: {figure}", highlight=False)
