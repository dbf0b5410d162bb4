from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.replicas.align import AlignedSlices, ReplicaError, align_slices, join
from imaging.replicas.arrayfile import MAX_FILE_BYTES, ReplicaIndexError, pack, unpack
from imaging.replicas.describe import descriptor
from imaging.replicas.hashes import HASH_BYTES
from imaging.replicas.index import LIMIT_FACTOR, MAX_LIMIT, IndexCalibration, ReplicaIndex
from tests.imaging.replicas.slices import cohort, copies, volume

DIGEST = hashlib.sha256(b"map").hexdigest()
PATIENTS, SLICES = 6, 10


@pytest.fixture(scope="module")
def training():
    return cohort(PATIENTS, slices=SLICES)


@pytest.fixture(scope="module")
def index(training):
    return ReplicaIndex.build(training, {DIGEST: "patient2"}, quantile=0.98)


def test_copies_are_near_to_their_patient_alone(training, index):
    own = training.take(training.patients == "patient2")
    near = index.nearest(descriptor(copies(own))) > index.calibration.threshold
    assert near.shape == (SLICES, PATIENTS)
    number = index.sources[DIGEST]
    assert near[:, number].all()
    assert np.count_nonzero(np.delete(near, number, axis=1)) <= 1


def test_mirrored_copies_are_found(training, index):
    own = training.take(training.patients == "patient2")
    turned = AlignedSlices(np.ascontiguousarray(own.images[:, :, ::-1]), own.patients, own.numbers)
    assert (index.nearest(descriptor(turned))[:, index.sources[DIGEST]] > 0.99).all()


def test_the_calibration_is_of_patients_that_are_left_out(training, index):
    best = np.empty(len(training))
    for patient in np.unique(training.patients):
        own = training.patients == patient
        without = training.take(~own)
        rest = ReplicaIndex.build(without, {}, quantile=0.98)
        best[own] = rest.nearest(descriptor(training.take(own))).max(axis=1)
    calibration = index.calibration
    assert calibration.threshold == pytest.approx(np.quantile(best, 0.98), abs=1e-6)
    shares = [
        (best[training.patients == patient] > calibration.threshold).mean() for patient in np.unique(training.patients)
    ]
    assert calibration.largest_real_share == pytest.approx(max(shares))
    assert calibration.limit == pytest.approx(LIMIT_FACTOR * max(shares))


def test_numbers_of_patients_tell_nothing(training):
    renamed = AlignedSlices(
        training.images, np.array([f"x{9 - int(name[-1])}" for name in training.patients]), training.numbers
    )
    one, other = ReplicaIndex.build(training, {}, quantile=0.98), ReplicaIndex.build(renamed, {}, quantile=0.98)
    assert one.encode() == other.encode()
    assert b"patient" not in one.encode().replace(b"patients.npy", b"").replace(b"source_patients", b"")


def test_the_order_of_patients_does_not_matter(training, index):
    parts = [training.take(training.patients == f"patient{number}") for number in reversed(range(PATIENTS))]
    assert ReplicaIndex.build(join(parts), {DIGEST: "patient2"}, quantile=0.98).encode() == index.encode()


def test_no_slice_gives_no_likeness(index):
    none = align_slices(np.zeros_like(volume(1)), patient="")
    assert index.nearest(descriptor(none)).shape == (0, PATIENTS)


def test_a_file_gives_the_index_back(index, tmp_path):
    index.save(tmp_path / "replicas.npz")
    again = ReplicaIndex.load(tmp_path / "replicas.npz")
    np.testing.assert_array_equal(again.hashes, index.hashes)
    np.testing.assert_array_equal(again.patients, index.patients)
    assert (dict(again.sources), again.calibration) == (dict(index.sources), index.calibration)
    assert again.digest == index.digest == hashlib.sha256((tmp_path / "replicas.npz").read_bytes()).hexdigest()
    assert again.patient_count == PATIENTS


def test_an_index_without_sources_is_one(training):
    index = ReplicaIndex.build(training, {}, quantile=0.98)
    assert ReplicaIndex.decode(index.encode()).sources == {}


def test_what_ships_is_bits_alone(index):
    """No array of an index may be an image, whatever is added later."""
    with np.load(io.BytesIO(index.encode())) as arrays:
        assert {name: (arrays[name].dtype.str, arrays[name].shape) for name in arrays} == {
            "version": ("|u1", (1,)),
            "calibration": ("<f8", (4,)),
            "hashes": ("|u1", (PATIENTS * SLICES, HASH_BYTES)),
            "patients": ("<u2", (PATIENTS * SLICES,)),
            "source_digests": ("|u1", (1, 32)),
            "source_patients": ("<u2", (1,)),
        }


@settings(deadline=None, max_examples=150)
@given(position=st.floats(0, 1, exclude_max=True), byte=st.integers(0, 255), cut=st.booleans())
def test_damaged_files_are_refused_or_read_but_never_worse(index, position, byte, cut):
    content = bytearray(index.encode())
    place = int(position * len(content))
    damaged = bytes(content[:place]) if cut else bytes(content[:place] + bytes([byte]) + content[place + 1 :])
    try:
        ReplicaIndex.decode(damaged)
    except ReplicaIndexError:
        return
    assert not cut


def arrays_of(index):
    names = ("version", "calibration", "hashes", "patients", "source_digests", "source_patients")
    return unpack(index.encode(), names)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"version": np.array([2], np.uint8)}, "version"),
        ({"calibration": np.array([0.99, 2.0, 0.1, 0.4])}, "threshold"),
        ({"calibration": np.array([0.99, np.nan, 0.1, 0.4])}, "threshold"),
        ({"calibration": np.zeros(3)}, "calibration"),
        ({"hashes": np.zeros((60, 5), np.uint8)}, "hashes"),
        ({"hashes": np.zeros((60, HASH_BYTES), np.int8)}, "hashes"),
        ({"patients": np.zeros(60, "<u2")}, "patients"),
        ({"patients": np.arange(60, dtype="<u2")[::-1]}, "patients"),
        ({"source_patients": np.array([99], "<u2")}, "sources"),
        ({"source_digests": np.zeros((1, 31), np.uint8)}, "sources"),
        ({"surplus": np.zeros(1)}, "index"),
    ],
)  # fmt: skip
def test_other_arrays_are_refused(index, change, field):
    with pytest.raises(ReplicaIndexError) as raised:
        ReplicaIndex.decode(pack(arrays_of(index) | change))
    assert raised.value.field == field


def test_what_would_swell_is_refused(index):
    content = io.BytesIO()
    np.savez_compressed(content, **arrays_of(index))
    with pytest.raises(ReplicaIndexError, match=r"index: must not be compressed"):
        ReplicaIndex.decode(content.getvalue())
    with pytest.raises(ReplicaIndexError, match=r"index: must be at most"):
        ReplicaIndex.decode(bytes(MAX_FILE_BYTES + 1))


def test_nothing_is_unpickled(index):
    content = io.BytesIO()
    np.savez(content, **arrays_of(index) | {"patients": np.array([object] * 60)})
    with pytest.raises(ReplicaIndexError, match=r"patients: must be a whole array"):
        ReplicaIndex.decode(content.getvalue())


def test_a_shape_that_is_not_there_takes_no_memory(index):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**60,)})
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays_of(index).items():
            member = io.BytesIO()
            np.save(member, array)
            archive.writestr(f"{name}.npy", header.getvalue() if name == "hashes" else member.getvalue())
    with pytest.raises(ReplicaIndexError, match=r"hashes: must be a whole array"):
        ReplicaIndex.decode(content.getvalue())


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda training: ReplicaIndex.build(training, {DIGEST: "stranger"}), "sources"),
        (lambda training: ReplicaIndex.build(training, {}, quantile=1.0), "quantile"),
        (lambda training: ReplicaIndex.build(training, {}, quantile=0.5), "training"),
        (lambda training: ReplicaIndex.build(training.take(training.patients == "patient0"), {}), "training"),
        (lambda training: replace(ReplicaIndex.build(training, {}, quantile=0.98), sources={"name": 0}), "sources"),
        (lambda _: IndexCalibration(0.99, 0.7, 0.1, MAX_LIMIT + 0.1), "limit"),
    ],
)
def test_faults_are_typed(training, make, field):
    with pytest.raises(ReplicaError) as raised:
        make(training)
    assert raised.value.field == field
