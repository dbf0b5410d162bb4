"""One phantom of each kind, made once."""

from __future__ import annotations

import pytest

from imaging.phantom import Enhancement, Phantom, make_phantom

SEEDS = {Enhancement.RING: 3, Enhancement.NODULAR: 12, Enhancement.NONE: 11}


@pytest.fixture(scope="session")
def phantoms() -> dict[Enhancement, Phantom]:
    return {kind: make_phantom(seed, enhancement=kind) for kind, seed in SEEDS.items()}


@pytest.fixture(scope="session")
def ring(phantoms: dict[Enhancement, Phantom]) -> Phantom:
    return phantoms[Enhancement.RING]


@pytest.fixture(params=list(Enhancement))
def phantom(request: pytest.FixtureRequest, phantoms: dict[Enhancement, Phantom]) -> Phantom:
    return phantoms[request.param]
