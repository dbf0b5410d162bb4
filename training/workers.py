"""Training by one process, or by several that `torchrun` started: each learns from its share of every batch."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lightning_fabric import Fabric

from training.errors import TrainingError


@dataclass(frozen=True)
class Share:
    """What one worker takes of every batch: slices `rank`, `rank + count`, and so on.

    Args:
        rank: Which worker, from 0.
        count: How many there are.

    Raises:
        TrainingError: There is no such worker.
    """

    rank: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.count:
            raise TrainingError("rank", f"must lie between 0 and {self.count - 1}", f"{self.rank}")


def open_fabric(environment: Mapping[str, str] = os.environ) -> Fabric:
    """Device and precision of this process, in the company that its environment tells of.

    Under `torchrun` the workers find each other here, and gradients are averaged over them after every batch.

    Args:
        environment: `WORLD_SIZE`, `LOCAL_WORLD_SIZE` and their kin, as `torchrun` sets them; without them one process
            trains alone.

    Raises:
        TrainingError: `torchrun` started unlike numbers of workers on its nodes.
    """
    workers, here = int(environment.get("WORLD_SIZE", "1")), int(environment.get("LOCAL_WORLD_SIZE", "1"))
    if workers == 1:
        return Fabric(accelerator="auto", devices=1, precision="bf16-mixed")
    if workers % here:
        raise TrainingError("workers", "must be as many on each node", f"{here} of {workers} on this one")
    fabric = Fabric(accelerator="auto", devices=here, num_nodes=workers // here, strategy="ddp", precision="bf16-mixed")
    fabric.launch()
    return fabric


def share_of(fabric: Fabric) -> Share:
    """What this process takes of every batch."""
    return Share(fabric.global_rank, fabric.world_size)
