"""What a series is taken for: descriptions and parameters as scanners of three makers write them."""

from __future__ import annotations

import pytest
from glioserve import Modality
from glioserve.dicom.series import Acquisition
from glioserve.dicom.weighting import weigh
from glioserve.dicom.words import normal
from hypothesis import given
from hypothesis import strategies as st

T1, T1CE, T2, FLAIR = Modality.T1, Modality.T1CE, Modality.T2, Modality.FLAIR
ORIGINAL = frozenset({"ORIGINAL", "PRIMARY", "M"})


def acquired(
    description: str = "",
    te: float | None = None,
    tr: float | None = None,
    ti: float | None = None,
    *,
    scanning: str = "SE",
    agent: bool | None = None,
    image_type: frozenset[str] = ORIGINAL,
    **more: object,
) -> Acquisition:
    values: dict[str, object] = {
        "protocol": "",
        "contrast": frozenset(),
        "diffusion": False,
        "angiography": False,
        "time_points": 1,
        "echoes_ms": () if te is None else (te,),
        **more,
    }
    return Acquisition(
        description=description,
        repetition_ms=tr,
        inversion_ms=ti,
        scanning=frozenset(scanning.split("\\")),
        agent=agent,
        image_type=image_type,
        **values,
    )


@pytest.mark.parametrize(
    ("expected", "acquisition"),
    [
        # words and parameters
        (T1, acquired("AX T1", 10, 500)),
        (T1, acquired("t1_mprage_sag_p2_iso", 2.3, 2000, 900, scanning="GR\\IR")),
        (T1, acquired("Sag FSPGR BRAVO", 3.2, 8.2, 450, scanning="GR")),
        (T1, acquired("sT1W_3D_TFE", 3.7, 8.1, scanning="GR")),
        (T1, acquired("AX T1 FLAIR", 9, 2200, 860, scanning="SE\\IR")),
        (T1, acquired("AX T1 FLAIR", 9, 2200)),
        (T1CE, acquired("AX T1 +C", 10, 500)),
        (T1CE, acquired("AX T1 POST GAD", 10, 500)),
        (T1CE, acquired("t1_mprage_tra_KM", 2.3, 2000, 900, scanning="GR\\IR")),
        (T1CE, acquired("T1W_CE", 10, 500)),
        (T1CE, acquired("3D T1c", 3, 8, scanning="GR")),
        (T1CE, acquired("+C Ax T1 FSE", 10, 600)),
        (T2, acquired("AX T2 FSE", 100, 4500)),
        (T2, acquired("T2W_TSE", 80, 3000)),
        (T2, acquired("t2_space_sag_p2_iso", 408, 3200)),
        (FLAIR, acquired("AX T2 FLAIR", 130, 9000, 2300)),
        (FLAIR, acquired("t2_tirm_tra_dark-fluid", 90, 9000, 2500, scanning="SE\\IR")),
        (FLAIR, acquired("t2_tirm_tra", 90, 9000, 2500, scanning="SE\\IR")),
        (FLAIR, acquired("3D CUBE FLAIR", 120, 6000, 1750)),
        (FLAIR, acquired("FLAIR", 120, 11000)),
        # the header alone
        (T1, acquired("", 10, 500)),
        (T1CE, acquired("head", 10, 500, agent=True)),
        (T2, acquired("AX FSE", 100, 4500)),
        (FLAIR, acquired("AX FSE IR", 130, 9000, 2300)),
        (T2, acquired("x", contrast=frozenset({"T2"}))),
        (FLAIR, acquired("x", contrast=frozenset({"FLUID_ATTENUATED"}))),
        # words alone, as after parameters were removed
        (T1, acquired("T1")),
        (T1, acquired("T1 pre contrast")),
        (T1CE, acquired("T1 post-contrast")),
        (T2, acquired("T2")),
        (FLAIR, acquired("FLAIR")),
        # the agent: words before the header
        (T1CE, acquired("AX T1", 10, 500, agent=True)),
        (T1, acquired("AX T1 PRE", 10, 500, agent=True)),
        (T1, acquired("AX T1 W/O", 10, 500, agent=True)),
        (T1, acquired("T1 non-contrast", 10, 500)),
        (T1CE, acquired("AX T1 POST", 10, 500, agent=False)),
        (T1, acquired("AX T1 POST FOSSA", 10, 500)),
        # the protocol where the description says nothing
        (T2, acquired("Axial", protocol="t2_tse_tra")),
        (T1, acquired("AX T1", 10, 500, protocol="BRAIN W/WO + DTI + PERFUSION")),
        (FLAIR, acquired("AX FLAIR +C", 130, 9000, 2300, agent=True)),
    ],
)
def test_what_it_is(expected: Modality, acquisition: Acquisition) -> None:
    verdict = weigh(acquisition)
    assert verdict.modality is expected, verdict.reason


@pytest.mark.parametrize(
    ("reason", "acquisition"),
    [
        ("derived", acquired("AX T1", 10, 500, image_type=frozenset({"DERIVED", "SECONDARY"}))),
        ("derived", acquired("t1_mprage_MPR_cor", 2, 2000, 900, image_type=frozenset({"DERIVED", "MPR"}))),
        ("localizer", acquired("3-plane loc", 1.6, 5, scanning="GR")),
        ("localizer", acquired("AAHead_Scout", 1.6, 5, scanning="GR")),
        ("localizer", acquired("T1", 4, 8, scanning="GR", image_type=ORIGINAL | {"LOCALIZER"})),
        ("diffusion", acquired("ep2d_diff_3scan_trace_p2", 89, 6600, scanning="EP")),
        ("diffusion", acquired("DWI b1000", 80, 8000)),
        ("diffusion", acquired("ADC", 80, 8000)),
        ("diffusion", acquired("Apparent Diffusion Coefficient (mm2/s)", 80, 8000)),
        ("diffusion", acquired("AX", 80, 8000, diffusion=True)),
        ("diffusion", acquired("AX", 80, 8000, contrast=frozenset({"DIFFUSION"}))),
        ("perfusion", acquired("ep2d_perf_p2", 30, 1500, scanning="EP")),
        ("perfusion", acquired("T1 DCE", 1.2, 5, scanning="GR")),
        ("perfusion", acquired("rCBV", 30, 1500)),
        ("points in time", acquired("T1", 2, 5, scanning="GR", time_points=40)),
        ("echo planar", acquired("AX T2 EPI", 80, 4000, scanning="EP")),
        ("angiography", acquired("TOF 3D multi slab", 3.4, 22, scanning="GR")),
        ("angiography", acquired("AX T1", 3.4, 22, scanning="GR", angiography=True)),
        ("projection", acquired("MIP T1 +C", 3, 8, scanning="GR")),
        ("projection", acquired("T1", 3, 8, scanning="GR", image_type=ORIGINAL | {"PROJECTION IMAGE"})),
        ("susceptibility", acquired("AX SWAN", 25, 40, scanning="GR")),
        ("susceptibility", acquired("AX T2* GRE", 20, 600, scanning="GR")),
        ("susceptibility", acquired("AX GRE", 20, 600, scanning="GR")),
        ("phase", acquired("Pha_Images", 10, 500)),
        ("phase", acquired("T1", 10, 500, image_type=frozenset({"ORIGINAL", "PRIMARY", "P", "ND"}))),
        ("difference", acquired("T1 SUB", 10, 500)),
        ("fat-suppressed", acquired("COR T2 STIR", 60, 4000, 150)),
        ("suppressed by inversion", acquired("COR T2", 80, 4000, 150)),
        ("steady state", acquired("CISS 3D T2", 3, 6, scanning="GR")),
        ("relaxation", acquired("T1 map", 3, 6, scanning="GR")),
        ("part of the body", acquired("SAG T2 C-SPINE", 100, 4500)),
        ("several echoes", acquired("AX PD/T2", None, 3000, echoes_ms=(20.0, 90.0))),
        # contradictions
        ("words for t1, timing T2-weighted", acquired("AX T1", 100, 4500)),
        ("words for t2, timing T1-weighted", acquired("AX T2", 10, 500)),
        ("words for flair, timing T1-weighted", acquired("AX FLAIR", 10, 500)),
        ("words for t2, timing weighted by proton density", acquired("AX T2", 15, 3000)),
        ("no words", acquired("AX PD", 15, 3000)),
        ("no words for a contrast, timing not stated", acquired("brain")),
        ("no words for a contrast, timing not stated", acquired("T1 T2")),
        ("no words for a contrast, timing not stated", acquired("t2_tirm_tra")),
    ],
)
def test_what_it_is_not(reason: str, acquisition: Acquisition) -> None:
    verdict = weigh(acquisition)
    assert verdict.modality is None, verdict.reason
    assert reason in verdict.reason


@given(st.text(max_size=60), st.text(max_size=30))
def test_words_of_any_kind_do_no_harm(description: str, protocol: str) -> None:
    verdict = weigh(acquired(description, protocol=protocol, image_type=frozenset()))
    assert verdict.reason
    assert normal(normal(description)) == normal(description)


@given(
    st.sampled_from([T1, T2, FLAIR]),
    st.sampled_from(["diffusion", "angiography"]),
)
def test_flags_outweigh_words(modality: Modality, flag: str) -> None:
    assert weigh(acquired(modality.value, **{flag: True})).modality is None
