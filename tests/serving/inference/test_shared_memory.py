from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest

from serving.inference.shared_memory import Region, SharedRegions

MIB = 1 << 20


def exists(region: Region) -> bool:
    return Path("/dev/shm", region.name).exists()  # noqa: S108


def test_what_is_written_can_be_read_behind_it_too() -> None:
    regions = SharedRegions()
    tensor = np.arange(24, dtype=np.float16).reshape(2, 3, 4)
    with regions.lend(1000) as region:
        region.write(tensor[:, ::-1])  # not contiguous
        np.testing.assert_array_equal(region.read((2, 3, 4), np.float16, offset=0), tensor[:, ::-1])
        back = region.read((2, 2), np.float16, offset=16)
        region.write(np.zeros_like(tensor))
    np.testing.assert_array_equal(back, tensor[:, ::-1].ravel()[8:12].reshape(2, 2))  # a copy
    regions.close()


def test_what_is_blank_is_no_number() -> None:
    regions = SharedRegions()
    with regions.lend(100) as region:
        region.write(np.zeros(20, dtype=np.float16))
        region.blank(12, offset=8)
        got = region.read((20,), np.float16, offset=0)
    assert np.isnan(got).tolist() == [False] * 4 + [True] * 6 + [False] * 10
    regions.close()


def test_one_caller_after_another_has_the_same_region() -> None:
    regions = SharedRegions()
    with regions.lend(MIB) as first:
        pass
    with regions.lend(10) as second:
        assert second is first
        with regions.lend(10) as beside:
            assert beside is not first
    regions.close()


def test_a_region_that_is_too_small_is_replaced() -> None:
    regions = SharedRegions()
    with regions.lend(MIB) as small:
        pass
    with regions.lend(3 * MIB) as large:
        assert large.size >= 3 * MIB
        assert not exists(small)
    regions.close()


def test_a_region_whose_call_failed_is_not_lent_again() -> None:
    regions = SharedRegions()
    with pytest.raises(RuntimeError), regions.lend(10) as failed:
        raise RuntimeError
    assert not exists(failed)
    with regions.lend(10) as next_one:
        assert next_one is not failed
    regions.close()


def test_closed_nothing_is_left() -> None:
    regions = SharedRegions()
    with regions.lend(10) as one, regions.lend(10) as other:
        pass
    with regions.lend(10) as lent:
        regions.close()
        assert exists(lent)
    assert not any(exists(region) for region in (one, other, lent))
    regions.close()


def test_forgotten_nothing_is_left() -> None:
    regions = SharedRegions()
    with regions.lend(10) as region:
        pass
    assert exists(region)
    del regions
    gc.collect()
    assert not exists(region)
