from __future__ import annotations

import socket
import sys

import numpy as np
import pytest

from imaging.phantom.errors import PhantomError
from imaging.phantom.template import load_template


def test_no_network_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        pytest.fail("the template was looked for on the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    load_template.cache_clear()
    assert load_template().wm.any()


def test_an_installation_without_the_template_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "nilearn", None)
    load_template.cache_clear()
    with pytest.raises(PhantomError, match="template: needs the package nilearn where brains are grown"):
        load_template()


def test_fractions_fill_the_brain_and_nothing_else() -> None:
    template = load_template()
    total = template.csf + template.gm + template.wm
    np.testing.assert_allclose(total[total > 0], 1.0, atol=0.02)
    assert 1.7e6 < np.count_nonzero(total) < 2.0e6
    assert template.gm.sum() > template.wm.sum() > template.csf.sum()


def test_known_places_hold_their_tissue() -> None:
    template = load_template()

    def at(volume: np.ndarray, *position_mm: int) -> float:
        i, j, k = np.subtract(position_mm, template.origin_mm).astype(int)
        return float(volume[i, j, k])

    assert at(template.wm, 25, -20, 30) > 0.8  # corona radiata
    assert at(template.csf, 6, 8, 10) > 0.5  # lateral ventricle
    assert at(template.gm, 0, -75, 10) + at(template.gm, 4, -75, 10) > 0.8  # calcarine cortex
    assert at(template.coverage, 0, -20, 20) == pytest.approx(1.0, abs=1e-3)


def test_it_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load_template().wm[0, 0, 0] = 1
