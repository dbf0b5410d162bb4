"""What the pipeline tells becomes events of the call; the call's cancellation becomes the pipeline's."""

from __future__ import annotations

import numpy as np

from imaging.geometry import Grid
from imaging.pipeline.observer import Stage
from imaging.regions import BoolVolume, Region
from serving.gateway.answers import Emit, Found, Progressed, RegionVolume
from serving.gateway.cancellation import Cancellation


class CallObserver:
    """Follows the pipeline for one call, from the thread that runs it.

    Args:
        emit: Takes the events; called from that thread.
        cancellation: Says whether to go on.
        grid: The exam's grid, for volumes in ml.
    """

    def __init__(self, emit: Emit, cancellation: Cancellation, grid: Grid) -> None:
        self._emit = emit
        self._cancellation = cancellation
        self._grid = grid

    def progressed(self, stage: Stage, done: int, total: int) -> None:
        """Tell it as `Progressed`."""
        self._emit(Progressed(stage, done, total))

    def found(self, region: Region, mask: BoolVolume) -> None:
        """Tell its volume as `Found`."""
        self._emit(Found(measure(region, mask, self._grid)))

    def check_cancelled(self) -> None:
        """Stop here if the call is over.

        Raises:
            PipelineCancelledError: It is.
        """
        self._cancellation.check()


def measure(region: Region, mask: BoolVolume, grid: Grid, *, voxels_removed: int = 0) -> RegionVolume:
    """The volume of a mask `bool [i, j, k]` on this grid."""
    voxels = int(np.count_nonzero(mask))
    return RegionVolume(region, voxels, voxels * grid.voxel_volume_ml, voxels_removed)
