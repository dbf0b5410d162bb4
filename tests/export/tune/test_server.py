"""A Triton elsewhere. Its control of models is stood in for: ours is not run in explicit mode."""

from __future__ import annotations

from pathlib import Path

import pytest
from tritonclient.utils import InferenceServerException

from export.errors import TuneError
from export.tune import server
from export.tune.candidates import GraphForm, cpu_nets
from export.tune.networks import read_networks
from export.tune.server import RemoteTriton
from export.tune.trial import Graphs, Trial

TRIAL = Trial(cpu_nets(1)[:2])


class Control:
    """Records what a Triton is told; the model named `broken` can't be loaded."""

    def __init__(self, folder: Path, *, broken: str = "") -> None:
        self.folder, self.broken = folder, broken
        self.told: list[str] = []

    def load_model(self, name: str, **_: object) -> None:
        assert (self.folder / name / "config.pbtxt").exists()
        if name == self.broken:
            raise InferenceServerException("no such accelerator")
        self.told.append(f"load {name}")

    def unload_model(self, name: str, **_: object) -> None:
        self.told.append(f"unload {name}")

    def close(self) -> None:
        self.told.append("close")


@pytest.fixture
def graphs(models: Path) -> Graphs:
    return {GraphForm.FLOAT: {region: network.graph for region, network in read_networks(models).items()}}


def test_it_is_told_what_to_load_and_left_as_it_was(
    models: Path, graphs: Graphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = Control(tmp_path)
    monkeypatch.setattr(server, "_connect", lambda _: control)
    with RemoteTriton("triton:8001", tmp_path).serve(TRIAL, read_networks(models), graphs) as client:
        assert client is control
        assert control.told == [f"load {name}" for name in TRIAL.names]
    assert control.told[6:] == [*(f"unload {name}" for name in TRIAL.names), "close"]
    assert list(tmp_path.iterdir()) == []


def test_a_candidate_that_it_can_not_load_ends_the_search_and_leaves_nothing(
    models: Path, graphs: Graphs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = Control(tmp_path, broken="unet_wt_trial_1")
    monkeypatch.setattr(server, "_connect", lambda _: control)
    with (
        pytest.raises(TuneError, match="must load every candidate, got no such accelerator"),
        RemoteTriton("triton:8001", tmp_path).serve(TRIAL, read_networks(models), graphs),
    ):
        pass
    assert control.told[3:] == ["unload unet_wt", "unload unet_tc", "unload unet_et", "close"]
    assert list(tmp_path.iterdir()) == []


def test_models_that_are_there_already_are_not_touched(models: Path, graphs: Graphs, tmp_path: Path) -> None:
    (tmp_path / "unet_wt").mkdir()
    with (
        pytest.raises(TuneError, match="repository: must hold no model of a trial's name, got unet_wt"),
        RemoteTriton("triton:8001", tmp_path).serve(TRIAL, read_networks(models), graphs),
    ):
        pass
    assert (tmp_path / "unet_wt").is_dir()
