"""Why a registration is refused."""

from __future__ import annotations

from imaging.errors import ImagingError


class RegistrationError(ImagingError):
    """A contrast that can't be brought onto another, or whose alignment is in doubt: it must not be used."""
