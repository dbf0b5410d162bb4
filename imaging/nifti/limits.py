"""How much a NIfTI file may cost."""

from __future__ import annotations

from dataclasses import dataclass, fields

MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class NiftiLimits:
    """Bounds on what one file may take. Each is checked before the memory it bounds is taken.

    Deflate alone reaches 1032:1, and an empty label map comes close to it, so that no ratio tells a
    bomb from an honest mask. What bounds a bomb is the header: decoding stops `slack_bytes` behind the
    last voxel that it declares, and it may declare `max_voxels` at most. The ratio counts only beyond
    `unrated_bytes`, where no label map of a usual size reaches.

    Args:
        max_bytes: Bytes as sent, compressed or not.
        max_voxels: Voxels declared by the header.
        max_header_bytes: Header with its extensions, up to the first voxel.
        slack_bytes: Bytes tolerated behind the last voxel.
        max_ratio: Decoded bytes per byte sent, beyond `unrated_bytes`.
        unrated_bytes: Decoded bytes that no ratio is asked of.
        max_members: Concatenated gzip members (BGZF writes one per 64 KiB).
        max_seconds: Time to decode, the source's own waiting included.

    Raises:
        ValueError: A bound is not positive.
    """

    max_bytes: int = 256 * MIB
    max_voxels: int = 512 * 512 * 256
    max_header_bytes: int = 4 * MIB
    slack_bytes: int = 64 * 1024
    max_ratio: float = 200.0
    unrated_bytes: int = 128 * MIB
    max_members: int = 65536
    max_seconds: float = 60.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if not getattr(self, field.name) > 0:
                raise ValueError(f"{field.name} must be positive, got {getattr(self, field.name)}")


DEFAULT_LIMITS = NiftiLimits()
"""Generous for any head MR: 512 x 512 x 256 voxels."""
