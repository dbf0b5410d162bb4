"""Files that are never seen half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a neighbouring path, then put what it wrote in the place of `path`."""
    partial = path.with_name(path.name + ".partial")
    write(partial)
    partial.replace(path)


def write_text_atomically(path: Path, text: str) -> None:
    """Write a text file."""
    write_atomically(path, lambda partial: partial.write_text(text))


def save_atomically(path: Path, content: dict[str, Any]) -> None:
    """`torch.save` a dictionary."""
    write_atomically(path, lambda partial: torch.save(content, partial))


def save_array_atomically(path: Path, array: npt.NDArray[np.generic]) -> None:
    """`np.save` an array."""

    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            np.save(file, array)

    write_atomically(path, write)
