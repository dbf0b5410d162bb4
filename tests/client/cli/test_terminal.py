"""What a person at a terminal sees."""

from __future__ import annotations

import io
from pathlib import Path

import glioserve as gs
from glioserve.cli.meter import Meter
from glioserve.cli.tables import Table, evaluation_parts, info_parts, segmentation_parts, show
from rich.console import Console

from tests.client import exams


def terminal() -> tuple[Console, io.StringIO]:
    screen = io.StringIO()
    return Console(file=screen, force_terminal=True, width=120, color_system=None), screen


def test_a_bar_with_the_queue_stages_and_early_regions(client: gs.Client, case_dir: Path) -> None:
    console, screen = terminal()
    with Meter(console) as meter:
        meter.on_progress(gs.Queued(4))
        client.segment(case_dir, on_progress=meter.on_progress, on_partial=meter.on_partial)
        meter.on_partial(gs.RegionVolume(gs.Region.ET, 0.0, 0, 0))
    shown = screen.getvalue()
    assert "WT  Whole tumour: 4.12 ml" in shown
    assert "ET  Enhancing tumour: none found" in shown
    assert "Segment ET" in shown
    assert "1/1" in shown


def test_no_bar_where_there_is_no_terminal(client: gs.Client, case_dir: Path) -> None:
    pipe = io.StringIO()
    with Meter(Console(file=pipe, force_terminal=False)) as meter:
        client.segment(case_dir, on_progress=meter.on_progress, on_partial=meter.on_partial)
    assert pipe.getvalue() == ""


def test_tables_are_drawn(client: gs.Client, scored_dir: Path) -> None:
    console, screen = terminal()
    path = exams.exam_files(scored_dir).t1
    show(segmentation_parts(client.segment(scored_dir)), console)
    show(evaluation_parts(client.evaluate(path, path, label_scheme=gs.LabelScheme.MSD)), console)
    show(info_parts(client.info(), client.health()), console)
    shown = screen.getvalue()
    assert shown.count("┏") >= 5
    assert "The model saw <b>no</b> such case." in shown


def test_a_servers_text_is_shown_and_not_obeyed() -> None:
    for console, screen in (terminal(), (Console(file=(pipe := io.StringIO())), pipe)):
        show(["[red]x[/red] \x1b[2J", Table(("[b]A",), [("\x1b]0;title\x07",)])], console)
        shown = screen.getvalue()
        assert "[red]x[/red] ?[2J" in shown
        assert "\x1b]0" not in shown
        assert "?]0;title?" in shown
