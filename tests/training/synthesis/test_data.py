from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imaging.brainmap.draw import painting_box
from imaging.brainmap.intensity import to_unit_range
from imaging.brainmap.maps import BrainMap
from imaging.brats import find_cases, load_exam, load_reference
from imaging.modality import Modality
from training.synthesis import data as data_module
from training.synthesis.data import TUMOUR_SHARE, MapPairs, PairSource, place, prepare_pairs
from training.synthesis.profiles import GeneratorProfileName, Target, generator_profile

SMOKE = generator_profile(GeneratorProfileName.SMOKE, Target.JOINT)


def source(pairs, *, target=Target.JOINT, seed=1, **changes):
    return PairSource(pairs, target.channels, target.draws, replace(SMOKE, **changes), seed=seed)


def striped(*, slices=10, tumour=(3,), size=(12, 10), seed=0):
    """A patient by chance, no two of whose slices or sides are alike, with tumour in some slices."""
    rng = np.random.default_rng(seed)
    lesion = np.zeros((slices, *size), dtype=np.uint8)
    lesion[list(tumour), 2:5, 3:7] = rng.integers(1, 4, (len(tumour), 3, 4))
    return MapPairs(
        case_id="case",
        patient_id="patient",
        bands=rng.integers(1, 5, (slices, 4, *size)).astype(np.uint8),
        lesion=lesion,
        images=rng.integers(0, 256, (slices, 4, *size)).astype(np.uint8),
    )


def test_pairs_are_the_exams_map_and_its_intensities_in_the_brains_box(data, pairs):
    case = find_cases(data)[1]
    exam = load_exam(case)
    brain_map = BrainMap.of_exam(exam, load_reference(case))
    box = painting_box(brain_map.brain, multiple=1)
    found = pairs[1]
    assert (found.case_id, found.patient_id) == (case.case_id, case.patient_id)
    assert found.lesion.any()
    for index, k in ((0, box.start[2]), (7, box.start[2] + 7)):
        np.testing.assert_array_equal(found.lesion[index], box.cut(brain_map.lesion)[:, :, k - box.start[2]])
        for row, modality in enumerate(Modality):
            np.testing.assert_array_equal(found.bands[index, row], box.cut(brain_map.bands[modality])[:, :, index])
            unit = to_unit_range(exam.volumes[modality].canonical().voxels, brain_map.brain)
            np.testing.assert_allclose(found.images[index, row] / 255, box.cut(unit)[:, :, index], atol=0.5001 / 255)
    assert len(found.lesion) == len(found.bands) == len(found.images) == box.shape[2]


def test_pairs_are_made_once(data, cache, pairs, monkeypatch):
    def never(case):
        raise AssertionError(case.case_id)

    monkeypatch.setattr(data_module, "_make_pairs", never)
    before = {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}
    again = prepare_pairs(find_cases(data), cache)
    assert {path.name: path.stat().st_mtime_ns for path in cache.iterdir()} == before
    assert not [name for name in before if "partial" in name]
    for one, other in zip(again, pairs, strict=True):
        assert isinstance(one.images, np.memmap)
        np.testing.assert_array_equal(one.images, other.images)


def test_half_written_pairs_are_made_again(data, tmp_path):
    found = find_cases(data)[:1]
    (case,) = prepare_pairs(found, tmp_path)
    whole = np.array(case.bands)
    (done,) = tmp_path.glob("*.json")
    done.unlink()
    done.with_name(done.stem + ".bands.npy").write_bytes(b"half")
    (again,) = prepare_pairs(found, tmp_path)
    np.testing.assert_array_equal(again.bands, whole)


@pytest.mark.parametrize("target", [Target.JOINT, Target.T2])
def test_an_epoch_is_a_pure_function_of_its_seed_and_number(pairs, target):
    one, same = (list(source(pairs, target=target).epoch(3)) for _ in range(2))
    assert len(one) == SMOKE.steps_per_epoch
    for (maps, images), (its, again) in zip(one, same, strict=True):
        assert maps.shape == (SMOKE.batch_size, target.channels.count, *SMOKE.frame)
        assert images.shape == (SMOKE.batch_size, len(target.draws), *SMOKE.frame)
        assert maps.dtype == images.dtype == torch.float32
        assert torch.equal(maps, its)
        assert torch.equal(images, again)
    for other in (source(pairs, target=target).epoch(4), source(pairs, target=target, seed=2).epoch(3)):
        assert not torch.equal(one[0][1], next(iter(other))[1])


@pytest.mark.parametrize("target", Target)
def test_every_image_lies_in_the_bands_of_its_map(pairs, target):
    for maps, images in source(pairs, target=target, frame=(60, 56), steps_per_epoch=4, batch_size=4).epoch(0):
        brain = maps.amax(dim=1) > 0
        for index in range(len(target.draws)):
            assert not images[:, index][~brain].any()
            told = maps[:, 4 * index : 4 * index + 4]
            assert told.any()
            within = images[:, index] * 4 - (told * torch.arange(4).view(1, 4, 1, 1)).sum(dim=1)
            within = within[told.sum(dim=1) == 1]
            # Stored intensities are rounded to 255ths.
            assert within.min() >= -0.51 * 4 / 255
            assert within.max() <= 1 + 0.51 * 4 / 255


def test_left_and_right_are_exchanged_in_map_and_image_together_about_half_the_time():
    case = striped()
    frame = case.lesion.shape[1:]
    batches = source([case], frame=frame, steps_per_epoch=100, batch_size=2).epoch(0)
    mirrored = 0
    for maps, images in batches:
        for drawn, image in zip(maps.numpy(), np.rint(images.numpy() * 255), strict=True):
            (number,) = (
                n
                for n, known in enumerate(case.images)
                if any(np.array_equal(image, x) for x in (known, known[:, ::-1]))
            )
            plain = np.array_equal(image, case.images[number])
            mirrored += not plain
            bands, lesion = case.bands[number], case.lesion[number]
            side = slice(None) if plain else slice(None, None, -1)
            expected = Target.JOINT.channels.encode(
                {m: bands[row][np.newaxis, side] for row, m in enumerate(Modality)}, lesion[np.newaxis, side]
            )[0]
            np.testing.assert_array_equal(drawn, expected)
    assert 70 < mirrored < 130


def test_the_tumour_is_shown_more_often_than_it_is_there():
    batches = source([striped()], frame=(16, 16), steps_per_epoch=50, batch_size=8).epoch(0)
    share = torch.cat([maps[:, -3:].amax(dim=(1, 2, 3)) for maps, _ in batches]).mean().item()
    assert share == pytest.approx(TUMOUR_SHARE + (1 - TUMOUR_SHARE) * 0.1, abs=0.08)


def test_patients_are_shown_equally_often_also_those_without_a_tumour():
    long, short = striped(slices=40, seed=1), striped(slices=2, tumour=(), seed=2)
    known = {side.tobytes() for images in short.images for side in (images, images[:, ::-1])}
    shown = [
        np.rint(image * 255).astype(np.uint8).tobytes() in known
        for _, images in source([long, short], frame=(12, 10), steps_per_epoch=50, batch_size=8).epoch(0)
        for image in images.numpy()
    ]
    assert np.mean(shown) == pytest.approx(0.5, abs=0.08)


def test_place_centres_pads_and_cuts():
    array = np.arange(1, 13, dtype=np.uint8).reshape(1, 3, 4)
    placed = place(array, (6, 4))
    assert placed.shape == (1, 6, 4)
    np.testing.assert_array_equal(placed[:, 1:4], array)
    assert placed.sum() == array.sum()
    np.testing.assert_array_equal(place(array, (1, 2)), array[:, 1:2, 1:3])
    np.testing.assert_array_equal(place(array, (3, 4)), array)
    np.testing.assert_array_equal(place(array, (5, 2))[:, 1:4], array[..., 1:3])


@given(st.tuples(*[st.integers(1, 9)] * 4), st.none() | st.integers(0, 99))
def test_a_place_is_always_the_frames_size_and_loses_only_what_does_not_fit(sizes, seed):
    rows, columns, *frame = sizes
    rng = None if seed is None else np.random.default_rng(seed)
    placed = place(np.ones((2, rows, columns), dtype=np.uint8), tuple(frame), rng)
    assert placed.shape == (2, *frame)
    assert placed.dtype == np.uint8
    assert placed.sum() == 2 * min(rows, frame[0]) * min(columns, frame[1])


def test_by_chance_every_place_is_taken():
    rng = np.random.default_rng(0)
    places = {tuple(int(at[0]) for at in np.nonzero(place(np.ones((1, 1)), (2, 3), rng))) for _ in range(200)}
    assert places == {(i, j) for i in range(2) for j in range(3)}
