"""How far a cohort is, on standard error: a bar where that is a terminal, nothing where it is not."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from glioserve.cohorts import Cohort

_RATE_OVER_S = 3600.0
"""The time that is left is told from the speed of this last while: cases take seconds to minutes."""


class CohortMeter:
    """The bar of one cohort, used in a `with` statement; it disappears at the end.

    Args:
        console: Where it is drawn. Nothing is drawn if that is no terminal.
    """

    def __init__(self, console: Console) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            speed_estimate_period=_RATE_OVER_S,
            disable=not console.is_terminal,
        )
        self._task: TaskID = self._bar.add_task("Ask the server", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_state(self, cohort: Cohort) -> None:
        """Shows how far it is."""
        self._bar.update(
            self._task, description=cohort.phase.value.capitalize(), total=cohort.cases, completed=cohort.tried
        )
