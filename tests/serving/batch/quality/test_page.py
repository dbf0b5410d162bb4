from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.modality import Modality
from imaging.phantom.lesion import Enhancement
from serving.batch.quality import MONTAGE_CASES, choose_cases, picture_of, render_quality
from serving.batch.quality.facts import ReplicaFacts, enhancement_shares, source_shares, volumes_of, within_range
from serving.batch.quality.places import MAX_POINTS
from serving.batch.quality.sections import MAX_FAILURES
from serving.batch.spec import EnhancementMix, LesionSpec, NearSource, ReplicaSpec, WantedSide
from tests.serving.batch.quality.cases import exam_and_regions, provenance, spec, verdict


class Words(HTMLParser):
    """The text that a page shows, and whether its tags match."""

    def __init__(self, html):
        super().__init__()
        self.text, self.open = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, _attrs):
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"style", "title"}:
            self.text.append(data)

    @property
    def words(self):
        assert self.open == []
        return " ".join(" ".join(self.text).split())


def pictures(cases):
    return [picture_of(case.case_id, *exam_and_regions(case.index)) for case in choose_cases(cases)]


def page(cases, *, asked=None, **how):
    return render_quality(asked or spec(20), cases, pictures(cases), **how)


def words(*args, **how):
    return Words(page(*args, **how)).words


def test_the_page_says_what_was_asked_and_what_came():
    text = words([provenance(index) for index in range(14)], failed={15: "the tumour did not fit"})
    for told in (
        "Synthetic cohort example",
        "Synthetic exams of nobody. Research software, not a medical device.",
        "in the cohort 14 of 20 asked for",
        "quarantined 0",
        "failed 1",
        "not made yet 5",
        "10 to 120 ml",
        "asked for WT, which 13 of 14 cases keep to. The median case misses the volume it was aimed at by 2.00%",
        "10.2 · 69.9 · 130 ml",
        "ring 9 64% asked 60%",
        "nodular 3 21% asked 20%",
        "none 2 14% asked 20%",
        "built-in 14 100% asked 100%",
        "right 7 50% left 7 50%",
        "0 of 14 cases",
        "1.7% limit 20.0%",
        "exceeds 0.700, which 1% of real slices",
        "case 15 the tumour did not fit",
        "generator_joint, version 1 " + "e" * 64,
        "replica index " + "c" * 64,
        spec(20).digest,
        "numpy 2.4.6, python 3.11.7",
        "BraTS-SYN-00000-000 WT 10.2 TC 4.1 ET 2.0 ml left, ring, builtin",
        "without in 2",
    ):
        assert told in text, told


def test_the_same_arguments_give_the_same_bytes_in_any_order():
    cases = [provenance(index) for index in range(9)]
    shown = pictures(cases)
    assert render_quality(spec(), cases, shown) == render_quality(spec(), cases[::-1], shown)


def test_nothing_is_loaded_and_nothing_runs():
    html = page([provenance(index) for index in range(3)])
    assert not re.search(r"<script|<link|<iframe|\son\w+=|\sstyle=|url\(|@import|https?:", html)
    assert {href.split(",")[0] for href in re.findall(r'href="([^"]*)"', html)} == {
        "data:image/png;base64",
        "#lines-0",
        "#lines-1",
        "#lines-2",
    }
    assert "default-src 'none'; img-src data:; style-src 'sha256-" in html


def test_names_and_reasons_can_not_break_the_page():
    evil = '<b onclick="x">&'
    html = page([provenance(0)], failed={3: evil})
    assert evil not in html
    assert evil in Words(html).words


def test_a_finished_cohort_has_no_open_cases():
    text = words([provenance(index) for index in range(10)], asked=spec(10))
    assert "not made yet" not in text
    assert "Failed cases" not in text


def test_many_failures_are_not_told_one_by_one():
    text = words([], failed=dict.fromkeys(range(MAX_FAILURES + 5), "no"))
    assert "case 11 no and 5 more" in text
    assert "case 12" not in text


def test_a_cohort_without_a_case_is_a_page_too():
    text = words([])
    assert "in the cohort 0 of 20 asked for" in text
    assert "No case was judged" in text


def test_replicas_and_near_sources_are_counted_among_quarantined_cases_too():
    released = [provenance(0), provenance(1, replica=verdict(near=True))]
    quarantined = [provenance(2, replica=verdict(60)), provenance(3, replica=verdict(90, near=True))]
    text = words(released, quarantined=quarantined)
    assert "quarantined 2" in text
    assert "2 of 4 cases. A replica" in text
    assert "75.0% limit 20.0%" in text
    assert "2 cases drawn from the own map of a training patient: released" in text
    strict = spec(20, replicas=ReplicaSpec(near_source=NearSource.QUARANTINE))
    assert "training patient: set aside, as the spec asks" in words(released, asked=strict)


def test_cases_that_were_not_judged_are_told():
    text = words([provenance(0), provenance(1, judged=False), provenance(2, replica=verdict(0, slices=0))])
    assert "0 of 1 case" in text
    assert "2 cases not judged" in text
    facts = ReplicaFacts.of([provenance(1, judged=False)])
    assert (facts.judged, facts.unjudged, facts.limits) == (0, 1, ())


def test_a_wanted_side_is_asked_for():
    asked = spec(20, lesion=LesionSpec(side=WantedSide.LEFT))
    assert "right 7 50% asked 0% left 7 50% asked 100%" in words([provenance(i) for i in range(14)], asked=asked)


def test_of_many_cases_some_are_drawn():
    cases = [provenance(index, wt_ml=20.0) for index in range(MAX_POINTS + 1)]
    html = render_quality(spec(1000), cases, [])
    assert html.count("<circle") == 3 * 251
    assert "251 of 501 cases, evenly chosen" in html


@settings(deadline=None, max_examples=30)
@given(volumes=st.lists(st.floats(0.5, 400), max_size=12))
def test_any_volumes_fit_the_chart(volumes):
    cases = [provenance(index, wt_ml=volume) for index, volume in enumerate(volumes)]
    html = render_quality(spec(20), cases, [])
    bars = re.findall(r'<rect class="fill" x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" rx', html)
    assert all(0 <= float(x) <= 360 and float(y) >= 0 for x, y, _ in bars)
    counted = [int(count) for count in re.findall(r"ml: (\d+)</title>", html)]
    assert sum(counted) == sum(len(each.values_ml) for each in volumes_of(cases))


@given(count=st.integers(0, 40), wanted=st.integers(1, 8))
@settings(deadline=None, max_examples=40)
def test_chosen_cases_are_from_small_to_large(count, wanted):
    cases = [provenance(index) for index in range(count)]
    chosen = choose_cases(cases[::-1], wanted)
    assert [case.index for case in chosen] == sorted({case.index for case in chosen})
    assert len(chosen) == min(count, wanted)
    if count > wanted > 1:
        assert (chosen[0].index, chosen[-1].index) == (0, count - 1)
    assert chosen == choose_cases(cases, wanted)


def test_few_cases_are_shown_whatever_the_cohort():
    assert len(choose_cases([provenance(index) for index in range(50)])) == MONTAGE_CASES


def test_shares_are_of_cases():
    cases = [provenance(index) for index in range(5)]
    mixed = spec(5, lesion=LesionSpec(enhancement=EnhancementMix(ring=1.0)))
    assert [(each.name, each.asked, each.came) for each in enhancement_shares(mixed, cases)] == [
        (Enhancement.RING, 1.0, 3),
        (Enhancement.NODULAR, 0.0, 1),
        (Enhancement.NONE, 0.0, 1),
    ]
    (only,) = source_shares(mixed, cases)
    assert (only.name, only.asked, only.came, only.share) == ("built-in", 1.0, 5, 1.0)


@pytest.mark.parametrize(("value", "inside"), [(9.6, 1), (9.4, 0), (125.0, 1), (127.0, 0)])
def test_a_range_has_a_tolerance(value, inside):
    assert within_range([value], (10.0, 120.0)) == inside


def test_contrasts_that_are_not_written_are_not_shown():
    case = provenance(0)
    picture = picture_of(case.case_id, *exam_and_regions(modalities=(Modality.FLAIR, Modality.T1CE)))
    text = Words(render_quality(spec(1), [case], [picture])).words
    assert "T1CE FLAIR BraTS-SYN-00000-000" in text
