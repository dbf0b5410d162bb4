import shutil

import numpy as np
import pytest

from imaging.brats import find_cases, load_reference
from imaging.modality import Modality
from imaging.regions import Region
from training.cache import cache_cases, cache_key


def test_what_is_cached_is_what_was_prepared(data, cases):
    for found, cached in zip(find_cases(data), cases, strict=True):
        reference = load_reference(found)
        assert cached.slices.shape[1] == len(Modality)
        assert cached.slices.dtype == np.float16
        assert cached.slices.shape[2] % 16 == cached.slices.shape[3] % 16 == 0
        for region in Region:
            assert cached.voxels[region] == np.count_nonzero(reference[region])
            assert np.count_nonzero(cached.mask(region)) == cached.voxels[region]


@pytest.mark.usefixtures("cases")
def test_a_prepared_case_is_not_prepared_again(data, cache):
    before = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    cache_cases(find_cases(data), cache)
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == before
    assert not [name for name in before if "partial" in name]


def test_a_half_written_case_is_prepared_again(data, tmp_path):
    found = find_cases(data)[:1]
    (case,) = cache_cases(found, tmp_path)
    whole = np.array(case.slices)
    (tmp_path / f"{cache_key(found[0])}.json").unlink()
    (tmp_path / f"{cache_key(found[0])}.slices.npy").write_bytes(b"half")
    (again,) = cache_cases(found, tmp_path)
    np.testing.assert_array_equal(again.slices, whole)


def test_the_key_follows_the_content_and_not_the_place(data, tmp_path):
    shutil.copytree(data, tmp_path / "copy")
    one, copy = find_cases(data)[0], find_cases(tmp_path / "copy")[0]
    assert cache_key(one) == cache_key(copy)
    shutil.copy(one.files[Modality.T1], copy.files[Modality.T2])
    assert cache_key(one) != cache_key(copy)
