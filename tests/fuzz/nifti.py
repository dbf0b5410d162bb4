"""NIfTI files: as one contrast of an exam, as all four, and as a file of the client's."""

from __future__ import annotations

import gzip
import io
import tempfile
import warnings
from functools import cache
from pathlib import Path

import numpy as np
from glioserve.errors import LocalInputError
from glioserve.nifti import read_grid, read_volume
from hypothesis import strategies as st

from imaging.casecheck.files import read_case
from imaging.modality import Modality
from imaging.nifti import NiftiLimits
from imaging.regions import Region
from tests.fuzz.judge import without_numbers
from tests.imaging.nifti.files import nifti

LIMITS = NiftiLimits(max_bytes=2**18, max_voxels=2**18, max_header_bytes=2**16, max_seconds=20.0)
NEEDS = dict.fromkeys(Region, tuple(Modality))
SHAPE = (16, 18, 14)
AFFINE = np.array([[-12.0, 0, 0, 90], [0, 11.0, 1.0, -100], [0, -1.0, 11.0, -70], [0, 0, 0, 1]])


def target(data: bytes) -> str:
    """The server's reader and case check, then the client's reader."""
    told = []
    for files in ({**_others(), Modality.T1: data}, dict.fromkeys(Modality, data)):
        case = read_case([(modality, io.BytesIO(file)) for modality, file in files.items()], limits=LIMITS)
        found = case.check(needs=NEEDS, extracts_brain=True).findings
        told = [f"{each.rule} {each.severity} {each.must}" for each in found if each.field == Modality.T1.value]
        if Modality.T1 in case.errors:
            error = case.errors[Modality.T1]
            told = [type(error).__name__, error.rule]
            break
        volume = case.images[Modality.T1].volume
        if not (np.isfinite(volume.voxels).all() and np.isfinite(volume.grid.affine).all()):
            raise ValueError("what was accepted is not finite")
    return without_numbers("; ".join(told) or "accepted") + f"; client {_client(data)}"


def _client(data: bytes) -> str:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        path = Path(file.name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # what nibabel thinks of extensions
                read_grid(path, field="t1")
                read_volume(path, field="t1")
        except LocalInputError as error:
            return without_numbers(error.got)
    return "accepted"


def _ball(seed: int) -> np.ndarray:
    i, j, k = (2 * index / (size - 1) - 1 for index, size in zip(np.indices(SHAPE), SHAPE, strict=True))
    noise = np.random.default_rng(seed).integers(0, 40, SHAPE)
    return np.where(i**2 + j**2 + k**2 < 0.9, 100 + 10 * seed + noise, 0).astype("<i2")


@cache
def _others() -> dict[Modality, bytes]:
    return {
        modality: nifti(_ball(number), AFFINE) for number, modality in enumerate(Modality) if modality != Modality.T1
    }


@cache
def bases() -> tuple[bytes, ...]:
    """Whole files, of every kind that is told apart."""
    ball = _ball(0)
    head = np.random.default_rng(0).integers(20, 250, SHAPE).astype("u1")
    raw = [
        *(nifti(ball, AFFINE, version=version, order=order) for version in (1, 2) for order in "<>"),
        nifti(ball.astype("<f4") / 7, AFFINE),
        nifti(ball.astype("<f8"), AFFINE, scl_slope=0.5, scl_inter=-3),
        nifti(head, AFFINE),
        nifti(ball[:, :, :2], AFFINE),
        nifti(np.stack([ball, ball], axis=-1), AFFINE),
    ]
    return (*raw, gzip.compress(raw[0]), gzip.compress(raw[4][:1000]) + gzip.compress(raw[4][1000:]))


_FIELDS = (
    (0, 4), (40, 2), (42, 2), (44, 2), (46, 2), (48, 2), (70, 2), (72, 2), (76, 4), (80, 4), (84, 4), (88, 4), (108, 4),
    (112, 4), (116, 4), (123, 1), (252, 2), (254, 2), (256, 4), (260, 4), (264, 4), (268, 4), (280, 4), (284, 4),
    (292, 4), (300, 4), (312, 4), (324, 4), (344, 4), (348, 4),
)  # fmt: skip
"""Where NIfTI-1 has its fields, and how long they are."""
_WIDE_FIELDS = (
    (0, 4), (4, 8), (12, 2), (14, 2), (16, 8), (24, 8), (32, 8), (40, 8), (48, 8), (104, 8), (112, 8), (120, 8),
    (168, 8), (176, 8), (184, 8), (344, 4), (348, 4), (352, 8), (376, 8), (400, 8), (408, 8), (440, 8), (472, 8),
    (500, 4), (540, 4),
)  # fmt: skip
_INTEGERS = (-(2**31), -32768, -1, 0, 1, 2, 3, 4, 7, 8, 16, 64, 255, 256, 348, 352, 540, 544, 32767, 65535, 2**31 - 1)
_FLOATS = (0.0, -0.0, 1e-45, 1e-30, 1e-3, 1.0, -1.0, 1e6, 1e30, 3.4e38, -3.4e38, float("nan"), float("inf"))


@st.composite
def _field(draw: st.DrawFn) -> tuple[int, bytes]:
    offset, size = draw(st.sampled_from((*_FIELDS, *_WIDE_FIELDS)))
    order = draw(st.sampled_from("<>"))
    if size in (4, 8) and draw(st.booleans()):
        number = draw(st.sampled_from(_FLOATS) | st.floats(width=32))
        return offset, np.array(number, dtype=f"{order}f{size}").tobytes()
    integer = draw(st.sampled_from(_INTEGERS) | st.integers(-(2**62), 2**62))
    return offset, np.array(integer).astype(f"{order}i{size}").tobytes()


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """Whole files with fields changed, voxels changed, cut off, lengthened, and packed once, twice or in parts."""
    file = bytearray(draw(st.sampled_from(bases())))
    for offset, value in draw(st.lists(_field(), max_size=4)):
        file[offset : offset + len(value)] = value
    for offset, value in draw(st.lists(st.tuples(st.integers(0, len(file)), st.binary(max_size=12)), max_size=3)):
        file[offset : offset + len(value)] = value
    if draw(st.integers(0, 3)) == 0:
        del file[draw(st.integers(0, len(file))) :]
    if draw(st.integers(0, 5)) == 0:
        file += draw(st.binary(max_size=64)) * draw(st.sampled_from((1, 16, 1000, 5000)))
    packed = bytes(file)
    layers = draw(st.sampled_from((0, 0, 1, 1, 2, 3)))
    for _ in range(layers):
        cut = draw(st.integers(0, len(packed)))
        packed = gzip.compress(packed[:cut], 1, mtime=0) + gzip.compress(packed[cut:], 1, mtime=0)
    if layers and draw(st.booleans()):
        changed = bytearray(packed)
        at = draw(st.integers(0, len(changed)))
        changed[at : at + 1] = draw(st.binary(max_size=3))
        packed = bytes(changed)
    return packed
