"""Libraries of brain maps, as a spec names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imaging.brainmap.library import LibraryError, MapLibrary
from serving.batch.spec.fields import broken


@dataclass(frozen=True)
class SpecPlace:
    """Where a spec stands.

    Args:
        folder: Paths of libraries are relative to it. None where libraries are not at hand: they are not looked at
            then, and the spec must state their digests.
        confined: Whether libraries must lie inside the folder, as for a spec that came over the network.
    """

    folder: Path | None
    confined: bool = False

    def open(self, path: Path) -> MapLibrary | None:
        """The library of this path; None where libraries are not at hand.

        Raises:
            PydanticCustomError: It is outside the folder, not there or not a library.
        """
        if self.folder is None:
            return None
        folder = self.folder / path
        if self.confined and not folder.resolve().is_relative_to(self.folder.resolve()):
            raise broken("must stay inside the folder of libraries", got="a path that leads out of it")
        try:
            return MapLibrary.open(folder)
        except LibraryError as error:
            raise broken(f"must be a library of brain maps: {error.field} {error.rule}", got=error.got) from None
        except OSError as error:
            got = (error.strerror or type(error).__name__).lower()
            raise broken("must be a library of brain maps that can be read", got=got) from None
