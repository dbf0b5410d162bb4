"""Faults in what is asked of a phantom."""

from __future__ import annotations

from imaging.errors import ImagingError


class PhantomError(ImagingError):
    """A phantom that can't be made as asked."""
