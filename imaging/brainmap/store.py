"""Brain maps as files: a small `.npz` with the same bytes for the same map, and a digest of what it holds.

Members: `version`, `affine` (of the frame, voxel to world in mm, RAS+), `box` (the frame's shape, then where the
brain's box starts and stops), `brain` (bits of the box, in C order), `bands` (a byte per voxel of the brain: two
bits per contrast, T1 lowest, 0 to 3 for the bands 1 to 4) and `lesion` (a byte per voxel of the brain).
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from imaging.brainmap.maps import BANDS, BrainMap, BrainMapError, Lesion
from imaging.errors import GeometryError
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.nifti.limits import DEFAULT_LIMITS, MIB
from imaging.preprocess.box import Box

VERSION = 1
MAX_FILE_BYTES = 32 * MIB
"""Many times what the map of a head takes."""
MAX_VOXELS = DEFAULT_LIMITS.max_voxels
"""Of the frame."""

_FIELDS = ("version", "affine", "box", "brain", "bands", "lesion")
_BITS = (BANDS - 1).bit_length()
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 9
_HEADER_BYTES = 1024
"""No header of an array in these files is longer."""
_END = struct.Struct("<4s4H2LH")
"""The last bytes of a zip file without a comment."""
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError, ValueError)
"""What reading a damaged zip file can raise."""
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20


class MapFormatError(BrainMapError):
    """Bytes that are not a brain map, or more of one than is allowed."""


def encode_map(brain_map: BrainMap) -> bytes:
    """A map as the bytes of an `.npz` file, the same for the same map with the same zlib.

    Raises:
        GeometryError: The map has no brain.
    """
    packed = _Packed.of_map(brain_map)
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for field in _FIELDS:
            member = zipfile.ZipInfo(f"{field}.npy", _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, _to_npy(getattr(packed, field)), compresslevel=_LEVEL)
    return content.getvalue()


def decode_map(content: bytes | memoryview) -> BrainMap:
    """The map that `encode_map` wrote. What the content declares is checked before memory is taken for it.

    Raises:
        MapFormatError: The content is no map, is damaged, or is larger than `MAX_FILE_BYTES` or `MAX_VOXELS`.
    """
    if len(content) > MAX_FILE_BYTES:
        raise MapFormatError("map", f"must be at most {MAX_FILE_BYTES} bytes", f"{len(content)}")
    content = bytes(content)
    _check_directory(content)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            packed = _unpack(archive)
    except MapFormatError:
        raise
    except _DAMAGE as error:
        raise MapFormatError("map", "must be a whole .npz file", type(error).__name__) from None
    try:
        return packed.to_map()
    except (BrainMapError, GeometryError) as error:
        raise MapFormatError(error.field, error.rule, error.got) from None


def digest_map(brain_map: BrainMap) -> str:
    """SHA-256 of what a map holds, 64 hexadecimal digits: names, types, shapes and values of its file's arrays.

    Raises:
        GeometryError: The map has no brain.
    """
    packed = _Packed.of_map(brain_map)
    digest = hashlib.sha256()
    for field in _FIELDS:
        array = getattr(packed, field)
        digest.update(f"{field} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class _Packed:
    """The arrays of a file."""

    version: npt.NDArray[np.uint8]
    affine: npt.NDArray[np.float64]
    box: npt.NDArray[np.int32]
    brain: npt.NDArray[np.uint8]
    bands: npt.NDArray[np.uint8]
    lesion: npt.NDArray[np.uint8]

    @classmethod
    def of_map(cls, brain_map: BrainMap) -> _Packed:
        whole = brain_map.brain
        box = Box.around(whole, margin=0, multiple=1)
        brain = box.cut(whole)
        bands = np.zeros(int(np.count_nonzero(brain)), dtype=np.uint8)
        for index, array in enumerate(brain_map.bands.values()):
            bands |= (box.cut(array)[brain] - 1) << (_BITS * index)
        return cls(
            version=np.array([VERSION], dtype=np.uint8),
            # Adding 0 turns a negative zero, which means the same, into a positive one.
            affine=np.asarray(brain_map.grid.affine + 0.0, dtype="<f8"),
            box=np.array([brain_map.grid.shape, box.start, box.stop], dtype="<i4"),
            brain=np.packbits(brain),
            bands=bands,
            lesion=box.cut(brain_map.lesion)[brain],
        )

    def to_map(self) -> BrainMap:
        """Expects arrays of the sizes that `_unpack` has checked."""
        shape, start, stop = (_triple(row) for row in self.box)
        box = Box(start, stop)
        brain = np.unpackbits(self.brain, count=int(np.prod(box.shape))).astype(bool).reshape(box.shape)
        bands = {}
        for index, modality in enumerate(Modality):
            levels = (self.bands >> (_BITS * index)) & (BANDS - 1)
            bands[modality] = _scatter((levels + 1).astype(np.uint8), brain, box, shape)
        return BrainMap(bands, _scatter(self.lesion, brain, box, shape), Grid(shape, self.affine, "map"))


def _scatter(
    values: npt.NDArray[np.uint8], brain: npt.NDArray[np.bool_], box: Box, shape: tuple[int, int, int]
) -> npt.NDArray[np.uint8]:
    part = np.zeros(brain.shape, dtype=np.uint8)
    part[brain] = values
    return box.paste(part, shape)


def _to_npy(array: npt.NDArray[Any]) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, version=(1, 0), allow_pickle=False)
    return content.getvalue()


def _check_directory(content: bytes) -> None:
    """Refuse a zip file whose directory is longer than a map's, before it is read."""
    rule = "must be a whole .npz file"
    if len(content) < _END.size:
        raise MapFormatError("map", rule, f"{len(content)} bytes")
    signature, _, _, _, members, directory_bytes, _, _ = _END.unpack(content[-_END.size :])
    locator = content[-_END.size - _ZIP64_LOCATOR_BYTES : -_END.size]
    if signature != b"PK\x05\x06" or locator.startswith(_ZIP64_LOCATOR):
        raise MapFormatError("map", rule, "no end of one")
    if members != len(_FIELDS) or directory_bytes > len(_FIELDS) * _HEADER_BYTES:
        raise MapFormatError("map", f"must have {len(_FIELDS)} members", f"{members}, {directory_bytes} bytes of names")


def _unpack(archive: zipfile.ZipFile) -> _Packed:
    """Read the members, small ones first: they tell how long the others are."""
    names = [f"{field}.npy" for field in _FIELDS]
    if sorted(archive.namelist()) != sorted(names):
        raise MapFormatError("map", f"must have the members {', '.join(names)}", "others")
    version = _read(archive, "version", np.dtype(np.uint8), (1,))
    if int(version[0]) != VERSION:
        raise MapFormatError("version", f"must be {VERSION}", f"{int(version[0])}")
    affine = _read(archive, "affine", np.dtype("<f8"), (4, 4))
    box = _read(archive, "box", np.dtype("<i4"), (3, 3))
    shape, start, stop = box.astype(np.int64)
    if shape.min() < 1 or int(np.prod(shape, dtype=object)) > MAX_VOXELS:
        raise MapFormatError("box", f"must lie in a frame of 1 to {MAX_VOXELS} voxels", f"shape {_triple(shape)}")
    if start.min() < 0 or (stop <= start).any() or (stop > shape).any():
        got = f"{_triple(start)} to {_triple(stop)} in {_triple(shape)}"
        raise MapFormatError("box", "must hold a voxel and lie in the frame", got)
    voxels = int(np.prod(stop - start))
    brain = _read(archive, "brain", np.dtype(np.uint8), (-(-voxels // 8),))
    count = int(np.unpackbits(brain, count=voxels).sum(dtype=np.int64))
    bands = _read(archive, "bands", np.dtype(np.uint8), (count,))
    lesion = _read(archive, "lesion", np.dtype(np.uint8), (count,))
    if lesion.size and int(lesion.max()) > max(Lesion):
        raise MapFormatError("lesion", f"must hold 0 to {int(max(Lesion))}", f"{int(lesion.max())}")
    return _Packed(version, affine, box, brain, bands, lesion)


def _read(archive: zipfile.ZipFile, field: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """One member, if its sizes are those expected."""
    wanted = dtype.itemsize * int(np.prod(shape))
    member = archive.getinfo(f"{field}.npy")
    rule = f"must be {dtype} of shape {shape}"
    if not 0 <= member.file_size - wanted <= _HEADER_BYTES:
        raise MapFormatError(field, rule, f"{member.file_size} bytes")
    content = archive.read(member)
    found, start = _npy_header(content, field)
    if found != (shape, False, dtype) or len(content) - start != wanted:
        raise MapFormatError(field, rule, f"{found[2]} of shape {found[0]}")
    return np.frombuffer(content, dtype=dtype, offset=start).reshape(shape)


def _npy_header(content: bytes, field: str) -> tuple[tuple[tuple[int, ...], bool, np.dtype[Any]], int]:
    """Shape, whether the order is Fortran's, type; and where the values start. Nothing is unpickled."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0(file) if version == (1, 0) else None
    except ValueError:
        header = None
    if header is None:
        raise MapFormatError(field, "must be an array in NumPy's format 1.0", "none")
    return header, file.tell()


def _triple(numbers: npt.NDArray[np.integer[Any]]) -> tuple[int, int, int]:
    i, j, k = (int(number) for number in numbers)
    return i, j, k
