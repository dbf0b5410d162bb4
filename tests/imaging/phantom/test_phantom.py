from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy import ndimage

from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.phantom import Enhancement, Phantom, PhantomError, make_phantom
from imaging.regions import Region
from imaging.volume import Volume

AFFINE = [[-1, 0, 0, 0], [0, -1, 0, 239], [0, 0, 1, 0], [0, 0, 0, 1]]

DIGEST = """
import hashlib
from imaging.phantom import make_phantom
phantom = make_phantom(3, enhancement="ring")
digest = hashlib.sha256(phantom.labels.tobytes())
for volume in phantom.exam.volumes.values():
    digest.update(volume.voxels.tobytes())
print(digest.hexdigest())
"""


def brain_of(phantom: Phantom) -> np.ndarray:
    return np.asarray(phantom.exam.volumes[Modality.T1].voxels > 0)


def tissue(phantom: Phantom, name: str) -> np.ndarray:
    wt, tc, et = (phantom.masks[region] for region in (Region.WT, Region.TC, Region.ET))
    brain = brain_of(phantom)
    if name == "healthy":
        return brain & ~ndimage.binary_dilation(wt, iterations=5)
    return {"oedema": wt & ~tc, "necrosis": tc & ~et, "enhancing": et}[name]


def z_scored(volume: Volume, brain: np.ndarray) -> np.ndarray:
    inside = volume.voxels[brain].astype(np.float64)
    return (volume.voxels - inside.mean()) / inside.std()


def test_another_process_makes_the_same_bytes(ring: Phantom) -> None:
    digest = hashlib.sha256(ring.labels.tobytes())
    for volume in ring.exam.volumes.values():
        digest.update(volume.voxels.tobytes())
    environment = {**os.environ, "PYTHONHASHSEED": "1", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([sys.executable, "-c", DIGEST], capture_output=True, text=True, check=True, env=environment)
    assert run.stdout.strip() == digest.hexdigest()


def test_other_seeds_give_other_heads_and_tumours(phantoms: dict[Enhancement, Phantom]) -> None:
    brains = [brain_of(phantom) for phantom in phantoms.values()]
    masks = [phantom.masks[Region.WT] for phantom in phantoms.values()]
    for first in range(3):
        for second in range(first):
            assert (brains[first] != brains[second]).sum() > 20_000
            assert (masks[first] != masks[second]).sum() > 20_000


def test_geometry_is_that_of_brats_2018(phantom: Phantom) -> None:
    assert list(phantom.exam.volumes) == list(Modality)
    assert phantom.exam.grid.shape == (240, 240, 155)
    assert phantom.exam.grid.axis_codes == "LPS"
    np.testing.assert_array_equal(phantom.exam.grid.affine, AFFINE)
    for volume in phantom.exam.volumes.values():
        assert volume.voxels.dtype == np.int16
    for mask in phantom.masks.values():
        assert mask.dtype == np.bool_
        assert mask.shape == (240, 240, 155)


def test_skull_is_stripped_alike_in_all_contrasts(phantom: Phantom) -> None:
    brain = brain_of(phantom)
    for volume in phantom.exam.volumes.values():
        np.testing.assert_array_equal(volume.voxels > 0, brain)
        assert volume.voxels.min() == 0
    assert 1.1e6 < brain.sum() < 1.8e6
    largest = np.bincount(ndimage.label(brain)[0].ravel())[1:].max()
    assert largest > 0.999 * brain.sum()
    for face in (brain[0], brain[-1], brain[:, 0], brain[:, -1], brain[:, :, -1]):
        assert not face.any()


def test_regions_are_nested_and_inside_the_brain(phantom: Phantom) -> None:
    wt, tc, et = (phantom.masks[region] for region in (Region.WT, Region.TC, Region.ET))
    assert not (et & ~tc).any()
    assert not (tc & ~wt).any()
    assert not (wt & ~brain_of(phantom)).any()
    assert (wt & ~tc).any()


def test_volumes_are_those_planned(phantom: Phantom) -> None:
    assert phantom.masks[Region.WT].sum() / 1000 == pytest.approx(phantom.plan.wt_ml, rel=0.05)
    assert phantom.masks[Region.TC].sum() / 1000 == pytest.approx(phantom.plan.tc_ml, rel=0.15)


def test_tumour_is_on_the_planned_side(phantom: Phantom) -> None:
    i, _, _ = ndimage.center_of_mass(phantom.masks[Region.TC])
    # I runs to the left.
    assert (i > 120) == (phantom.plan.centre_mm[0] < 0)


def test_only_tumours_with_uptake_have_et(phantoms: dict[Enhancement, Phantom]) -> None:
    assert not phantoms[Enhancement.NONE].masks[Region.ET].any()
    for kind in (Enhancement.RING, Enhancement.NODULAR):
        assert phantoms[kind].masks[Region.ET].sum() > 1000


def test_ring_is_a_rim(ring: Phantom) -> None:
    depth = ndimage.distance_transform_edt(ring.masks[Region.TC])
    assert np.median(depth[tissue(ring, "enhancing")]) + 2 < np.median(depth[tissue(ring, "necrosis")])


def test_labels_are_those_of_brats_2018(phantom: Phantom) -> None:
    labels = phantom.labels
    expected = {0, 1, 2} if phantom.plan.enhancement is Enhancement.NONE else {0, 1, 2, 4}
    assert set(np.unique(labels).tolist()) == expected
    for region, mask in LabelScheme.BRATS_2018.to_regions(labels).items():
        np.testing.assert_array_equal(mask, phantom.masks[region])


def test_contrasts_show_tumours_as_the_field_knows_them(phantom: Phantom) -> None:
    brain = brain_of(phantom)
    z = {modality: z_scored(volume, brain) for modality, volume in phantom.exam.volumes.items()}
    healthy, oedema, core = (tissue(phantom, name) for name in ("healthy", "oedema", "necrosis"))

    def median(modality: Modality, where: np.ndarray) -> float:
        return float(np.median(z[modality][where]))

    assert median(Modality.FLAIR, oedema) > median(Modality.FLAIR, healthy) + 0.5
    assert median(Modality.T2, oedema) > median(Modality.T2, healthy) + 0.2
    assert median(Modality.T2, core) > median(Modality.T2, healthy) + 0.5
    # Darker than white matter, which is the brightest third of a T1 image.
    assert median(Modality.T1, core) < np.quantile(z[Modality.T1][healthy], 0.7) - 0.3
    enhancing = tissue(phantom, "enhancing")
    if enhancing.any():
        uptake = z[Modality.T1CE] - z[Modality.T1]
        assert median(Modality.T1CE, enhancing) > median(Modality.T1CE, core) + 0.8
        assert np.median(uptake[enhancing]) > np.median(uptake[oedema]) + 0.6


def test_fluid_is_dark_in_t1_and_flair_and_bright_in_t2(phantom: Phantom) -> None:
    brain = brain_of(phantom)
    z = {modality: z_scored(volume, brain) for modality, volume in phantom.exam.volumes.items()}
    inner = ndimage.binary_erosion(brain, iterations=12) & tissue(phantom, "healthy")
    ventricles = inner & (z[Modality.T2] > np.quantile(z[Modality.T2][inner], 0.985))
    assert np.median(z[Modality.T2][ventricles]) > 1.5
    assert np.median(z[Modality.T1][ventricles]) < -1.2
    assert np.median(z[Modality.FLAIR][ventricles]) < -1.0


def test_description_says_that_it_is_no_patient(ring: Phantom) -> None:
    assert ring.case_id == "Phantom_0003"
    assert "Synthetic phantom, no patient: ring-enhancing glioma" in ring.description
    volume_ml = ring.masks[Region.WT].sum() / 1000
    assert f"WT {volume_ml:.1f} ml" in ring.description


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(PhantomError) as caught:
        make_phantom(-1)
    assert caught.value.field == "seed"
