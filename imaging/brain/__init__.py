"""Brain extraction: which voxels of a head are brain."""
