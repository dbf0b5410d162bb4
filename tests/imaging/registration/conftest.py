"""Two contrasts of an analytic head, with its skull and without, each looked at once."""

import pytest

from imaging.modality import Modality
from imaging.registration.head import Head
from imaging.registration.pair import Pair
from tests.imaging.registration.heads import MOVED, OWN, SMALL, scan


@pytest.fixture(scope="package")
def stripped():
    """T1CE on one grid, and T2 on its own after a motion; without skulls."""
    return Pair(
        Head.of(scan(Modality.T2, OWN, skull=False, motion=MOVED), field="t2"),
        Head.of(scan(Modality.T1CE, SMALL, skull=False), field="t1ce"),
    )


@pytest.fixture(scope="package")
def skulls():
    """The same with skulls."""
    return Pair(
        Head.of(scan(Modality.T2, OWN, motion=MOVED), field="t2"), Head.of(scan(Modality.T1CE, SMALL), field="t1ce")
    )
