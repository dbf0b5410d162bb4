"""Reports in these tests are real ones with small pictures, since many are written and none is looked at."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glioserve.render.montage.LARGEST_TILE_PX", 40)
