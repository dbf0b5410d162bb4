"""`report.html`: one file that opens offline, without scripts, and is read from top to bottom in a minute."""

from __future__ import annotations

from datetime import datetime
from html import escape
from importlib import resources
from string import Template

from glioserve.documents import DISCLAIMER
from glioserve.render import quality, sections
from glioserve.render.figure import figure_of
from glioserve.render.overlay import CONVENTION
from glioserve.render.palette import BACKGROUND, BRAIN_RGB, REGION_RGB, css
from glioserve.render.scene import Scene
from glioserve.results import SegmentationResult
from glioserve.terms import Region
from glioserve.version import __version__
from glioserve.wording import seconds


def report_html(result: SegmentationResult, scene: Scene, *, created: datetime) -> str:
    """The report of an exam.

    Args:
        result: The exam's result.
        scene: What is drawn of it.
        created: When it was made, with its time zone.
    """
    figure = figure_of(scene)
    template = Template((resources.files("glioserve.render") / "report.template.html").read_text(encoding="utf-8"))
    return template.substitute(
        disclaimer=DISCLAIMER,
        colour_wt=css(REGION_RGB[Region.WT]),
        colour_tc=css(REGION_RGB[Region.TC]),
        colour_et=css(REGION_RGB[Region.ET]),
        colour_brain=css(BRAIN_RGB),
        colour_dark=css(BACKGROUND),
        created=escape(created.strftime("%Y-%m-%d %H:%M %Z")),
        created_iso=escape(created.isoformat(timespec="seconds")),
        brief=quality.brief(result, scene),
        findings=quality.findings(result.findings),
        callouts=sections.callouts(result),
        cards=sections.cards(result),
        composition=sections.composition(result),
        inputs=figure.inputs,
        tabs=figure.tabs,
        toggles=figure.toggles,
        frames=figure.frames,
        convention=CONVENTION,
        preparation=quality.preparation(scene),
        scores=sections.scores(result),
        timings=sections.timings(result),
        total=seconds(result.total_s),
        models=sections.models(result),
        label_scheme=escape(result.label_map.label_scheme.value),
        engine=escape(result.engine),
        server_version=escape(result.server_version),
        client_version=escape(__version__),
    )
