"""Maps of the built-in source. Each takes seconds, so that few are made."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from imaging.brainmap.builtin import BUILTIN_VOLUME_RANGE_ML, LOOKS, builtin_map
from imaging.brainmap.maps import THRESHOLDS, BrainMap, Lesion
from imaging.brainmap.measures import measure
from imaging.brainmap.store import digest_map
from imaging.modality import Modality
from imaging.phantom import Enhancement, PhantomError
from imaging.regions import Region
from imaging.synthesis.case import BuiltinSource
from imaging.synthesis.side import Side

SOURCES = (
    BuiltinSource(3, Enhancement.RING, 40.0, Side.RIGHT),
    BuiltinSource(4, Enhancement.NODULAR, BUILTIN_VOLUME_RANGE_ML[0], Side.LEFT),
    BuiltinSource(5, Enhancement.NONE, 120.0, Side.RIGHT),
)


@pytest.fixture(scope="module")
def maps() -> dict[BuiltinSource, BrainMap]:
    return {source: builtin_map(source) for source in SOURCES}


@pytest.fixture(params=SOURCES, ids=lambda source: source.enhancement.value)
def source(request: pytest.FixtureRequest) -> BuiltinSource:
    return request.param


@pytest.fixture
def made(maps: dict[BuiltinSource, BrainMap], source: BuiltinSource) -> BrainMap:
    return maps[source]


def test_the_tumour_is_the_one_asked_for(made: BrainMap, source: BuiltinSource) -> None:
    measures = measure(made)
    assert measures.wt_ml == pytest.approx(source.volume_ml, rel=0.05)
    assert measures.side is source.side
    assert measures.enhancement is source.enhancement


def test_it_lies_where_phantoms_lie(made: BrainMap) -> None:
    assert made.grid.shape == (240, 240, 155)
    assert made.grid.axis_codes == "RAS"
    assert made.grid.spacing_mm == (1.0, 1.0, 1.0)
    assert 1.1e6 < np.count_nonzero(made.brain) < 1.8e6


def share(made: BrainMap, modality: Modality, where: np.ndarray) -> np.ndarray:
    """Of each band 1 to 4 among some voxels."""
    return np.bincount(made.bands[modality][where], minlength=5)[1:] / np.count_nonzero(where)


def test_t1ce_is_dark_but_for_what_enhances(made: BrainMap, source: BuiltinSource) -> None:
    """In patients most of the brain is below half of the range that vessels and ET stretch."""
    healthy = share(made, Modality.T1CE, made.brain & (made.lesion == Lesion.NONE))
    assert healthy[1] > 0.5
    assert healthy[3] < 0.02
    if source.enhancement is not Enhancement.NONE:
        assert share(made, Modality.T1CE, made.regions[Region.ET])[2:].sum() > 0.5


def test_oedema_is_bright_in_flair(made: BrainMap) -> None:
    assert share(made, Modality.FLAIR, made.lesion == Lesion.ED)[2:].sum() > 0.7
    assert share(made, Modality.FLAIR, made.brain & (made.lesion == Lesion.NONE))[3] < 0.05


def test_speckle_is_that_of_patients(made: BrainMap) -> None:
    """Neighbours differ in band as often as in public exams: 4 to 26 of 100 across contrasts and patients."""
    healthy = made.brain & (made.lesion == Lesion.NONE)
    both = healthy[1:] & healthy[:-1]
    for modality in Modality:
        bands = made.bands[modality]
        assert 0.03 < (bands[1:] != bands[:-1])[both].mean() < 0.26, modality


@pytest.mark.parametrize("modality", list(Modality))
def test_tissues_lie_inside_bands(modality: Modality) -> None:
    """A mean at a threshold would make blotches of coil shading."""
    for look in LOOKS[modality]:
        for level in (look.gm, look.wm):
            assert min(abs(level / 1000 - threshold) for threshold in THRESHOLDS) >= 0.02


def test_another_process_on_another_number_of_cores_grows_the_same_map(maps: dict[BuiltinSource, BrainMap]) -> None:
    code = (
        "from imaging.brainmap.builtin import builtin_map; from imaging.brainmap.store import digest_map;"
        "from imaging.synthesis.case import BuiltinSource;"
        "print(digest_map(builtin_map(BuiltinSource(3, 'ring', 40.0, 'right'))))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == digest_map(maps[SOURCES[0]])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (BuiltinSource(-1), "seed: must be at least 0, got -1"),
        (BuiltinSource(1, volume_ml=4.9), r"volume_ml: must be from 5 to 180, got 4\.9"),
        (BuiltinSource(1, volume_ml=181.0), "volume_ml: must be from 5 to 180, got 181"),
    ],
)
def test_impossible_sources_are_refused(source: BuiltinSource, message: str) -> None:
    with pytest.raises(PhantomError, match=message):
        builtin_map(source)
