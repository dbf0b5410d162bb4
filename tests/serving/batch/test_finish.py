"""The last step of a cohort: by several at one time, and again."""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from serving.batch import finish as module
from serving.batch.finish import finish
from serving.batch.ledger import Fate, Ledger
from serving.batch.order import CohortOrder
from serving.batch.worker import make_one, make_share, open_ledger
from tests.serving.batch.fakes import SmallMaking, contents, small_spec


@pytest.fixture
def order(tmp_path: Path) -> CohortOrder:
    return CohortOrder(small_spec(tmp_path, cases=3), str(tmp_path / "out"))


def made(order: CohortOrder, **options: frozenset[int]) -> Ledger:
    """All cases, but not the last step."""
    ledger = open_ledger(order)
    making = SmallMaking(order.spec, **options)
    make_share(order, ledger, making, stopping=threading.Event(), on_progress=lambda _: None)
    return ledger


def test_the_manifest_tells_every_file(order: CohortOrder, tmp_path: Path) -> None:
    assert finish(made(order, refused=frozenset({2}), replicas=frozenset({0})), order.spec)
    files = contents(tmp_path / "out")
    manifest = json.loads(files.pop("manifest.json"))
    assert manifest == {
        "version": 1,
        "cohort": "small",
        "spec": order.spec.digest,
        "files": [
            {"path": path, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for path, content in sorted(files.items())
        ],
    }
    assert [path for path in files if path.startswith("failed/")] == ["failed/BraTS-SYN-00002-000.json"]


def test_nothing_is_written_before_all_were_tried(order: CohortOrder, tmp_path: Path) -> None:
    ledger = made(order)
    ledger.forget(1)
    before = contents(tmp_path / "out")
    assert not finish(ledger, order.spec)
    assert contents(tmp_path / "out") == before


def test_several_at_one_time(order: CohortOrder, tmp_path: Path) -> None:
    ledger = made(order)
    finish(ledger, order.spec)
    alone = contents(tmp_path / "out")
    for path in ("manifest.json", "dataset.json", "quality.html"):
        ledger.folder.remove(path)
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: finish(ledger, order.spec), range(8)))
    assert contents(tmp_path / "out") == alone


def test_a_case_that_is_made_meanwhile_is_not_left_out(
    order: CohortOrder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one finishes with a failed case, another process makes that case after all, and finishes before it."""
    ledger = made(order, refused=frozenset({1}))
    render, rendered = module.render_quality, []

    def slow(*args: object, **options: object) -> str:
        rendered.append(None)
        if len(rendered) == 1:
            with SmallMaking(order.spec).open(threading.Event()) as maker:
                assert make_one(order.spec, ledger, maker, 1) is Fate.RELEASED
            assert finish(ledger, order.spec)
        return render(*args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(module, "render_quality", slow)
        assert finish(ledger, order.spec)
    files = contents(tmp_path / "out")
    assert json.loads(files["dataset.json"])["numTraining"] == 3
    listed = {entry["path"] for entry in json.loads(files["manifest.json"])["files"]}
    assert listed == files.keys() - {"manifest.json"}
