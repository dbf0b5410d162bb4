"""Brain maps as channels for a generator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from imaging.brainmap.maps import BANDS, BrainMapError, Lesion
from imaging.modality import Modality


@dataclass(frozen=True)
class MapChannels:
    """Which parts of a brain map a generator sees, in which channels. A recorded decision, beside its weights.

    First come the bands of each contrast, `BANDS` channels each, dark to bright; then NCR, ED and ET.

    Args:
        contrasts: Whose bands, in this order; at least one, each once.
        bands_in_lesion: Whether bands are told inside the tumour too. If not, only its parts are (the paper).

    Raises:
        BrainMapError: There is no contrast, or one of them twice.
    """

    contrasts: tuple[Modality, ...]
    bands_in_lesion: bool

    def __post_init__(self) -> None:
        if not self.contrasts or len(set(self.contrasts)) != len(self.contrasts):
            raise BrainMapError("contrasts", "must name at least one contrast, each once", f"{len(self.contrasts)}")

    @property
    def count(self) -> int:
        """Number of channels."""
        return BANDS * len(self.contrasts) + len(Lesion) - 1

    def encode(
        self, bands: Mapping[Modality, npt.NDArray[np.uint8]], lesion: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.uint8]:
        """Channels of slices.

        Args:
            bands: `uint8 [slice, i, j]` per contrast, as `BrainMap.bands` holds them.
            lesion: `uint8 [slice, i, j]`, as `BrainMap.lesion` holds it.

        Returns:
            `uint8 [slice, channel, i, j]`, 0 or 1: what travels to a served generator.
        """
        count, rows, columns = lesion.shape
        channels = np.zeros((count, self.count, rows, columns), dtype=np.uint8)
        told = None if self.bands_in_lesion else lesion == Lesion.NONE
        for index, contrast in enumerate(self.contrasts):
            for band in range(1, BANDS + 1):
                here = bands[contrast] == band
                channels[:, index * BANDS + band - 1] = here if told is None else here & told
        for part in range(1, len(Lesion)):
            channels[:, BANDS * len(self.contrasts) + part - 1] = lesion == part
        return channels

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a record beside the weights."""
        return {
            "contrasts": [contrast.value for contrast in self.contrasts],
            "bands_in_lesion": self.bands_in_lesion,
        }
