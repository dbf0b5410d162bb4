from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from imaging.modality import Modality
from serving.batch.spec import BuiltinEntry, CohortSpec, Layout, LibraryEntry, SpecError, load_spec, parse_spec
from tests.serving.batch.libraries import write_library

TEXT = """\
name: example
cases: 10
seed: 7
sources:
  - kind: builtin
  - {kind: library, path: maps, weight: 3}
lesion: {volume_ml: [10, 20]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_library(tmp_path / "maps")
    return tmp_path


def parse(text: str, folder: Path | None, *, confined: bool = False) -> CohortSpec:
    return parse_spec(text, name="cohort.yaml", folder=folder, confined=confined)


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("name: example", "name: other"),
        ("cases: 10", "cases: 11"),
        ("cases: 10", "cases: 10\nlayout: nnunet_raw"),
        ("cases: 10", "cases: 10\nlayout: nnunet_raw\nmodalities: [flair, t1]"),
        ("cases: 10", "cases: 10\nreplicas: {near_source: quarantine}"),
        ("kind: builtin", "{kind: builtin, weight: 1.0}"),
    ],
)
def test_digest_leaves_out_what_does_not_change_a_case(folder: Path, written: str, instead: str) -> None:
    assert parse(TEXT.replace(written, instead.replace("- {", "{")), folder).digest == parse(TEXT, folder).digest


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("seed: 7", "seed: 8"),
        ("weight: 3", "weight: 4"),
        ("  - kind: builtin\n", ""),
        ("[10, 20]", "[10, 21]"),
        ("volume_ml", "side: left, volume_ml"),
        ("volume_ml", "mirror: false, volume_ml"),
        ("volume_ml", "enhancement: {none: 1}, volume_ml"),
        ("seed: 7", "seed: 7\ngenerator: other"),
    ],
)
def test_digest_holds_what_a_case_follows_from(folder: Path, written: str, instead: str) -> None:
    assert parse(TEXT.replace(written, instead), folder).digest != parse(TEXT, folder).digest


def test_digest_knows_a_library_by_what_it_holds_not_by_its_place(folder: Path) -> None:
    write_library(folder / "elsewhere" / "maps")
    write_library(folder / "others", radii=(3.0,))
    moved = parse(TEXT.replace("path: maps", "path: elsewhere/maps"), folder)
    assert moved.digest == parse(TEXT, folder).digest
    assert parse(TEXT.replace("path: maps", "path: others"), folder).digest != moved.digest


def test_a_written_spec_is_the_same_spec_where_libraries_are_not_at_hand(folder: Path) -> None:
    spec = parse(TEXT, folder)
    there = parse(spec.to_yaml(), None)
    assert there.model_dump() == spec.model_dump()
    assert there.digest == spec.digest
    assert parse(there.to_yaml(), folder) == spec
    with pytest.raises(SpecError, match=r"cohort\.yaml:6:5: sources\.1\.digest: must be given"):
        parse(TEXT, None)


def test_a_pinned_library_must_be_the_one_that_is_there(folder: Path) -> None:
    digest = parse(TEXT, folder).sources[1].digest  # type: ignore[union-attr]
    assert parse(TEXT.replace("path: maps", f"path: maps, digest: {digest}"), folder) == parse(TEXT, folder)
    other = "0" * 64
    with pytest.raises(
        SpecError, match=rf"6:33: sources\.1\.digest: must be that of the library .*{digest}, got '0000"
    ):
        parse(TEXT.replace("path: maps", f"path: maps, digest: '{other}'"), folder)
    with pytest.raises(SpecError, match=r"sources\.1\.digest: must be 64 lower-case hex digits, got 'abc'"):
        parse(TEXT.replace("path: maps", "path: maps, digest: abc"), folder)


def test_paths_are_relative_to_the_specs_folder(folder: Path) -> None:
    (folder / "cohort.yaml").write_text(TEXT, encoding="utf-8")
    entry = load_spec(folder / "cohort.yaml").sources[1]
    assert isinstance(entry, LibraryEntry)
    assert entry.folder == folder / "maps"


def test_a_confined_spec_stays_in_its_folder(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "link").symlink_to(folder / "maps")
    (inner / "near").symlink_to(inner / "maps")
    write_library(inner / "maps")
    for path in ("../maps", str(folder / "maps"), "link", "../inner-2"):
        with pytest.raises(SpecError, match=r"sources\.1\.path: must stay inside the folder of libraries"):
            parse(TEXT.replace("path: maps", f"path: {path}"), inner, confined=True)
    assert parse(TEXT.replace("path: maps", "path: near"), inner, confined=True)
    assert parse(TEXT.replace("path: maps", "path: ../maps"), inner)


def test_a_damaged_library_is_a_fault_at_its_path(folder: Path) -> None:
    next((folder / "maps").glob("*.npz")).unlink()
    with pytest.raises(SpecError, match=r"cohort\.yaml:6:21: sources\.1\.path: must be a library .*, got 1 missing"):
        parse(TEXT, folder)


def test_nnunet_takes_any_contrasts_in_the_order_given() -> None:
    spec = parse("name: a\ncases: 1\nsources: [{kind: builtin}]\nlayout: nnunet_raw\nmodalities: [flair, t1]", None)
    assert spec.modalities == (Modality.FLAIR, Modality.T1)


def test_specs_made_in_code_keep_the_same_rules() -> None:
    made = CohortSpec(name="a", cases=1, sources=(BuiltinEntry(),), layout=Layout.BRATS_2018)
    assert made == parse("name: a\ncases: 1\nsources: [{kind: builtin}]\nlayout: brats_2018", None).model_copy()
    with pytest.raises(ValidationError):
        CohortSpec(name="a", cases=0, sources=(BuiltinEntry(),))
    with pytest.raises(ValidationError):
        made.cases = 2  # type: ignore[misc]
