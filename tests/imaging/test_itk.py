import subprocess
import sys
from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK
from scipy.spatial.transform import Rotation

from imaging.geometry import Grid
from imaging.itk import from_itk, to_itk, to_itk_point, to_itk_transform, to_itk_world
from imaging.volume import Volume

SHAPE = (3, 4, 5)
ORIENTATIONS = [(order, signs) for order in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)]


def volume(order=(0, 1, 2), signs=(1, 1, 1), *, rotation_deg=(0, 0, 0), dtype=np.int16):
    affine = np.eye(4)
    affine[:3, :3] = 0
    for axis, (world, sign) in enumerate(zip(order, signs, strict=True)):
        affine[world, axis] = sign * (1.0, 1.5, 2.5)[axis]
    affine[:3, :3] = Rotation.from_rotvec(rotation_deg, degrees=True).as_matrix() @ affine[:3, :3]
    affine[:3, 3] = (-10, 20, 7.5)
    return Volume(np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(dtype), Grid(SHAPE, affine))


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS)
@pytest.mark.parametrize("rotation_deg", [(0, 0, 0), (10, -20, 5)])
def test_a_volume_comes_back_as_it_went(order, signs, rotation_deg):
    there = volume(order, signs, rotation_deg=rotation_deg)
    back = from_itk(to_itk(there))

    np.testing.assert_array_equal(back.voxels, there.voxels)
    assert back.voxels.dtype == there.voxels.dtype
    np.testing.assert_allclose(back.grid.affine, there.grid.affine, atol=1e-9)


def test_each_voxel_keeps_its_place_in_the_world():
    there = volume((2, 0, 1), (-1, 1, -1), rotation_deg=(3, 4, 5))
    image = to_itk(there)
    for index in ((0, 0, 0), (2, 1, 4), (1, 3, 0)):
        ras = (there.grid.affine @ [*index, 1.0])[:3]
        np.testing.assert_allclose(image.TransformIndexToPhysicalPoint(index), to_itk_point(ras))
        assert image[index] == there.voxels[index]


def test_the_first_two_axes_of_the_world_point_the_other_way():
    np.testing.assert_array_equal(to_itk_point(np.array([1.0, 2.0, 3.0])), [-1, -2, 3])


def test_a_map_of_the_world_is_the_same_map_in_itks():
    rng = np.random.default_rng(5)
    matrix = np.eye(4)
    matrix[:3] += rng.normal(scale=0.3, size=(3, 4))
    point = rng.normal(size=3)
    there = to_itk_transform(matrix).TransformPoint(to_itk_point(point).tolist())

    np.testing.assert_allclose(to_itk_point(np.array(there)), (matrix @ [*point, 1.0])[:3])
    np.testing.assert_allclose(to_itk_world(to_itk_world(matrix)), matrix)


def test_itk_is_bound_to_one_thread_a_call():
    code = "import SimpleITK, imaging.itk;assert SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert SimpleITK.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1
