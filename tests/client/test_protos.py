"""The stubs in the tree are those of the .proto files beside them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import glioserve
import pytest

from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.regions import TISSUES_OF, Region

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "client" / "generate_protos.py"
CONTRACT = ROOT / "client" / "glioserve" / "v1"


def stubs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*_pb2*.py*")}


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_protos", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_regenerated_stubs_equal_those_in_the_tree(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, "--out", tmp_path], check=True, capture_output=True)
    made = stubs(tmp_path / "glioserve" / "v1")
    kept = stubs(CONTRACT)
    assert set(made) == set(kept)
    assert len(made) == 4 * len(list(CONTRACT.glob("*.proto")))
    assert [name for name in made if made[name] != kept[name]] == [], "run `make protos`"


def test_a_missing_plugin_is_named(script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(script, "PLUGINS", ("protoc-gen-of-nobody",))
    with pytest.raises(script.GenerationError, match="protoc-gen-of-nobody is not installed"):
        script.generate(tmp_path)


def test_a_folder_that_is_not_there_fails_the_generation(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(script.GenerationError, match="protoc failed"):
        script.generate(tmp_path / "nowhere")


def test_client_and_imaging_name_the_same_things() -> None:
    """The client installs alone and so repeats these; here, where both are, they must agree."""
    assert {each.name: each.value for each in glioserve.Modality} == {each.name: each.value for each in Modality}
    assert {each.name: each.value for each in glioserve.Region} == {each.name: each.value for each in Region}
    assert {each.name: each.value for each in glioserve.LabelScheme} == {each.name: each.value for each in LabelScheme}


@pytest.mark.parametrize("scheme", list(LabelScheme))
def test_client_and_imaging_read_labels_alike(scheme: LabelScheme) -> None:
    expected = {region.value: {scheme.values[tissue] for tissue in tissues} for region, tissues in TISSUES_OF.items()}
    found = glioserve.LabelScheme(scheme.value).region_labels
    assert {region.value: set(values) for region, values in found.items()} == expected
