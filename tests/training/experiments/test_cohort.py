import numpy as np
import pytest

from imaging.brainmap.maps import BrainMap
from imaging.brats import find_cases, load_exam, load_reference
from imaging.modality import Modality
from imaging.regions import Region
from training.experiments.cohort import edit_at_random, make_cohort


class BandPainter:
    """Paints every band in its middle."""

    multiple = 1

    def paint(self, bands, lesion):  # noqa: ARG002
        return {modality: (np.maximum(array, 1) - 0.5).astype(np.float32) / 4 for modality, array in bands.items()}


@pytest.fixture(scope="module")
def sources(data):
    return [case for case in find_cases(data) if case.case_id in {"BraTS2021_00001", "BraTS2021_00002"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cohort")


@pytest.fixture(scope="module")
def cohort(sources, folder):
    return make_cohort(sources, BandPainter(), folder, seed=5)


def test_a_case_is_made_of_each_source(cohort, sources):
    assert [made.source for made in cohort.made] == [case.case_id for case in sources]
    assert [case.case_id for case in cohort.cases] == ["Synthetic_000", "Synthetic_001"]
    for made, case in zip(cohort.made, cohort.cases, strict=True):
        assert made.edit.changes_lesion
        assert case.voxels[Region.WT] > 0
        assert case.slices.shape[1] == len(Modality)


def test_finished_cases_are_opened_not_made_again(cohort, sources, folder):
    class NoPainter:
        multiple = 1

        def paint(self, bands, lesion):  # noqa: ARG002
            raise AssertionError("painted again")

    again = make_cohort(sources, NoPainter(), folder, seed=5)
    assert again.made == cohort.made
    np.testing.assert_array_equal(again.cases[0].slices, cohort.cases[0].slices)


def test_a_case_is_a_function_of_source_seed_and_number(sources):
    brain_map = BrainMap.of_exam(load_exam(sources[0]), load_reference(sources[0]))
    first, one = edit_at_random(brain_map, number=0, source="s", seed=1)
    again, other = edit_at_random(brain_map, number=0, source="s", seed=1)
    assert first == again
    np.testing.assert_array_equal(one.lesion, other.lesion)
    assert edit_at_random(brain_map, number=1, source="s", seed=1)[0].edit != first.edit
    assert edit_at_random(brain_map, number=0, source="s", seed=2)[0].edit != first.edit
