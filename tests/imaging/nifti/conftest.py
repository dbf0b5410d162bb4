"""Fixtures of the NIfTI tests."""

from __future__ import annotations

import pytest

from tests.imaging.nifti.files import nifti


@pytest.fixture
def raw() -> bytes:
    """A small uncompressed file."""
    return nifti()
