"""From a spec and a case's number to the plan of that case."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from imaging.brainmap.apply import apply_edit
from imaging.brainmap.edit import MAX_SCALE, MIN_SCALE, EditError
from imaging.brainmap.library import MapEntry
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.measures import classify, side_of
from imaging.brainmap.propose import EditRanges, draw_edit
from imaging.regions import Region
from imaging.synthesis.case import BuiltinSource, CasePlan, LibrarySource
from serving.batch.sources import SourceCatalog as SourceCatalog
from serving.batch.spec import BuiltinEntry, CohortSpec
from serving.batch.wish import Wish, draw_wish, generator_of
from serving.errors import Cause, ServingError

MAX_ATTEMPTS = 24
"""Maps and edits that are tried at most for one case."""
VOLUME_TOLERANCE = 0.1
"""By how much a tumour's volume may miss the one wanted, as a share of that."""
_SEEDS = 2**32


class CasePlanError(ServingError):
    """A case for which no map and no edit were found that give what its spec wants. Others are not touched by it."""

    cause = Cause.INVALID


@dataclass(frozen=True, eq=False)
class PlannedCase:
    """A case before it is drawn.

    Args:
        index: Its number.
        wish: What the spec wants of it.
        plan: What it follows from, beside the generator.
        source_map: The map that `plan.source` names.
        library: Digest of the library that the map is from; None for the built-in source.
        attempts: How many maps and edits were tried, this one included.
    """

    index: int
    wish: Wish
    plan: CasePlan
    source_map: BrainMap
    library: str | None
    attempts: int


def plan_case(spec: CohortSpec, sources: SourceCatalog, index: int) -> PlannedCase:
    """Plan a case: a function of its arguments alone, whatever else is planned, where and in which order.

    What is wanted is drawn once, by `draw_wish`; then maps and edits are tried until one gives it, each with a source
    of randomness of its own. The edited tumour's volume misses the one wanted by no more than `VOLUME_TOLERANCE` of it,
    and its side and its kind are those wanted.

    Args:
        spec: The cohort.
        sources: Opened from the same spec.
        index: The case's number, 0 or more.

    Raises:
        CasePlanError: None of `MAX_ATTEMPTS` maps and edits gives what is wanted.
        LibraryError: A map's file is damaged.
        OSError: A map's file can't be read.
    """
    wish = draw_wish(spec, index)
    refusals: Counter[str] = Counter()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            return _attempt(spec, sources, wish, index, attempt)
        except EditError as error:
            refusals[f"{error.field} {error.rule}"] += 1
    rule, count = refusals.most_common(1)[0]
    wanted = f"{wish.enhancement.value}, {wish.volume_ml:g} ml, side {wish.side or 'any'}"
    raise CasePlanError(
        f"case {index}", f"must be found within {MAX_ATTEMPTS} attempts ({wanted})", f"{count} refusals: {rule}"
    )


def _attempt(spec: CohortSpec, sources: SourceCatalog, wish: Wish, index: int, attempt: int) -> PlannedCase:
    """One map and one edit.

    Raises:
        EditError: They do not give what is wanted.
    """
    rng = generator_of(spec, index, attempt)
    if isinstance(spec.sources[wish.source], BuiltinEntry):
        library = None
        plan = CasePlan(BuiltinSource(int(rng.integers(_SEEDS)), wish.enhancement, wish.volume_ml, wish.side))
        source_map = sources.load(plan.source)
    else:
        library = sources.libraries[wish.source].digest
        entry = _choose(sources.candidates(wish.source, wish.enhancement, wish.volume_ml), rng)
        source_map = sources.load(LibrarySource(entry.digest))
        edit = draw_edit(source_map, rng, edit_ranges(spec, wish, own_ml=entry.wt_ml))
        plan = CasePlan(LibrarySource(entry.digest), edit, int(rng.integers(_SEEDS)))
    _check(apply_edit(source_map, plan.edit, seed=plan.edit_seed), wish)
    return PlannedCase(index, wish, plan, source_map, library, attempt)


def edit_ranges(spec: CohortSpec, wish: Wish, *, own_ml: float) -> EditRanges:
    """From what the edit of a library's map is drawn.

    Args:
        spec: The cohort.
        wish: What is wanted of the case.
        own_ml: Volume of the tumour as it is.
    """
    # Rounding may put the scale a hair beyond its ends, which `can_reach` allows.
    scale = min(max(math.cbrt(wish.volume_ml / own_ml), MIN_SCALE), MAX_SCALE)
    lesion = spec.lesion
    return EditRanges(
        shift_mm=lesion.shift_mm,
        scale=(scale, scale),
        rotation_deg=lesion.rotation_deg,
        elastic_mm=lesion.elastic_mm,
        depth_mm=lesion.depth_mm,
        mirror=lesion.mirror,
        side=wish.side,
    )


def _choose(entries: tuple[MapEntry, ...], rng: np.random.Generator) -> MapEntry:
    return entries[int(rng.integers(len(entries)))]


def _check(edited: BrainMap, wish: Wish) -> None:
    """See that a map is what was wanted.

    Raises:
        EditError: It is not.
    """
    volume_ml = np.count_nonzero(edited.regions[Region.WT]) * edited.grid.voxel_volume_ml
    if abs(volume_ml / wish.volume_ml - 1.0) > VOLUME_TOLERANCE:
        raise EditError("volume_ml", f"must be as wanted to {VOLUME_TOLERANCE:.0%}", f"{volume_ml:.4g}")
    if (kind := classify(edited)) is not wish.enhancement:
        raise EditError("enhancement", "must be as wanted", kind.value)
    if wish.side is not None and (side := side_of(edited)) is not wish.side:
        raise EditError("side", "must be as wanted", side.value)
