"""What the pipeline tells becomes events of the call; the call's cancellation becomes the pipeline's."""

from __future__ import annotations

import numpy as np

from imaging.pipeline.observer import Stage
from imaging.regions import BoolVolume, Region
from serving.gateway.answers import Emit, Found, Progressed, RegionVolume
from serving.gateway.cancellation import Cancellation
from serving.telemetry.tracing import stage_ended


class CallObserver:
    """Follows the pipeline for one call, from the thread that runs it.

    Args:
        emit: Takes the events; called from that thread.
        cancellation: Says whether to go on.
    """

    def __init__(self, emit: Emit, cancellation: Cancellation) -> None:
        self._emit = emit
        self._cancellation = cancellation

    def progressed(self, stage: Stage, done: int, total: int) -> None:
        """Tell it as `Progressed`."""
        if done == total:
            stage_ended(stage)
        self._emit(Progressed(stage, done, total))

    def found(self, region: Region, mask: BoolVolume, *, voxel_volume_ml: float) -> None:
        """Tell its volume as `Found`."""
        self._emit(Found(measure(region, mask, voxel_volume_ml=voxel_volume_ml)))

    def check_cancelled(self) -> None:
        """Stop here if the call is over.

        Raises:
            PipelineCancelledError: It is.
        """
        self._cancellation.check()


def measure(region: Region, mask: BoolVolume, *, voxel_volume_ml: float, voxels_removed: int = 0) -> RegionVolume:
    """The volume of a mask `bool [i, j, k]`."""
    voxels = int(np.count_nonzero(mask))
    return RegionVolume(region, voxels, voxels * voxel_volume_ml, voxels_removed)
