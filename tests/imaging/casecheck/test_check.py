"""Each rule is broken by an exam spoiled in one way, which breaks no other; the clean one breaks none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from nibabel import orientations

from imaging.casecheck.check import check_case
from imaging.casecheck.errors import MAX_LINES, CaseRefusedError
from imaging.casecheck.facts import FileFacts
from imaging.casecheck.finding import EXAM, Finding, FindingRule, Severity
from imaging.modality import Modality
from imaging.nifti import AffineSource
from imaging.raw_exam import RawExam
from imaging.regions import Region
from imaging.volume import Volume
from tests.imaging.casecheck.heads import (
    AFFINE,
    SHAPE,
    TISSUES,
    Volumes,
    brain,
    changed,
    clean,
    contrast,
    ellipsoid,
    moved,
    report,
    tissues,
    told,
)

T1, T1CE, T2, FLAIR = Modality
ALL = (Region.WT, Region.TC, Region.ET)


def shifted(mm: float) -> np.ndarray:
    affine = AFFINE.copy()
    affine[0, 3] += mm
    return affine


def rotated(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]]) @ AFFINE


def everywhere(affine: np.ndarray, volumes: Mapping[Modality, Volume] | None = None) -> Volumes:
    """The whole exam with another affine."""
    return {modality: Volume.from_affine(volume.voxels, affine) for modality, volume in (volumes or clean()).items()}


def thick(axis: int, factor: int) -> Volumes:
    """Every so many slices, that much thicker."""
    affine = AFFINE @ np.diag([factor if each == axis else 1 for each in range(3)] + [1])
    steps = tuple(slice(None, None, factor if each == axis else 1) for each in range(3))
    return {modality: Volume.from_affine(volume.voxels[steps], affine) for modality, volume in clean().items()}


def cut(volumes: Volumes, modality: Modality, where: tuple[slice, ...]) -> Volumes:
    """Zeros in place of a part of one contrast."""
    voxels = volumes[modality].voxels.copy()
    voxels[where] = 0
    return changed(volumes, modality, voxels)


def swapped(one: Modality, other: Modality, volumes: Volumes | None = None) -> Volumes:
    volumes = volumes or clean()
    return {**volumes, one: volumes[other], other: volumes[one]}


def without(*modalities: Modality) -> Volumes:
    return {modality: volume for modality, volume in clean().items() if modality not in modalities}


def clipped() -> Volumes:
    voxels = clean()[T2].voxels
    return changed(clean(), T2, np.minimum(voxels, np.percentile(voxels[voxels > 0], 99.0)).astype(np.int16))


def with_value(value: float) -> Volumes:
    voxels = clean()[T2].voxels.astype(np.float64)
    voxels[40, 44, 36] = value
    return changed(clean(), T2, voxels)


def top_cut_off() -> Volumes:
    volumes = {modality: volume.voxels[:, :, :50] for modality, volume in clean().items()}
    return {modality: Volume.from_affine(voxels, AFFINE) for modality, voxels in volumes.items()}


def partly_stripped() -> Volumes:
    return {**clean(), **{modality: clean(skull=True)[modality] for modality in (T2, FLAIR)}}


def scaled_copy() -> Volumes:
    return changed(clean(), T1CE, clean()[T1].voxels * 0.37 + 0.0)


SPOILED: dict[str, tuple[Callable[[], Volumes], set[str]]] = {
    "two contrasts missing": (
        lambda: without(T1CE, T2),
        {"refuse modality_missing t1ce", "refuse modality_missing t2"},
    ),
    "a slice": (
        lambda: {**clean(), T2: Volume.from_affine(clean()[T2].voxels[:, :, 30:31], AFFINE)},
        {"refuse three_axes t2", "warn coverage t2"},
    ),
    "thick slices": (
        lambda: thick(2, 2),
        {f"warn slice_thickness {modality}" for modality in Modality},
    ),
    "long voxels": (
        lambda: thick(2, 4),
        {f"warn {rule} {modality}" for modality in Modality for rule in ("slice_thickness", "anisotropy")},
    ),
    "a flair of part of the brain": (
        lambda: cut(clean(), FLAIR, np.s_[:, :, :30]),
        {"warn coverage flair"},
    ),
    "a flair whose field of view is narrow": (
        lambda: {**clean(), FLAIR: Volume.from_affine(clean()[FLAIR].voxels[:, :, :40], AFFINE)},
        {"warn coverage flair", "warn grids flair"},
    ),
    "a vertex cut off": (top_cut_off, {f"warn coverage {modality}" for modality in Modality}),
    "a field of view of metres": (
        lambda: {**clean(), T1: Volume.from_affine(clean()[T1].voxels, AFFINE @ np.diag([10, 10, 10, 1]))},
        {"refuse coverage t1", "warn slice_thickness t1"},
    ),
    "tilted": (lambda: everywhere(rotated(12.0)), {f"warn oblique {modality}" for modality in Modality}),
    "sheared": (
        lambda: everywhere(AFFINE @ np.array([[1, 0.0, 0, 0], [0, 1, 0.1, 0], [0, 0, 1, 0], [0, 0, 0, 1]])),
        {f"warn oblique {modality}" for modality in Modality},
    ),
    "another grid": (lambda: moved(clean(), T2, shifted(3.0)), {"warn grids t2"}),
    "another place on one grid": (
        lambda: changed(clean(), T2, np.roll(clean()[T2].voxels, 3, axis=0)),
        {"warn grids t2"},
    ),
    "a skull": (lambda: clean(skull=True), {"warn skull exam"}),
    "a skull in some": (partly_stripped, {"warn skull exam"}),
    "zeros": (lambda: changed(clean(), T2, np.zeros(SHAPE, np.int16)), {"refuse constant t2"}),
    "a mask": (lambda: changed(clean(), T2, brain().astype(np.uint8)), {"refuse constant t2"}),
    "a label map": (
        lambda: changed(clean(), T2, (tissues() % 5).astype(np.uint8)),
        {"refuse constant t2"},
    ),
    "clipped": (clipped, {"warn clipped t2"}),
    "nan": (lambda: with_value(np.nan), {"refuse finite t2"}),
    "infinity": (lambda: with_value(np.inf), {"refuse finite t2"}),
    "beyond single precision": (lambda: with_value(1e300), {"refuse finite t2"}),
    "one file under two names": (
        lambda: changed(clean(), T1CE, clean()[T1].voxels),
        {"refuse duplicate t1", "refuse duplicate t1ce"},
    ),
    "one image, scaled, under two names": (scaled_copy, {"refuse duplicate t1", "refuse duplicate t1ce"}),
    "t1 and t2 exchanged": (lambda: swapped(T1, T2), {"refuse contrast_order t1", "refuse contrast_order t2"}),
    "t1ce and t2 exchanged": (lambda: swapped(T1CE, T2), {"refuse contrast_order t1ce", "refuse contrast_order t2"}),
    "t2 and flair exchanged": (lambda: swapped(T2, FLAIR), {"refuse contrast_order t2", "refuse contrast_order flair"}),
    "t1 and t1ce exchanged": (lambda: swapped(T1, T1CE), {"warn contrast_order t1", "warn contrast_order t1ce"}),
    "t1 and flair exchanged": (lambda: swapped(T1, FLAIR), {"warn contrast_order t1", "warn contrast_order flair"}),
    "t1ce and flair exchanged": (
        lambda: swapped(T1CE, FLAIR),
        {"warn contrast_order t1ce", "warn contrast_order flair"},
    ),
    "exchanged in heads with their skulls": (
        lambda: swapped(T1, T2, clean(skull=True)),
        {"warn skull exam", "warn contrast_order t1", "warn contrast_order t2"},
    ),
    "exchanged, and one missing": (
        lambda: {modality: volume for modality, volume in swapped(T1, T2).items() if modality is not FLAIR},
        {"refuse modality_missing flair", "warn contrast_order exam"},
    ),
    "a second t1 in place of the t2": (
        lambda: changed(clean(), T2, contrast(T1, seed=1)),
        {"warn contrast_order exam"},
    ),
}


def test_nothing_speaks_against_a_clean_exam() -> None:
    found = report(clean())
    assert found.findings == ()
    assert (found.possible, found.aligned, found.skull_stripped, found.refused) == (ALL, True, True, False)
    found.require()


@pytest.mark.parametrize("spoiled", SPOILED)
def test_each_way_of_spoiling_is_found_and_nothing_else(spoiled: str) -> None:
    make, expected = SPOILED[spoiled]
    assert told(report(make())) == expected


def test_every_rule_has_its_case() -> None:
    by_files = {FindingRule.READABLE, FindingRule.LEFT_RIGHT}
    assert {name.split()[1] for _, names in SPOILED.values() for name in names} | by_files == set(FindingRule)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FileFacts(AffineSource.SFORM, sides_disagree=True), {"refuse left_right t1ce"}),
        (FileFacts(AffineSource.PIXDIM, sides_disagree=False), {"warn left_right t1ce"}),
        (FileFacts(AffineSource.QFORM, sides_disagree=False), set()),
    ],
)
def test_left_and_right(facts: FileFacts, expected: set[str]) -> None:
    found = report(clean(), facts={T1CE: facts})
    assert told(found) == expected
    # A doubt about one contrast's sides takes away the regions that need it, and hides nothing.
    assert found.possible == ((Region.WT,) if found.refused else ALL)
    assert found.aligned


@pytest.mark.parametrize(
    ("volumes", "aligned", "stripped"),
    [
        (lambda: clean(skull=True), False, False),
        (partly_stripped, False, False),
        (lambda: moved(clean(), T2, shifted(3.0)), False, True),
        (lambda: changed(clean(), T2, np.roll(clean()[T2].voxels, 3, axis=0)), False, True),
        (lambda: cut(clean(), FLAIR, np.s_[:, :, :30]), True, True),
        (lambda: without(T1CE), True, True),
    ],
)
def test_what_needs_no_registration_and_no_extraction(
    volumes: Callable[[], Volumes], aligned: bool, stripped: bool
) -> None:
    found = report(volumes())
    assert (found.aligned, found.skull_stripped) == (aligned, stripped)


@pytest.mark.parametrize(
    ("volumes", "possible"),
    [
        (lambda: without(T1CE), (Region.WT,)),
        (lambda: without(T1CE, T2, FLAIR), ()),
        (lambda: with_value(np.nan), ()),
        (lambda: changed(clean(), T1CE, np.zeros(SHAPE)), (Region.WT,)),
        (lambda: changed(clean(), T1CE, clean()[T1].voxels), ()),
        (lambda: swapped(T1, T2), ()),
        (lambda: swapped(T1, T1CE), ALL),
    ],
)
def test_what_remains_possible(volumes: Callable[[], Volumes], possible: tuple[Region, ...]) -> None:
    assert report(volumes()).possible == possible


def test_a_missing_contrast_tells_what_remains() -> None:
    (finding,) = report(without(T1CE)).findings
    assert str(finding) == "t1ce: must be sent, got none; from what is there, WT can be found"


def test_a_contrast_that_no_network_needs_may_be_missing() -> None:
    needs = dict.fromkeys(Region, (T1, T2, FLAIR))
    assert check_case(RawExam(without(T1CE)), needs=needs, facts={}).findings == ()


def test_without_brain_extraction_a_skull_is_refused() -> None:
    for volumes in (clean(skull=True), partly_stripped()):
        found = report(volumes, extracts_brain=False)
        assert told(found) == {"refuse skull exam"}
        assert found.possible == ()
    assert report(clean(), extracts_brain=False).findings == ()


def test_all_is_told_at_once_and_refusals_first() -> None:
    volumes = cut(with_value(np.nan), FLAIR, np.s_[:, :, :30])
    del volumes[T1CE]
    facts = {T1: FileFacts(AffineSource.SFORM, sides_disagree=True)}
    found = report(volumes, facts=facts)
    assert [(each.severity.value, each.rule.value, each.field) for each in found.findings] == [
        ("refuse", "modality_missing", "t1ce"),
        ("refuse", "finite", "t2"),
        ("refuse", "left_right", "t1"),
        ("warn", "coverage", "flair"),
    ]
    with pytest.raises(CaseRefusedError) as refused:
        found.require()
    assert str(refused.value).splitlines() == [str(each) for each in found.findings[:3]]
    first = found.findings[0]
    assert (refused.value.field, refused.value.rule, refused.value.got) == (first.field, first.must, first.got)
    assert refused.value.findings == found.findings


def test_a_refusal_has_a_reason_and_room_for_its_text() -> None:
    warning = Finding(FindingRule.CLIPPED, Severity.WARN, "t2", "should", "did not")
    reason = Finding(FindingRule.SKULL, Severity.REFUSE, EXAM, "must", "not")
    with pytest.raises(ValueError, match="no finding refuses"):
        CaseRefusedError([warning])
    lines = str(CaseRefusedError([warning, *[reason] * (MAX_LINES + 3)])).splitlines()
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "and 3 more"


def test_exchanged_names_are_noticed_even_where_no_naming_is_certain() -> None:
    """A T1CE without its agent leaves it open which names are wrong, but not that T1 and FLAIR are."""
    no_agent = changed(clean(), T1CE, contrast(T1, seed=1))
    found = report(swapped(T1, FLAIR, no_agent))
    assert told(found) == {"warn contrast_order exam"}
    assert found.findings[0].got == "t2 is more like t1 than like flair"


def test_an_unusual_tumour_is_no_wrong_name() -> None:
    """No uptake at all, and a large bleeding that is bright in T1 and dark in T2."""
    without_agent = changed(clean(), T1CE, contrast(T1, seed=1))
    assert told(report(without_agent)) == set()
    bleeding = ellipsoid((26, 26, 26), (-34, 24, 16))
    bled = clean()
    for modality, grey in ((T1, 800), (T1CE, 800), (T2, 40), (FLAIR, 60)):
        voxels = bled[modality].voxels.copy()
        voxels[bleeding] = grey + voxels[bleeding] % 16
        bled = changed(bled, modality, voxels)
    assert not report(bled).refused


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    axes=st.permutations([0, 1, 2]),
    flips=st.tuples(*[st.sampled_from([-1, 1])] * 3),
    spoiled=st.sampled_from(["t1 and t2 exchanged", "a flair of part of the brain", "a vertex cut off", "clipped"]),
)
def test_the_order_of_axes_in_the_files_changes_nothing(
    axes: list[int], flips: tuple[int, int, int], spoiled: str
) -> None:
    make, expected = SPOILED[spoiled]
    ornt = np.array(list(zip(axes, flips, strict=True)), dtype=float)
    volumes = {}
    for modality, volume in make().items():
        voxels = orientations.apply_orientation(volume.voxels, ornt)
        affine = volume.grid.affine @ orientations.inv_ornt_aff(ornt, volume.grid.shape)
        volumes[modality] = Volume.from_affine(voxels, affine)
    assert told(report(volumes)) == expected


def affines() -> st.SearchStrategy[npt.NDArray[np.float64]]:
    lengths = st.tuples(*[st.sampled_from([0.002, 0.01, 0.9, 1.0, 5.5, 40.0, 900.0])] * 3)
    return st.builds(
        lambda scale, angle, shear: (
            rotated(angle) @ np.diag([1 / 3, 1 / 3, 1 / 3, 1]) @ _shear(shear) @ np.diag([*scale, 1])
        ),
        lengths,
        st.floats(-90.0, 90.0),
        st.sampled_from([0.0, 0.3]),
    )


def _shear(by: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[0, 1] = by
    return matrix


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_exam_however_bad_makes_the_check_raise(data: st.DataObject) -> None:
    values = st.sampled_from([0, 0, 0, 1, 2, 3.5, 100, -7, 1e30, 1e300, np.nan, np.inf])
    volumes = {}
    for modality in data.draw(st.sets(st.sampled_from(list(Modality)), min_size=1)):
        shape = data.draw(st.tuples(*[st.sampled_from([1, 2, 4, 5, 9])] * 3))
        dtype = data.draw(st.sampled_from([np.float64, np.float32, np.int16, np.uint8, np.uint64]))
        kind = values if np.issubdtype(dtype, np.floating) else st.integers(0, 200)
        with np.errstate(over="ignore"):
            voxels = data.draw(hnp.arrays(np.float64, shape, elements=kind)).astype(dtype)
        volumes[modality] = Volume.from_affine(voxels, data.draw(affines()))
    found = report(volumes)
    assert sorted(found.findings, key=lambda each: not each.refuses) == list(found.findings)
    assert found.refused == any(each.refuses for each in found.findings)
    assert all(each.field in {EXAM, *Modality} and each.must and each.got for each in found.findings)


def test_a_field_of_view_of_metres_costs_nothing() -> None:
    """What is refused for its lengths is not looked at voxel by voxel on a grid that can't be."""
    huge = Volume.from_affine(np.ones((8, 8, 8)), np.diag([1000.0, 1000.0, 1000.0, 1.0]))
    assert "refuse coverage t1" in told(report({T1: huge}))


def test_tissues_are_all_there() -> None:
    assert set(np.unique(tissues())) == set(range(-1, len(TISSUES)))
