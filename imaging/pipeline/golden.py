"""The golden slices: a fixed input whose answer is recorded beside every model. Generators have golden maps.

A served model counts as ready when it answers these slices as it did at export. An open port, a "ready" flag and an
OK status do not show that: an inference server may answer all of them and send zero bytes, or another model's output.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from imaging.errors import GoldenError

SLICES = 2
SIDE = 64
"""Rows and columns of a golden slice: a multiple of 16, and large enough to pass every scaling level."""
PROBES = tuple(range(4, SIDE, 8))
"""The rows, and the columns, at which the answer is recorded."""
DEFAULT_TOLERANCE = 0.01
"""Largest difference of two values that counts as equal: above what bf16 and TF32 change, far below a fault."""
_SMALLEST_SPREAD = 0.1
_DECIMALS = 5

_LESIONS = ((28, 36, 16, 10, 5), (36, 26, 14, 8, 4))
"""Per slice: row and column of the centre, radius, radius of the core, radius of its necrosis, in voxels."""
_CHANNEL_CONTRAST = ((-0.8, -0.4, -0.6), (1.6, -0.2, 0.8), (2.0, -0.4, -0.6), (0.2, 3.0, -2.6))
"""Per channel: what the lesion adds, what its core adds to that, and its necrosis to both, in the brain's standard
deviations.

In the order of the paper's inputs: T1 (dark), T2 and FLAIR (bright), T1CE - T1 (a bright rim about a dark middle,
without which a network for ET sees nothing of its own).
"""


def golden_slices(channels: int) -> npt.NDArray[np.float32]:
    """Two procedural slices that look enough like z-scored MR to make a tumour model answer with more than one value.

    Sums, products and integer remainders only: the same bytes on every platform and with every numpy.

    Args:
        channels: Number of channels, at least 1.

    Returns:
        `float32 [2, channel, 64, 64]`, zero outside an ellipse, about -2 to 4 inside.

    Raises:
        GoldenError: `channels` is below 1.
    """
    if channels < 1:
        raise GoldenError("channels", "must be at least 1", f"{channels}")
    row, column = np.mgrid[0:SIDE, 0:SIDE].astype(np.int64)
    brain = (row - 32) ** 2 * 9 + (column - 32) ** 2 * 12 <= 7800
    slices = np.zeros((SLICES, channels, SIDE, SIDE), np.float32)
    for index, (centre_row, centre_column, radius, core_radius, necrosis_radius) in enumerate(_LESIONS):
        distance2 = (row - centre_row) ** 2 + (column - centre_column) ** 2
        lesion = np.clip((radius**2 - distance2) / 32.0, 0.0, 1.0)
        core = np.clip((core_radius**2 - distance2) / 16.0, 0.0, 1.0)
        necrosis = np.clip((necrosis_radius**2 - distance2) / 16.0, 0.0, 1.0)
        for channel in range(channels):
            texture = ((row * row * 7 + column * column * 5 + row * column * 3 + channel * 11) % 17 - 8) / 32.0
            gains = _CHANNEL_CONTRAST[channel % len(_CHANNEL_CONTRAST)]
            tumour = gains[0] * lesion + gains[1] * core + gains[2] * necrosis
            slices[index, channel] = np.where(brain, texture + tumour, 0.0)
    return slices


@dataclass(frozen=True)
class GoldenAnswer:
    """What a model answered when it was exported: a U-Net to `golden_slices`, a generator to `golden_maps`.

    Stored as JSON in the `glioserve_golden` parameter of `config.pbtxt`.

    Args:
        probes: Values from 0 to 1 at every pair of `PROBES`, slice by slice, channel by channel where the answer has
            channels, row by row.
        tolerance: Largest difference that counts as equal, above 0, at most 0.1.

    Raises:
        GoldenError: A value is out of its range, or the probes are too alike to tell a fault from an answer.
    """

    probes: tuple[float, ...]
    tolerance: float = DEFAULT_TOLERANCE

    def __post_init__(self) -> None:
        wanted = SLICES * len(PROBES) ** 2
        if not self.probes or len(self.probes) % wanted:
            rule = f"must be {wanted} probabilities, or as many values per channel"
            raise GoldenError("probes", rule, f"{len(self.probes)}")
        if not all(math.isfinite(probe) and -1e-6 <= probe <= 1.0 + 1e-6 for probe in self.probes):
            raise GoldenError("probes", "must lie between 0 and 1", "values outside or not finite")
        if not 0.0 < self.tolerance <= 0.1:
            raise GoldenError("tolerance", "must be above 0 and at most 0.1", f"{self.tolerance}")
        spread = max(self.probes) - min(self.probes)
        if spread < _SMALLEST_SPREAD:
            raise GoldenError("probes", f"must differ by {_SMALLEST_SPREAD} or more among themselves", f"{spread:.4f}")

    @classmethod
    def record(cls, answer: npt.NDArray[np.float32], *, tolerance: float = DEFAULT_TOLERANCE) -> GoldenAnswer:
        """The answer to remember.

        Args:
            answer: `float32 [2, 64, 64]` or `[2, channel, 64, 64]`, 0 to 1: the model's output for its golden input.
            tolerance: As of the class.

        Raises:
            GoldenError: Wrong shape or dtype, not finite, out of range, or nearly constant.
        """
        probes = _probed(answer)
        return cls(tuple(round(float(probe), _DECIMALS) for probe in probes), tolerance)

    def check(self, answer: npt.NDArray[np.float32]) -> float:
        """Compares an answer with this one.

        Args:
            answer: `float32 [2, 64, 64]` or `[2, channel, 64, 64]`: an engine's output for the golden input.

        Returns:
            The largest difference found, at most `tolerance`.

        Raises:
            GoldenError: Wrong shape or dtype, not finite, or further off than `tolerance`.
        """
        found = _probed(answer)
        if len(found) != len(self.probes):
            raise GoldenError("answer", f"must have the recorded {len(self.probes)} probes", f"{len(found)}")
        difference = float(np.max(np.abs(found - np.asarray(self.probes))))
        if difference > self.tolerance:
            raise GoldenError("answer", f"must equal the recorded within {self.tolerance}", f"{difference:.4f}")
        return difference

    def to_json(self) -> str:
        """The answer as one line of JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> GoldenAnswer:
        """The answer that `to_json` wrote.

        Raises:
            GoldenError: It is not JSON, has unknown or missing keys, or values out of range.
        """
        try:
            data: Any = json.loads(text)
        except json.JSONDecodeError as error:
            raise GoldenError("glioserve_golden", "must be JSON", str(error)) from None
        known = {field.name for field in fields(cls)}
        if not isinstance(data, dict) or set(data) != known:
            got = sorted(data) if isinstance(data, dict) else type(data).__name__
            raise GoldenError("glioserve_golden", f"must be an object with the keys {sorted(known)}", f"{got}")
        try:
            return cls(tuple(float(probe) for probe in data["probes"]), float(data["tolerance"]))
        except (TypeError, ValueError) as error:
            if isinstance(error, GoldenError):
                raise
            raise GoldenError("glioserve_golden", "must hold numbers", str(error)) from None


def _probed(answer: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """The values at the probe grid, after the checks that every answer must pass."""
    count, *channels, height, width = answer.shape if answer.ndim in {3, 4} else (0, 0, 0)
    if (count, height, width) != (SLICES, SIDE, SIDE) or 0 in channels:
        wanted = f"[{SLICES}, {SIDE}, {SIDE}] or [{SLICES}, channel, {SIDE}, {SIDE}]"
        raise GoldenError("answer", f"must be of shape {wanted}", f"{answer.shape}")
    if answer.dtype != np.float32:
        raise GoldenError("answer", "must be float32", f"{answer.dtype}")
    if not np.isfinite(answer).all():
        raise GoldenError("answer", "must be finite", "NaN or infinity")
    return answer[..., PROBES, :][..., PROBES].astype(np.float64).reshape(-1)
