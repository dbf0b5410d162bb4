from __future__ import annotations

import os
from itertools import pairwise, permutations, product
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imaging.errors import MetricError
from imaging.metrics.hd95 import Hd95Definition, compute_hd95_mm
from tests.imaging.metrics.masks import box, mask_pairs, masks, spacings_mm, tumour
from tests.imaging.metrics.oracles import medpy_hd95_mm, monai_hd95_mm, surface_distance_hd95_mm

definitions = pytest.mark.parametrize("definition", list(Hd95Definition))
modest = settings(deadline=None, max_examples=60)


@modest
@given(pair=mask_pairs(), spacing_mm=spacings_mm)
def test_pooled_is_medpys(pair, spacing_mm):
    ours = compute_hd95_mm(*pair, spacing_mm=spacing_mm)
    assert ours == pytest.approx(medpy_hd95_mm(*pair, spacing_mm), abs=1e-9)


@modest
@given(pair=mask_pairs(), spacing_mm=spacings_mm)
def test_directed_max_is_monais(pair, spacing_mm):
    ours = compute_hd95_mm(*pair, spacing_mm=spacing_mm, definition=Hd95Definition.DIRECTED_MAX)
    # MONAI computes in float32.
    assert ours == pytest.approx(monai_hd95_mm(*pair, spacing_mm), rel=1e-5, abs=1e-5)


@modest
@given(pair=mask_pairs(), spacing_mm=spacings_mm)
def test_surfel_weighted_is_surface_distances(pair, spacing_mm):
    ours = compute_hd95_mm(*pair, spacing_mm=spacing_mm, definition=Hd95Definition.SURFEL_WEIGHTED)
    # Where surfels of equal area end at exactly 95 %, the library's answer hangs on rounding: either is right.
    lowest, highest = (
        surface_distance_hd95_mm(*pair, spacing_mm, percent=percent) for percent in (95 - 1e-9, 95 + 1e-9)
    )
    assert lowest - 1e-9 <= ours <= highest + 1e-9


@pytest.mark.parametrize("shift", [0, 5, 12])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (0.9375, 0.9375, 5.0)])
def test_all_definitions_on_tumours(seed, shift, spacing_mm):
    """Shifts take most points out of the reach of the lattice look-up."""
    prediction, reference = np.roll(tumour(seed), shift, axis=0), tumour(seed + 1)
    got = {
        definition: compute_hd95_mm(prediction, reference, spacing_mm=spacing_mm, definition=definition)
        for definition in Hd95Definition
    }
    assert got == pytest.approx(
        {
            Hd95Definition.POOLED: medpy_hd95_mm(prediction, reference, spacing_mm),
            Hd95Definition.DIRECTED_MAX: monai_hd95_mm(prediction, reference, spacing_mm),
            Hd95Definition.SURFEL_WEIGHTED: surface_distance_hd95_mm(prediction, reference, spacing_mm),
        },
        rel=1e-6,
    )
    assert len(set(got.values())) > 1, "these masks can't tell the definitions apart"


@definitions
@modest
@given(pair=mask_pairs(), spacing_mm=spacings_mm)
def test_symmetric_in_its_masks(definition, pair, spacing_mm):
    one, other = pair
    forth = compute_hd95_mm(one, other, spacing_mm=spacing_mm, definition=definition)
    back = compute_hd95_mm(other, one, spacing_mm=spacing_mm, definition=definition)
    assert forth == pytest.approx(back, abs=1e-12)


@definitions
@modest
@given(
    pair=mask_pairs(),
    spacing_mm=spacings_mm,
    before=st.tuples(*[st.integers(0, 4)] * 3),
    after=st.tuples(*[st.integers(0, 4)] * 3),
)
def test_the_same_wherever_masks_lie(definition, pair, spacing_mm, before, after):
    """Also at the array's edge: what lies beyond it is outside."""
    moved = [np.pad(mask, list(zip(before, after, strict=True))) for mask in pair]
    # Among equally near points another may be found, whose distance is summed in another order: a last bit.
    assert compute_hd95_mm(*moved, spacing_mm=spacing_mm, definition=definition) == pytest.approx(
        compute_hd95_mm(*pair, spacing_mm=spacing_mm, definition=definition), abs=1e-12
    )


@definitions
@modest
@given(
    pair=mask_pairs(),
    spacing_mm=spacings_mm,
    axes=st.sampled_from(list(permutations(range(3)))),
    flips=st.sampled_from(list(product([1, -1], repeat=3))),
)
def test_the_same_in_every_orientation_and_memory_order(definition, pair, spacing_mm, axes, flips):
    turned = [mask.transpose(axes)[:: flips[0], :: flips[1], :: flips[2]] for mask in pair]
    turned_spacing_mm = [spacing_mm[axis] for axis in axes]
    expected = compute_hd95_mm(*pair, spacing_mm=spacing_mm, definition=definition)
    assert compute_hd95_mm(
        np.asfortranarray(turned[0]), turned[1], spacing_mm=turned_spacing_mm, definition=definition
    ) == pytest.approx(expected, abs=1e-9)


@definitions
@modest
@given(pair=mask_pairs(), spacing_mm=spacings_mm, factor=st.sampled_from([0.5, 2.0, 10.0]))
def test_grows_with_the_spacing(definition, pair, spacing_mm, factor):
    scaled = compute_hd95_mm(*pair, spacing_mm=[factor * mm for mm in spacing_mm], definition=definition)
    assert scaled == pytest.approx(
        factor * compute_hd95_mm(*pair, spacing_mm=spacing_mm, definition=definition), rel=1e-9
    )


@definitions
@modest
@given(data=st.data(), spacing_mm=spacings_mm)
def test_zero_for_equal_masks(definition, data, spacing_mm):
    mask = data.draw(masks((5, 6, 4)))
    assert compute_hd95_mm(mask, mask.copy(), spacing_mm=spacing_mm, definition=definition) == 0.0


@definitions
@pytest.mark.parametrize(("axis", "steps"), [(0, 1), (1, 2), (2, 3), (0, 7), (2, 11)])
def test_two_single_voxels(definition, axis, steps):
    """All distances between two single voxels, and between their corners one for one, are as far as they are apart.

    Between corners the nearest may be those of the facing sides: one step less for half of the surface.
    """
    spacing_mm = (1.0, 2.0, 3.5)
    start, end = [0, 0, 0], [0, 0, 0]
    end[axis] = steps
    prediction = box((12, 12, 12), tuple(start), (1, 1, 1))
    reference = box((12, 12, 12), tuple(end), (1, 1, 1))
    assert compute_hd95_mm(prediction, reference, spacing_mm=spacing_mm, definition=definition) == pytest.approx(
        steps * spacing_mm[axis]
    )


@definitions
def test_far_from_each_other_and_within_reach_agree(definition):
    """Points beyond the lattice look-up take the k-d tree's path; a plane shifted step by step crosses over."""
    reference = box((6, 6, 20), (0, 0, 0), (6, 6, 1))
    distances = [
        compute_hd95_mm(
            box((6, 6, 20), (0, 0, shift), (6, 6, 1)), reference, spacing_mm=(1.0, 1.0, 1.5), definition=definition
        )
        for shift in range(8)
    ]
    assert distances == pytest.approx([1.5 * shift for shift in range(8)])


def test_outliers_within_five_percent_do_not_count():
    reference = box((40, 40, 10), (0, 0, 2), (30, 30, 1))
    prediction = reference.copy()
    prediction[39, 39, 9] = True
    assert compute_hd95_mm(prediction, reference, spacing_mm=(1.0, 1.0, 1.0)) == 0.0


@pytest.mark.parametrize(
    ("prediction", "reference", "spacing_mm", "field"),
    [
        (np.zeros((3, 3, 3), bool), np.ones((3, 3, 3), bool), (1, 1, 1), "prediction"),
        (np.ones((3, 3, 3), bool), np.zeros((3, 3, 3), bool), (1, 1, 1), "reference"),
        (np.ones((3, 3, 4), bool), np.ones((3, 3, 3), bool), (1, 1, 1), "prediction"),
        (np.ones((3, 3, 3), np.uint8), np.ones((3, 3, 3), bool), (1, 1, 1), "prediction"),
        (np.ones((3, 3), bool), np.ones((3, 3), bool), (1, 1, 1), "prediction"),
        (np.ones((3, 0, 3), bool), np.ones((3, 0, 3), bool), (1, 1, 1), "prediction"),
        (np.ones((3, 3, 3), bool), np.ones((3, 3, 3), bool), (1, 1), "spacing_mm"),
        (np.ones((3, 3, 3), bool), np.ones((3, 3, 3), bool), (1, 1, 0), "spacing_mm"),
        (np.ones((3, 3, 3), bool), np.ones((3, 3, 3), bool), (1, 1, float("nan")), "spacing_mm"),
    ],
)
def test_faults_are_typed(prediction, reference, spacing_mm, field):
    with pytest.raises(MetricError) as raised:
        compute_hd95_mm(prediction, reference, spacing_mm=spacing_mm)
    assert raised.value.field == field


def test_spacing_is_mandatory():
    with pytest.raises(TypeError, match="spacing_mm"):
        compute_hd95_mm(np.ones((3, 3, 3), bool), np.ones((3, 3, 3), bool))


def test_arguments_stay_as_they_were():
    prediction, reference = tumour(1, (20, 20, 12)), tumour(2, (20, 20, 12))
    originals = prediction.copy(), reference.copy()
    for definition in Hd95Definition:
        compute_hd95_mm(prediction, reference, spacing_mm=(1, 1, 1), definition=definition)
    assert (prediction == originals[0]).all()
    assert (reference == originals[1]).all()


@pytest.mark.patients
def test_all_definitions_on_real_tumours():
    """One patient's tumour against the next one's, shifted onto it: as unlike as a poor prediction."""
    root = os.environ.get("GLIOSERVE_BRATS_DIR")
    if root is None:
        pytest.skip("GLIOSERVE_BRATS_DIR is not set")
    files = sorted(Path(root).glob("*/*_seg.nii*"))[:3]
    tumours = [np.asarray(nib.load(file).dataobj) > 0 for file in files]
    for reference, other in pairwise(tumours):
        shift = np.array(np.nonzero(reference)).mean(axis=1) - np.array(np.nonzero(other)).mean(axis=1)
        prediction = np.roll(other, np.rint(shift).astype(int), axis=(0, 1, 2))
        spacing_mm = (1.0, 1.0, 1.0)
        got = {
            definition: compute_hd95_mm(prediction, reference, spacing_mm=spacing_mm, definition=definition)
            for definition in Hd95Definition
        }
        assert got == pytest.approx(
            {
                Hd95Definition.POOLED: medpy_hd95_mm(prediction, reference, spacing_mm),
                Hd95Definition.DIRECTED_MAX: monai_hd95_mm(prediction, reference, spacing_mm),
                Hd95Definition.SURFEL_WEIGHTED: surface_distance_hd95_mm(prediction, reference, spacing_mm),
            },
            rel=1e-6,
        )
