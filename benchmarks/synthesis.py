"""Slices per second drawn through Triton, against the same ONNX file called in a plain loop.

    python benchmarks/synthesis.py [--pairs 5] [--slices 24] [--models models]

Both draw the same slices of a built-in brain map, by turns. The plain loop is what a script would do: one ONNX Runtime
session with as many threads as there are cores, one micro-batch after the other. Through Triton as many callers draw as
the model has instances, as workers of a cohort do. A third column has one caller against a session of one thread.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
from pairing import PairedTimes, time_paired

from imaging.brainmap.builtin import builtin_map
from imaging.brainmap.draw import draw_exam
from imaging.brainmap.maps import BrainMap
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.synthesis.case import BuiltinSource
from serving.settings import Settings
from serving.synthesis.painter import ServedPainter, open_painter

SEED = 7


class PlainPainter:
    """The ONNX file in a session of its own.

    Args:
        served: The same generator as it is served: its plan, its file.
        models: The model repository.
        threads: Of a run.
    """

    def __init__(self, served: ServedPainter, models: Path, *, threads: int) -> None:
        self.multiple = served.multiple
        self._plan = served.generator.plan
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        file = models / served.generator.name / served.generator.version / "model.onnx"
        self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def paint(
        self, bands: Mapping[Modality, npt.NDArray[np.uint8]], lesion: npt.NDArray[np.uint8]
    ) -> Mapping[Modality, npt.NDArray[np.float32]]:
        """As `imaging.brainmap.draw.Painter`."""
        images = self._session.run(None, {"maps": self._plan.channels.encode(bands, lesion)})[0]
        return {modality: images[:, index] for index, modality in enumerate(self._plan.draws)}


def slab(brain_map: BrainMap, slices: int) -> BrainMap:
    """The middle slices of a map."""
    first = (brain_map.grid.shape[2] - slices) // 2
    cut = (slice(None), slice(None), slice(first, first + slices))
    bands = {modality: np.ascontiguousarray(array[cut]) for modality, array in brain_map.bands.items()}
    shape = (*brain_map.grid.shape[:2], slices)
    return BrainMap(bands, np.ascontiguousarray(brain_map.lesion[cut]), Grid(shape, brain_map.grid.affine))


def same(one: Exam, other: Exam) -> bool:
    """Whether two exams have the same voxels."""
    return all(np.array_equal(one.volumes[m].voxels, other.volumes[m].voxels) for m in Modality)


def row(name: str, slices: int, times: PairedTimes) -> str:
    """A line of the table: slices per second of both, and how much more time Triton takes."""
    triton, plain = slices / times.first_median_s, slices / times.second_median_s
    return f"{name:<36}{triton:>10.2f}{plain:>10.2f}{(1 / times.ratio - 1) * 100:>+12.1f} %"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--slices", type=int, default=24)
    parser.add_argument("--models", type=Path, default=Path(__file__).parents[1] / "models")
    arguments = parser.parse_args()
    brain_map = slab(builtin_map(BuiltinSource(SEED)), arguments.slices)
    cores = len(os.sched_getaffinity(0))
    with open_painter(Settings(models=arguments.models)) as served, ThreadPoolExecutor(cores) as callers:
        wide = PlainPainter(served, arguments.models, threads=cores)
        narrow = PlainPainter(served, arguments.models, threads=1)
        batch = served.micro_batch

        def through_triton(count: int) -> list[Exam]:
            return list(callers.map(lambda _: draw_exam(brain_map, served, micro_batch=batch), range(count)))

        def in_a_loop(painter: PlainPainter, count: int) -> list[Exam]:
            return [draw_exam(brain_map, painter, micro_batch=batch) for _ in range(count)]

        print(f"{arguments.slices} slices of a built-in map, micro-batches of {batch}, {cores} cores, medians of")
        print(f"{arguments.pairs} pairs. Overhead: median of the pairs' ratios.\n")
        print(f"{'slices per second':<36}{'Triton':>10}{'loop':>10}{'overhead':>14}")
        many = time_paired(
            lambda: through_triton(cores), lambda: in_a_loop(wide, cores), pairs=arguments.pairs, warm_ups=1
        )
        print(row(f"{cores} callers / {cores} threads", cores * arguments.slices, many))
        one = time_paired(lambda: through_triton(1), lambda: in_a_loop(narrow, 1), pairs=arguments.pairs, warm_ups=1)
        print(row("1 caller / 1 thread", arguments.slices, one))
        print(f"\nThe same voxels: {same(through_triton(1)[0], in_a_loop(narrow, 1)[0])}")


if __name__ == "__main__":
    main()
