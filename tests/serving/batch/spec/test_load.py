from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.batch.spec import CohortSpec, SpecError, load_spec, parse_spec
from serving.batch.spec.load import MAX_BYTES
from serving.batch.spec.nodes import MAX_DEPTH

HEAD = "name: example\ncases: 3\nsources: [{kind: builtin}]\n"
NO_LIBRARY = "must be a library of brain maps: library must be a folder with a library.json, got none"
WRONG = """\
name: Example
cases: ten
seed: -1
sources:
  - kind: builtin
    weigth: 1
  - kind: libary
    path: maps
  - kind: library
    path: maps
  - weight: 3
lesion:
  volume_ml: [120, 10]
  side: lft
  enhancement: {ring: 0.6, nodular: 0.2, none: 0.3}
  shift_mm: [1]
  depth_mm: yes
  elastic_mm: [0, 40]
  elastic_mm: [0, 4]
  rotation_deg: &turn .nan
  mirror: *turn
modalities: [t1, t1]
layout: brats
replica: {near_source: release}
replicas: {near_source: [release]}
"""
FAULTS = f"""\
cohort.yaml:1:1: name: must be 1 to 40 of a-z, 0-9 and -, a letter or digit at both ends, got 'Example'
cohort.yaml:2:1: cases: must be a whole number, got 'ten'
cohort.yaml:3:1: seed: must be 0 to 4294967295, got -1
cohort.yaml:6:5: sources.0.weigth: must be a known key, got 'weigth'; did you mean weight?
cohort.yaml:7:5: sources.1: must have a kind, one of builtin, library, got 'libary'; did you mean library?
cohort.yaml:10:5: sources.2.path: {NO_LIBRARY}
cohort.yaml:11:5: sources.3: must have a kind, one of builtin, library, got a mapping
cohort.yaml:13:3: lesion.volume_ml: must hold the smaller number first, got [120, 10]
cohort.yaml:14:3: lesion.side: must be one of left, right, any, got 'lft'; did you mean left?
cohort.yaml:15:3: lesion.enhancement: must hold shares that add up to 1, got a sum of 1.1
cohort.yaml:16:3: lesion.shift_mm: must hold 2 numbers, got [1]
cohort.yaml:17:3: lesion.depth_mm: must be a number, got 'yes'
cohort.yaml:18:19: lesion.elastic_mm.1: must be 0 to 4, got 40
cohort.yaml:19:3: lesion.elastic_mm: must be given once, got it again, after line 18
cohort.yaml:20:3: lesion.rotation_deg: must be without an anchor, got &turn
cohort.yaml:21:3: lesion.mirror: must be written out, got the alias *turn
cohort.yaml:22:1: modalities: must name 1 to 4, each once, got ['t1', 't1']
cohort.yaml:23:1: layout: must be one of brats_2018, brats_2023, nnunet_raw, got 'brats'; did you mean brats_2023?
cohort.yaml:24:1: replica: must be a known key, got 'replica'; did you mean replicas?
cohort.yaml:25:12: replicas.near_source: must be one of release, quarantine, got ['release']; did you mean release?
"""


def parse(text: str | bytes) -> CohortSpec:
    return parse_spec(text, name="cohort.yaml", folder=None)


def faults(text: str | bytes) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse(text)
    return str(caught.value).splitlines()


def test_all_faults_are_told_at_once_each_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "cohort.yaml"
    path.write_text(WRONG, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    assert str(caught.value).splitlines() == FAULTS.splitlines()
    assert (caught.value.field, caught.value.got) == ("name", "'Example'")
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert str(again) == str(caught.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("seed: 1.0", "4:1: seed: must be a whole number, got 1.0"),
        ("seed: true", "4:1: seed: must be a whole number, got true"),
        ("seed: '7'", "4:1: seed: must be a whole number, got '7'"),
        ("seed: null", "4:1: seed: must be a whole number, got nothing"),
        (f"seed: {'9' * 300}", f"4:1: seed: must be a whole number, got '{'9' * 56}..."),
        ("lesion: [1]", "4:1: lesion: must be a mapping, got [1]"),
        ("lesion: {volume_ml: 10}", "4:10: lesion.volume_ml: must be a list, got 10"),
        ("lesion: {volume_ml: [10, 20, 30]}", "4:10: lesion.volume_ml: must hold 2 numbers, got [10, 20, 30]"),
        ("lesion: {volume_ml: [10, 1500]}", "4:26: lesion.volume_ml.1: must be 0.5 to 400, got 1500"),
        ("lesion: {volume_ml: [10, .inf]}", "4:26: lesion.volume_ml.1: must be 0.5 to 400, got inf"),
        (
            "lesion: {volume_ml: [10, 300]}",
            "4:10: lesion.volume_ml: must be 5 to 180, which is what the source builtin can grow, got 10 to 300",
        ),
        (
            "lesion: {enhancement: {ring: 0, none: 0}}",
            "4:10: lesion.enhancement: must hold shares that add up to 1, got a sum of 0",
        ),
        ("lesion: {mirror: yes}", "4:10: lesion.mirror: must be true or false, got 'yes'"),
        ("lesion: {shift_mm: [0, 251]}", "4:24: lesion.shift_mm.1: must be 0 to 250, got 251"),
        ("modalities: []", "4:1: modalities: must name 1 to 4, each once, got []"),
        (
            "modalities: [flair]",
            "4:1: modalities: must hold all of t1, t1ce, t2, flair, as readers of brats_2023 need them, got ['flair']",
        ),
        (
            "modalities: [t1, t1c]",
            "4:18: modalities.1: must be one of t1, t1ce, t2, flair, got 't1c'; did you mean t1ce?",
        ),
        ("generator: joint-2", "4:1: generator: must be 1 to 40 of a-z, 0-9 and _, got 'joint-2'"),
        (
            "seed: !!python/object:os.system 1",
            "4:1: seed: must be without a tag, got tag:yaml.org,2002:python/object:os.system",
        ),
        ("<<: {seed: 1}", "4:1: <<: must be a known key, got '<<'"),
        ("? [1, 2]\n: 3", "4:3: spec: must have text for keys, got another key"),
        ('generator: "\\uD800"', "4:1: generator: must be text, got half of a surrogate pair"),
        ("--- {}", "4:1: spec: must hold one document, got a second one"),
    ],
)
def test_each_fault_says_where_what_and_why(line: str, expected: str) -> None:
    assert faults(HEAD + line) == [f"cohort.yaml:{expected}"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["1:1: spec: must hold the keys of a cohort, got an empty file"]),
        ("# nothing\n", ["1:1: spec: must hold the keys of a cohort, got an empty file"]),
        ("null", ["1:1: spec: must hold the keys of a cohort, got an empty file"]),
        ("- a", ["1:1: spec: must be a mapping, got ['a']"]),
        ("cases: 1", ["1:1: name: must be given, got nothing", "1:1: sources: must be given, got nothing"]),
        ("name: a\ncases: 1\nsources: []", ["3:1: sources: must hold 1 to 64 sources, got []"]),
        (
            "name: a\ncases: 0\nsources: [{kind: builtin, weight: 0}]",
            ["2:1: cases: must be 1 to 100000, got 0", "3:1: sources: must hold a weight above 0, got [a mapping]"],
        ),
        (
            "name: [a\ncases: 1",
            ["2:6: yaml: must be valid YAML, got expected ',' or ']', but got ':' (while parsing a flow sequence)"],
        ),
        (
            "name: a\n\tcases: 1",
            ["2:1: yaml: must be valid YAML, got found character '\\t' that cannot start any token"],
        ),
        ("name: a\ncases: \x07", ["2:8: yaml: must hold printable text, got the character U+0007"]),
        (b"name: a\ncases: \xff", ["2:8: spec: must be UTF-8, got the byte 0xFF"]),
        ("name: a\n" + "#" * MAX_BYTES, [f"1:1: spec: must hold at most {MAX_BYTES} bytes, got more"]),
    ],
)
def test_what_is_no_spec_at_all_is_refused(text: str | bytes, expected: list[str]) -> None:
    found = faults(text)
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(f"cohort.yaml:{start}")


def test_deep_nesting_is_refused_without_recursion() -> None:
    [fault] = faults("name: " + "[" * 30_000)
    assert f"must not be deeper than {MAX_DEPTH}" in fault


def test_aliases_are_not_expanded() -> None:
    """A billion laughs: each level names the one before ten times."""
    levels = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    found = faults("\n".join(levels))
    assert sum("must be written out" in fault for fault in found) == 90


def test_a_file_that_is_not_there_is_a_fault_too(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^cohort\.yaml: spec: must be a file that can be read, got no such file"):
        load_spec(tmp_path / "cohort.yaml")


def test_defaults_are_those_of_the_documentation() -> None:
    spec = parse(HEAD)
    assert (spec.seed, spec.generator, spec.layout, len(spec.modalities)) == (0, "joint", "brats_2023", 4)
    assert spec.lesion.volume_ml == (10, 120)
    assert spec.lesion.enhancement.shares == {"ring": 0.6, "nodular": 0.2, "none": 0.2}


def test_a_byte_order_mark_is_no_fault() -> None:
    assert parse("\ufeff" + HEAD) == parse(HEAD) == parse(HEAD.encode("utf-8-sig"))


def test_numbers_are_those_of_yaml_1_2() -> None:
    spec = parse(HEAD + "seed: 010\nlesion: {volume_ml: [1e1, +2.5E+1], depth_mm: .5}")
    assert (spec.seed, spec.lesion.volume_ml, spec.lesion.depth_mm) == (10, (10, 25), 0.5)


@settings(max_examples=100, deadline=None)
@given(st.text() | st.binary())
def test_whatever_is_read_is_a_spec_or_a_spec_error(text: str | bytes) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text)
    assert caught.value.faults


_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_keys = st.sampled_from(
    ["name", "cases", "seed", "sources", "lesion", "kind", "path", "volume_ml", "enhancement", "ring"]
)
_trees = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4), max_leaves=12
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_keys, _trees, max_size=6))
def test_any_tree_in_the_place_of_a_spec_is_explained(tree: object) -> None:
    text = yaml.dump(tree, allow_unicode=True)
    try:
        parse(text)
    except SpecError as error:
        lines = text.splitlines()
        for fault in error.faults:
            assert 1 <= fault.line <= len(lines) + 1
            assert fault.rule.startswith("must ")
