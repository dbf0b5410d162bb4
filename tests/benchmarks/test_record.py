"""Records come back as they were kept, and fill their places on the page."""

import subprocess

import pytest

from benchmarks.__main__ import QUICK, parse_arguments, run
from benchmarks.machine import Machine, this_machine
from benchmarks.record import Claim, Record, Table, kept, publish
from benchmarks.tables import PAGE, fill

MACHINE = Machine("a processor", 2, ["avx2"], 15.6, "", 0.1, "Linux 6, Python 3", ["numpy 2"], "abc+")
RECORD = Record(
    name="exam",
    options={"pairs": "3", "torch_slices": "8"},
    claims=[Claim("product against loop", "at least 8 times", "9.0 (8.5 to 9.5)", met=True)],
    tables=[Table("Seconds.", ["way", "s"], [["ours", "1"], ["loop", "9"]])],
    notes=["Served: something."],
    machine=MACHINE,
    when="2030-01-02 03:04",
)
DONE = subprocess.CompletedProcess([], 0)


def test_a_record_comes_back_from_its_json():
    assert Record.from_json(RECORD.to_json()) == RECORD


def test_what_is_no_record_is_refused():
    with pytest.raises(ValueError, match="record of a benchmark"):
        Record.from_json('{"name": "exam"}')


def test_a_row_must_fit_its_table():
    with pytest.raises(ValueError, match="2 columns"):
        Table("Seconds.", ["way", "s"], [["ours"]])


def test_markdown_holds_claims_tables_options_and_machine():
    text = RECORD.markdown()
    assert "| product against loop | at least 8 times | 9.0 (8.5 to 9.5) | yes |" in text
    assert "| ours | 1 |\n| loop | 9 |" in text
    assert "`python -m benchmarks.exam --pairs 3 --torch-slices 8`, 2030-01-02 03:04 UTC." in text
    assert "a processor, 2 cores (avx2), 16 GiB, no GPU" in text


def test_a_missed_target_is_told_as_missed(tmp_path, capsys):
    missed = Claim("overhead", "below 10 %", "12.0 %", met=False)
    publish(Record("load", {}, [missed], machine=MACHINE), tmp_path)
    assert capsys.readouterr().out.endswith("MISSED   overhead: 12.0 % (target: below 10 %)\n")
    record = kept(tmp_path, "load")
    assert record is not None
    assert record.claims == [missed]
    assert kept(tmp_path, "exam") is None


def test_places_are_filled_and_the_text_around_them_stays():
    places = [
        "<!-- benchmark: exam -->\nold\n<!-- end of exam -->",
        "<!-- benchmark: load -->\nkept\n<!-- end of load -->",
    ]
    page = f"before\n{places[0]}\nbetween\n{places[1]}\n"
    filled, missing = fill(page, lambda name: RECORD if name == "exam" else None)
    assert missing == ["load"]
    assert filled == page.replace("old", RECORD.markdown())
    assert fill(filled, lambda name: RECORD if name == "exam" else None)[0] == filled


def test_the_page_has_a_place_for_every_benchmark():
    _, places = fill(PAGE.read_text(encoding="utf-8"), lambda _: None)
    assert sorted(places) == sorted(QUICK)


def test_what_was_measured_before_is_passed_over(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr("benchmarks.__main__.subprocess.run", lambda command, **_: started.append(command) or DONE)
    (tmp_path / "exam.json").write_text(RECORD.to_json())
    assert run("exam", parse_arguments(["--results", str(tmp_path)]))
    assert started == []
    assert run("exam", parse_arguments(["--results", str(tmp_path), "--again", "--quick"]))
    assert started[0][2:] == ["benchmarks.exam", "--results", str(tmp_path), *QUICK["exam"]]


def test_unknown_benchmarks_are_refused(capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["exams"])
    assert "no benchmark is named exams" in capsys.readouterr().err


def test_this_machine_is_described():
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.memory_gib > 0
    assert any(package.startswith("numpy ") for package in machine.packages)
    assert f"{machine.cores} cores" in machine.text()
