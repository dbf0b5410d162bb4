"""CONTRAST_ORDER: whether each file holds the contrast that it is named.

Intensities of MR have no scale of their own; so pairs of contrasts are compared, voxel by voxel inside the brain. Six
facts of physics tell the four apart. Each gives a number that changes its sign where names are wrong:

* Fluid stands out more in T2 than in T1, T1CE or FLAIR (three facts). So the differences of z-scores, T2 less the
  other, have their long tail on the positive side: their skewness is positive.
* Contrast agent only brightens. So T1CE less T1 has a positive skewness too, by vessels if not by tumour.
* T2 and FLAIR show oedema and grey matter alike, T1 the other way round: T2 correlates more with FLAIR than with T1.
* T1 and T1CE show healthy tissue alike: T1 correlates more with T1CE than with FLAIR.

The least that the numbers were in 30 patients of BraTS 2018 and 2021 stands in `_FACTS`. Each of the 23 wrong namings
of the four files broke at least one fact by as much in each patient, and the right naming alone kept all six.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations, permutations

import numpy as np
import numpy.typing as npt

from imaging.casecheck.finding import EXAM, Finding, FindingRule, Severity
from imaging.casecheck.look import Look
from imaging.modality import Modality

MIN_VOXELS = 5_000
"""Of the brain, seen by all contrasts. With fewer, there is no head to speak of."""
MAX_VOXELS = 60_000
"""More of them change no figure by as much as 0.05."""

DOUBT = -0.5
"""Below, a fact does not hold. 1 is the least that it was in any of the 30 patients, so that -1 is the most that it is
in any of them with two names exchanged; the middle between that and nothing at all is as far from either."""
CERTAINTY = 0.5
"""Above, a fact certainly holds."""

Z_LIMIT = 4.0
"""In distances between quartiles. Beyond lie vessels and artefacts, which would outweigh all else in a skewness."""

Naming = Mapping[Modality, Modality]
"""For each name, the contrast that is taken for it."""


@dataclass(frozen=True)
class Fact:
    """Something that holds of the contrasts of every head.

    Args:
        needs: The contrasts that it is about.
        more: The pair of contrasts of which there is more.
        less: The pair of which there is less; None for a skewness, which is compared with 0.
        least: The least that the difference was in any of the 30 patients.
        broken: What is seen where it does not hold.
        firm: Whether it holds whatever was scanned, and how. Water is what it is; but a tumour may take up no agent,
            and T1 and T1CE may come of unlike sequences.
    """

    more: tuple[Modality, Modality]
    less: tuple[Modality, Modality] | None
    least: float
    broken: str
    firm: bool = False

    @property
    def needs(self) -> frozenset[Modality]:
        """The contrasts that it is about."""
        return frozenset((*self.more, *(self.less or ())))


_T1, _T1CE, _T2, _FLAIR = Modality.T1, Modality.T1CE, Modality.T2, Modality.FLAIR
_FACTS = (
    Fact((_T2, _T1), None, 0.9, "t2 shows fluid darker than t1 does", firm=True),
    Fact((_T2, _T1CE), None, 0.95, "t2 shows fluid darker than t1ce does", firm=True),
    Fact((_T2, _FLAIR), None, 0.95, "t2 shows fluid darker than flair does", firm=True),
    Fact((_T1CE, _T1), None, 0.75, "t1ce shows vessels darker than t1 does"),
    Fact((_T2, _FLAIR), (_T2, _T1), 0.33, "t2 is more like t1 than like flair", firm=True),
    Fact((_T1, _T1CE), (_T1, _FLAIR), 0.17, "t1 is more like flair than like t1ce"),
)


@dataclass(frozen=True, eq=False)
class Likeness:
    """How pairs of contrasts compare.

    Args:
        skewness: Of the differences of z-scores, the first less the second.
        correlation: Of ranks, either way round.
    """

    skewness: Mapping[tuple[Modality, Modality], float]
    correlation: Mapping[tuple[Modality, Modality], float]

    @classmethod
    def of(cls, intensities: Mapping[Modality, npt.NDArray[np.float32]]) -> Likeness:
        """Compare the contrasts' intensities `[n]` at the same places."""
        scores = {modality: _scores(values) for modality, values in intensities.items()}
        ranks = {modality: _ranks(values) for modality, values in intensities.items()}
        skewness, correlation = {}, {}
        for one, other in combinations(intensities, 2):
            skewness[one, other] = _skewness(scores[one] - scores[other])
            skewness[other, one] = -skewness[one, other]
            correlation[one, other] = correlation[other, one] = float(np.corrcoef(ranks[one], ranks[other])[0, 1])
        return cls(skewness, correlation)

    def evidence(self, naming: Naming) -> dict[Fact, float]:
        """By how much each fact holds if the contrasts have these names: 1 is the least in the 30 patients."""
        return {fact: self._measure(fact, naming) / fact.least for fact in _FACTS if fact.needs <= set(naming)}

    def _measure(self, fact: Fact, naming: Naming) -> float:
        more = (naming[fact.more[0]], naming[fact.more[1]])
        if fact.less is None:
            return self.skewness[more]
        less = (naming[fact.less[0]], naming[fact.less[1]])
        return self.correlation[more] - self.correlation[less]


def check_contrast_order(looks: Mapping[Modality, Look]) -> Iterator[Finding]:
    """CONTRAST_ORDER, where two contrasts or more show the same brain.

    An exam is refused only where all this comes together: the facts contradict the names; exchanging names makes every
    fact hold; the file named T2 is one of those exchanged, so that it is fluid which is dark where it should be bright;
    and all are skull-stripped and on one grid, as in the patients that thresholds were measured on. Everything else is
    a warning: an unusual exam that is refused helps nobody, and a T1CE may well lack its contrast agent. Facts that are
    not firm are told only where exchanging names mends them.
    """
    intensities = _common_intensities(looks)
    if intensities is None:
        return
    likeness = Likeness.of(intensities)
    as_named = {modality: modality for modality in looks}
    evidence = likeness.evidence(as_named)
    broken = [fact for fact, held in evidence.items() if held < DOUBT]
    if not broken:
        return
    # Of fewer contrasts there are too few facts to tell which names are wrong.
    naming = _better_naming(likeness) if len(evidence) == len(_FACTS) else None
    if naming is None:
        firm = [fact.broken for fact in broken if fact.firm]
        if not firm:
            return
        yield Finding(
            FindingRule.CONTRAST_ORDER,
            Severity.WARN,
            EXAM,
            "should hold the contrasts that its files are named",
            "; ".join(firm),
        )
        return
    first = next(iter(looks.values()))
    comparable = all(look.stripped and look.on_grid_of(first) for look in looks.values())
    certain = comparable and naming[_T2] is not _T2
    for name, meant in naming.items():
        if meant is not name:
            yield Finding(
                FindingRule.CONTRAST_ORDER,
                Severity.REFUSE if certain else Severity.WARN,
                meant.value,
                f"{'must' if certain else 'should'} hold the {meant.value}",
                f"what looks like the {name.value}",
            )


def _better_naming(likeness: Likeness) -> Naming | None:
    """The names with which every fact certainly holds; None where there are none."""
    namings = [dict(zip(Modality, order, strict=True)) for order in permutations(Modality)]
    weakest = [min(likeness.evidence(naming).values()) for naming in namings]
    best = int(np.argmax(weakest))
    return namings[best] if weakest[best] > CERTAINTY else None


def _common_intensities(looks: Mapping[Modality, Look]) -> dict[Modality, npt.NDArray[np.float32]] | None:
    """What the contrasts show at the same places of the brain; None where they have too few in common."""
    if len(looks) < 2:
        return None
    first = next(iter(looks.values()))
    # Voxel by voxel where that can be, which is much less work than by positions; and what is inside of all is what is
    # inside of their common part.
    together = [look for look in looks.values() if look.on_grid_of(first)]
    apart = [look for look in looks.values() if look not in together]
    shown = [look.shown for look in together if look.stripped]
    inner = [look.inner for look in together if not look.stripped]
    if shown:
        inner.append(first.inside_of(reduce(np.logical_and, shown)))
    points = first.positions_mm(reduce(np.logical_and, inner))
    for look in apart:
        points = points[look.at(points, look.inner)]
    if len(points) < MIN_VOXELS:
        return None
    points = points[:: -(-len(points) // MAX_VOXELS)]
    intensities = {modality: look.intensities(points) for modality, look in looks.items()}
    return intensities if all(_spread(values) > 0 for values in intensities.values()) else None


def _spread(values: npt.NDArray[np.float32]) -> float:
    lower, upper = np.percentile(values, (25, 75))
    return float(upper - lower)


def _scores(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    scores = (values.astype(np.float64) - np.median(values)) / _spread(values)
    return np.clip(scores, -Z_LIMIT, Z_LIMIT)


def _ranks(values: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
    ranks = np.empty(values.size, dtype=np.intp)
    ranks[np.argsort(values, kind="stable")] = np.arange(values.size)
    return ranks


def _skewness(differences: npt.NDArray[np.float64]) -> float:
    centred = differences - differences.mean()
    squares = centred * centred
    variance = float(squares.mean())
    return float(np.dot(squares, centred)) / centred.size / variance**1.5 if variance > 0 else 0.0
