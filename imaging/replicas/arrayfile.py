"""Arrays in a `.npz` file: the same bytes for the same arrays, read in no more memory than the file takes."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from imaging.replicas.align import ReplicaError

MAX_FILE_BYTES = 16 * 2**20
"""Hashes of a hundred thousand slices."""
_EPOCH = (1980, 1, 1, 0, 0, 0)

Arrays = Mapping[str, npt.NDArray[Any]]


class ReplicaIndexError(ReplicaError):
    """A file that is no index of training slices, or a damaged one."""


def pack(arrays: Arrays) -> bytes:
    """The bytes of a `.npz` file. Nothing is compressed, as hashes can't be."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for field, array in arrays.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{field}.npy", _EPOCH), member.getvalue())
    return content.getvalue()


def unpack(content: bytes, fields: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays that `pack` wrote.

    Args:
        content: Of the file.
        fields: The names that it must have, no others.

    Raises:
        ReplicaIndexError: The content is larger than `MAX_FILE_BYTES`, no such file, damaged, or has other arrays.
    """
    if len(content) > MAX_FILE_BYTES:
        raise ReplicaIndexError("index", f"must be at most {MAX_FILE_BYTES} bytes", f"{len(content)} or more")
    names = [f"{field}.npy" for field in fields]
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            if sorted(member.filename for member in members) != sorted(names):
                raise ReplicaIndexError("index", f"must have the members {', '.join(names)}", f"{len(members)} others")
            # What is not compressed takes no more memory than the file has.
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ReplicaIndexError("index", "must not be compressed", "a compressed member")
            return {field: _array(archive.read(name), field) for field, name in zip(fields, names, strict=True)}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ReplicaIndexError("index", "must be a whole .npz file", type(error).__name__) from None


def _array(content: bytes, field: str) -> npt.NDArray[Any]:
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        # An array of objects, which would have to be unpickled, is refused by `frombuffer`.
        array = np.frombuffer(content, dtype=dtype, offset=file.tell()).reshape(shape)
    except ValueError as error:
        raise ReplicaIndexError(field, "must be a whole array in NumPy's format 1.0", type(error).__name__) from None
    if version != (1, 0):
        raise ReplicaIndexError(field, "must be an array in NumPy's format 1.0", "another version")
    return array
