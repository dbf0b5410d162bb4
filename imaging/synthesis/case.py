"""One synthetic case: the map it starts from, what is changed in it, and the labelled exam that is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from imaging.brainmap.apply import apply_edit
from imaging.brainmap.draw import OnBatch, Painter, draw_exam
from imaging.brainmap.edit import MapEdit
from imaging.brainmap.maps import BrainMap
from imaging.exam import Exam
from imaging.phantom.lesion import Enhancement
from imaging.synthesis.side import Side


@dataclass(frozen=True)
class BuiltinSource:
    """A map of the built-in source, nobody's brain: a deformed average brain with a grown tumour.

    Args:
        seed: Decides all that is not given, 0 or more.
        enhancement: How the tumour takes up contrast agent; drawn if None.
        volume_ml: Volume of the whole tumour aimed at; drawn if None.
        side: The hemisphere that the tumour sits in; drawn if None.
    """

    seed: int
    enhancement: Enhancement | None = None
    volume_ml: float | None = None
    side: Side | None = None


@dataclass(frozen=True)
class LibrarySource:
    """A map of a library that was built from labelled exams.

    Args:
        digest: Of the map, as `imaging.brainmap.store.digest_map` tells it: its name in the library.
    """

    digest: str


Source = BuiltinSource | LibrarySource


@dataclass(frozen=True)
class CasePlan:
    """Everything that a synthetic case follows from, but the generator.

    Args:
        source: The map it starts from.
        edit: What is done to that map; the default changes nothing.
        edit_seed: Of the edit's elastic field, 0 or more.
    """

    source: Source
    edit: MapEdit = MapEdit()  # noqa: RUF009  # frozen
    edit_seed: int = 0


@dataclass(frozen=True, eq=False)
class SyntheticCase:
    """A labelled exam of nobody.

    Args:
        plan: What it follows from.
        brain_map: The edited map: the truth, by `BrainMap.regions`.
        exam: T1, T1CE, T2 and FLAIR on the map's grid, `int16`, as `draw_exam` gives them.
    """

    plan: CasePlan
    brain_map: BrainMap
    exam: Exam


def make_case(
    plan: CasePlan,
    source_map: BrainMap,
    painter: Painter,
    *,
    micro_batch: int,
    on_batch: OnBatch = lambda _done, _total: None,
) -> SyntheticCase:
    """Edit the source map and draw it: a function of its arguments alone.

    Args:
        plan: What is asked.
        source_map: The map that `plan.source` names.
        painter: Draws slices.
        micro_batch: Slices per call of the painter.
        on_batch: Follows the drawing, and may end it.

    Raises:
        EditError: The map can't take the edit.
        BrainMapError: The painter leaves a contrast out.
    """
    edited = apply_edit(source_map, plan.edit, seed=plan.edit_seed)
    return SyntheticCase(plan, edited, draw_exam(edited, painter, micro_batch=micro_batch, on_batch=on_batch))
