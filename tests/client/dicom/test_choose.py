"""Which series are picked among all that a scanner leaves behind, and the table that says why."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from glioserve import LocalInputError, Modality
from glioserve.dicom import Choice, ChoiceError, choose_series, read_study

from tests.client.dicom.studies import AS_ACQUIRED, SHAPE, Acquired, Writer, axial, head

THIN = head(Modality.T1CE, (24, 20, 24))
FINE = axial((5.0, 6.0, 5.0))
FSPGR = Acquired("SAG 3D T1 +C", 3, 8, 450, scanning=("GR",), agent="Gadavist")


def reasons(choice: Choice | ChoiceError) -> dict[int | None, str]:
    return {row.number: row.reason for row in choice.rows}


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    """An exam, with more to come."""
    writer = Writer(tmp_path)
    writer.exam()
    return writer


def test_a_whole_clinical_study(writer: Writer) -> None:
    small = head(Modality.T1, (24, 20, 3))
    more = {
        1: (
            small,
            Acquired("3-plane localizer", 1.6, 5, scanning=("GR",), image_type=("ORIGINAL", "PRIMARY", "LOCALIZER")),
        ),
        2: (THIN, Acquired("ep2d_diff_tra", 90, 6000, scanning=("EP",))),
        20: (THIN, Acquired("ADC", 90, 6000, image_type=("DERIVED", "SECONDARY", "ADC"))),
        6: (THIN, Acquired("T2* perfusion", 30, 1500, scanning=("EP",), agent="Gd")),
        8: (THIN, FSPGR),
        9: (THIN, dataclasses.replace(FSPGR, description="COR T1 +C MPR", image_type=("DERIVED", "SECONDARY", "MPR"))),
        10: (THIN, Acquired("SWI mIP", 20, 27, scanning=("GR",))),
        11: (head(Modality.T2, (24, 20, 12)), Acquired("AX T2 IAC thin", 100, 4500)),
    }
    for number, (array, acquired) in more.items():
        affine = axial((1, 1, 1)) if number == 11 else FINE
        writer.classic(array, acquired, number, affine=affine)
    choice = choose_series(read_study(writer.folder))
    assert {modality: series.number for modality, series in choice.series.items()} == {
        Modality.T1: 3,
        Modality.T1CE: 8,
        Modality.T2: 4,
        Modality.FLAIR: 5,
    }
    said = reasons(choice)
    assert [row.number for row in choice.rows] == sorted(said)
    assert {row.number for row in choice.rows if row.picked} == {3, 4, 5, 8}
    for number, reason in {
        1: "a localizer",
        2: "diffusion",
        20: "derived",
        6: "susceptibility",
        7: "coarser than series 8",
        8: "contrast agent by words",
        9: "derived",
        10: "projection",
        11: "part of the body",
    }.items():
        assert reason in said[number], said
    seventh = next(row for row in choice.rows if row.number == 7)
    assert (seventh.modality, seventh.slices, seventh.picked) == (Modality.T1CE, 12, False)
    assert seventh.voxel_mm == pytest.approx((5, 6, 10))


def test_a_series_that_does_not_hold_a_brain(writer: Writer) -> None:
    writer.classic(head(Modality.T2), Acquired("T2 thin", 100, 4500), 30, affine=axial((5, 6, 1)))
    choice = choose_series(read_study(writer.folder))
    assert choice.series[Modality.T2].number == 4
    assert "covers 12 mm only" in reasons(choice)[30]


def test_a_contrast_that_is_not_there(tmp_path: Path) -> None:
    writer = Writer(tmp_path)
    for number, modality in enumerate((Modality.T1, Modality.FLAIR)):
        writer.classic(head(modality), AS_ACQUIRED[modality], number)
    writer.classic(head(Modality.T2), Acquired("AX PD", 15, 3000), 8)
    with pytest.raises(ChoiceError) as caught:
        choose_series(read_study(tmp_path))
    assert str(caught.value) == (
        "t1ce: must be a series of the study, got none of 3 that shows it for certain; and nothing for t2"
    )
    assert [row.picked for row in caught.value.rows] == [True, True, False]


def test_two_of_one_kind(writer: Writer) -> None:
    repeated = writer.classic(head(Modality.T2), Acquired("AX T2 repeat", 100, 4500), 40)
    study = read_study(writer.folder)
    with pytest.raises(ChoiceError) as caught:
        choose_series(study)
    assert str(caught.value) == "t2: must be one series, got 2 equally fine: series 4, series 40"
    assert "several are alike" in reasons(caught.value)[40]
    for name in ("40", repeated):
        choice = choose_series(study, wanted={Modality.T2: name})
        assert choice.series[Modality.T2].number == 40
        assert "as asked for" in reasons(choice)[40]
        assert "another was asked for" in reasons(choice)[4]


def test_words_that_no_rule_understands_can_be_overruled(writer: Writer) -> None:
    for path in (writer.folder / "s4").rglob("*.dcm"):
        path.unlink()
    writer.classic(head(Modality.T2), Acquired("Kopf"), 40)
    study = read_study(writer.folder)
    with pytest.raises(ChoiceError, match="t2: must be a series"):
        choose_series(study)
    assert choose_series(study, wanted={Modality.T2: "40"}).series[Modality.T2].number == 40


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({Modality.T2: "99"}, "t2: must be the number or UID of one series of the study, got 0 series"),
        ({Modality.T2: "4", Modality.T1: "4"}, "series: must be wanted for one contrast each"),
        ({Modality.T2: "None"}, "got 0 series"),
    ],
)
def test_wishes_that_can_not_be_met(writer: Writer, wanted: dict[Modality, str], message: str) -> None:
    with pytest.raises(LocalInputError, match=message):
        choose_series(read_study(writer.folder), wanted=wanted)


def test_a_stack_with_a_hole_is_used_for_nothing(writer: Writer) -> None:
    sorted((writer.folder / "s7").rglob("*.dcm"))[4].unlink()
    study = read_study(writer.folder)
    for wanted in ({}, {Modality.T1CE: "7"}):
        with pytest.raises(ChoiceError) as caught:
            choose_series(study, wanted=wanted)
        assert str(caught.value) == "t1ce: must have no slice missing, got 1 missing of 12"
        assert "1 missing of 12" in reasons(caught.value)[7]
    writer.classic(np.ones(SHAPE, np.uint16), AS_ACQUIRED[Modality.T1CE], 17)
    choice = choose_series(read_study(writer.folder))
    assert choice.series[Modality.T1CE].number == 17, "a whole one goes before a broken one"


def test_errors_hold_no_words_of_people(writer: Writer) -> None:
    writer.classic(head(Modality.T2), Acquired("AX T2 Jane Doe", 100, 4500), 40)
    with pytest.raises(ChoiceError) as caught:
        choose_series(read_study(writer.folder))
    assert "Doe" not in str(caught.value)
    assert not any("Doe" in row.reason for row in caught.value.rows)
