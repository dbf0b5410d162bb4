"""What an exam costs by its brain and by its frame.

    python -m benchmarks.frames [--pairs 3] [--widen 2]

One phantom's brain is scaled to several sizes in one frame, and one small brain is laid into frames of several sizes.
Both go through the pipeline around the bare engine, by turns. Linear in brain voxels means that a line through the
first times explains at least 95 % of their variance; independent of the frame, that the largest takes at most 1.5
times as long as the smallest, whose area is 16 times smaller.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.bare import BareEngine
from benchmarks.pairing import Rounds, by_turns, clocked
from benchmarks.peers import MICRO_BATCH
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.workload import FIRST_PHANTOM, common_options, in_flight, options_of, repository
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.phantom import make_phantom
from imaging.pipeline.segment import segment
from imaging.preprocess.normalise import find_brain
from imaging.volume import Volume
from serving.inference.catalog import repository_catalog

FRAMES = (128, 192, 256, 384, 512)
SCALES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SMALL = 0.6
"""Of the brain in frames of several sizes: it fits the smallest."""
MIN_EXPLAINED = 0.95
MAX_GROWTH = 1.5


@dataclass(frozen=True, eq=False)
class Sized:
    """An exam of a given size.

    Args:
        exam: The exam.
        frame: Extent of its slices.
        brain: Its brain's voxels.
    """

    exam: Exam
    frame: int
    brain: int


def scaled(exam: Exam, scale: float, frame: int) -> Sized:
    """The same head, smaller, in the middle of a square frame of as many slices as it needs."""
    brain = find_brain({modality: volume.voxels for modality, volume in exam.volumes.items()})
    (box,) = ndimage.find_objects(brain.astype(np.uint8))
    heads = {modality: volume.voxels[box].astype(np.int32) for modality, volume in exam.volumes.items()}
    volumes = {modality: _laid(ndimage.zoom(head, scale, order=0), frame) for modality, head in heads.items()}
    shape = next(iter(volumes.values())).shape
    grid = Grid((shape[0], shape[1], shape[2]), np.eye(4))
    sized = Exam({modality: Volume(voxels, grid) for modality, voxels in volumes.items()})
    return Sized(sized, frame, int(np.count_nonzero(find_brain(volumes))))


def _laid(voxels: npt.NDArray[Any], frame: int) -> npt.NDArray[Any]:
    around = [((frame - extent) // 2, frame - extent - (frame - extent) // 2) for extent in voxels.shape[:2]]
    return np.pad(voxels, [*around, (2, 2)])


def explained(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """What share of the seconds' variance a line over the sizes explains."""
    return float(np.corrcoef(sizes, seconds)[0, 1] ** 2)


def main() -> None:
    """Measure and publish."""
    arguments = parse_arguments()
    exam = make_phantom(FIRST_PHANTOM).exam
    with repository(arguments) as models:
        engine = BareEngine(models)
    plans = repository_catalog(arguments.models).plans

    def timed(all_sized: Sequence[Sized]) -> Rounds:
        run = partial(segment, predictor=engine, plans=plans, micro_batch=MICRO_BATCH, in_flight=in_flight())
        ways = {f"{number}": clocked(partial(run, sized.exam)) for number, sized in enumerate(all_sized)}
        return by_turns(ways, rounds=arguments.pairs)

    brains = [scaled(exam, scale, 240) for scale in arguments.scales]
    frames = [scaled(exam, SMALL, frame) for frame in arguments.frames]
    by_brain, by_frame = timed(brains), timed(frames)
    seconds = [by_brain.spread(f"{number}").median for number in range(len(brains))]
    linear = explained([sized.brain for sized in brains], seconds)
    growth = by_frame.ratio(f"{len(frames) - 1}", "0")
    claims = [
        Claim(
            "variance of the seconds that a line over brain voxels explains",
            f"at least {MIN_EXPLAINED:.0%}",
            f"{linear:.1%}",
            linear >= MIN_EXPLAINED,
        ),
        Claim(
            f"time in a frame of {frames[-1].frame} against one of {frames[0].frame}, the same brain",
            f"at most {MAX_GROWTH} times",
            growth.text(),
            growth.median <= MAX_GROWTH,
        ),
    ]
    tables = [
        table("One brain, scaled, in a frame of 240 x 240", brains, by_brain),
        table("One small brain in frames of several sizes", frames, by_frame),
    ]
    publish(Record("frames", options_of(arguments), claims, tables, [f"Served: {engine.text()}."]), arguments.results)


def table(caption: str, all_sized: Sequence[Sized], rounds: Rounds) -> Table:
    """Sizes and times."""
    rows = []
    for number, sized in enumerate(all_sized):
        spread = rounds.spread(f"{number}")
        per_million = spread.median / sized.brain * 1e6
        rows.append([f"{sized.frame}", f"{sized.brain / 1e6:.3f}", spread.text(), f"{per_million:.2f}"])
    columns = ["frame", "brain, 10^6 voxels", "seconds", "seconds per 10^6 voxels"]
    return Table(f"{caption}; medians (least to greatest).", columns, rows)


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_options(__doc__, pairs=3, width=2)
    parser.add_argument("--scales", type=float, nargs="+", default=SCALES, help="of the brain, from 0.5 to 1")
    parser.add_argument("--frames", type=int, nargs="+", default=FRAMES, help="extents of square frames, from 128 up")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
