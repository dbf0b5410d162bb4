from __future__ import annotations

from imaging.metrics.hd95 import Hd95Definition
from imaging.metrics.markdown import render_markdown
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.policy import EmptyMaskPolicy, MetricStatus
from imaging.metrics.regions import MetricConventions, RegionMetrics
from imaging.metrics.summary import summarise
from imaging.regions import Region

CONVENTIONS = MetricConventions(Hd95Definition.DIRECTED_MAX, EmptyMaskPolicy.BRATS_2026, SpecificityDomain.BRAIN)
NAN = float("nan")


def table(text):
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    head, rule, *body = rows
    assert set(rule) == {"---"}
    return [dict(zip(head, row, strict=True)) for row in body]


def test_every_figure_stands_beside_its_counts_and_the_papers():
    cases = [
        {Region.ET: RegionMetrics(Region.ET, 0.8, 3.0, 0.75, 0.9991, MetricStatus.COMPUTED)},
        {Region.ET: RegionMetrics(Region.ET, 0.6, 5.0, 0.85, 0.9993, MetricStatus.COMPUTED)},
        {Region.ET: RegionMetrics(Region.ET, 0.0, 373.0, 0.0, 1.0, MetricStatus.PREDICTION_EMPTY)},
        {Region.ET: RegionMetrics(Region.ET, NAN, NAN, NAN, 1.0, MetricStatus.BOTH_EMPTY)},
    ]
    rows = table(render_markdown(summarise(cases, conventions=CONVENTIONS)))
    assert [row["metric"] for row in rows] == ["DSC", "HD95 (mm)", "Sensitivity", "Specificity"]
    dsc, hd95, _, specificity = rows
    assert dsc["95% interval"].startswith("0.000 to 0.")
    del dsc["95% interval"]
    assert dsc == {
        "metric": "DSC",
        "region": "ET",
        "mean": "0.467",
        "sd": "0.416",
        "median": "0.600",
        "n": "3",
        "empty": "2",
        "penalised": "1",
        "no value": "1",
        "paper, real only": "0.559",
        "paper, best arm": "0.607",
    }
    assert (hd95["mean"], hd95["paper, best arm"]) == ("127.0", "8.5")
    assert (specificity["mean"], specificity["n"], specificity["no value"]) == ("0.9996", "4", "0")


def test_what_has_no_value_is_a_dash():
    cases = [{Region.WT: RegionMetrics(Region.WT, NAN, NAN, NAN, 1.0, MetricStatus.BOTH_EMPTY)}]
    dsc = table(render_markdown(summarise(cases, conventions=CONVENTIONS)))[0]
    assert [dsc[column] for column in ("mean", "95% interval", "sd", "median", "n")] == ["-", "-", "-", "-", "0"]


def test_conventions_are_stated():
    cases = [{Region.WT: RegionMetrics(Region.WT, 0.5, 1.0, 0.5, 1.0, MetricStatus.COMPUTED)}] * 2
    text = render_markdown(summarise(cases, conventions=CONVENTIONS, seed=11))
    for statement in (
        "2 cases",
        "HD95 definition: directed_max",
        "Empty masks: brats_2026",
        "Specificity over: brain",
        "seed 11",
        "Table Three",
    ):
        assert statement in text
    assert text.endswith("\n")
