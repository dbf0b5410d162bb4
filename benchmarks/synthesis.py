"""Slices per second drawn through Triton, against the same ONNX file called in a plain loop.

    python -m benchmarks.synthesis [--pairs 5] [--slices 24]

Both draw the same slices of a built-in brain map, by turns. The plain loop is what a script would do: one ONNX Runtime
session with as many threads as there are cores, one micro-batch after the other. Through Triton as many callers draw as
the model has instances, as workers of a cohort do. A third column has one caller against a session of one thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from benchmarks.machine import cores
from benchmarks.pairing import Rounds, by_turns, clocked
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.workload import common_options, options_of
from imaging.brainmap.builtin import builtin_map
from imaging.brainmap.draw import draw_exam
from imaging.brainmap.maps import BrainMap
from imaging.exam import Exam
from imaging.geometry import Grid
from imaging.modality import Modality
from imaging.synthesis.case import BuiltinSource
from serving.settings import load_settings
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


def row(name: str, slices: int, rounds: Rounds) -> list[str]:
    """Slices per second of both, and how much more time Triton takes."""
    triton, plain = (slices / rounds.spread(way).median for way in ("triton", "loop"))
    overhead = rounds.ratio("triton", "loop")
    return [name, f"{triton:.2f}", f"{plain:.2f}", f"{overhead.text()}"]


def main() -> None:
    """Measure and publish."""
    arguments = parse_arguments()
    brain_map = slab(builtin_map(BuiltinSource(SEED)), arguments.slices)
    count = cores()
    with open_painter(load_settings({"models": arguments.models})) as served, ThreadPoolExecutor(count) as callers:
        wide = PlainPainter(served, arguments.models, threads=count)
        narrow = PlainPainter(served, arguments.models, threads=1)
        batch = served.micro_batch

        def through_triton(exams: int) -> list[Exam]:
            return list(callers.map(lambda _: draw_exam(brain_map, served, micro_batch=batch), range(exams)))

        def in_a_loop(painter: PlainPainter, exams: int) -> list[Exam]:
            return [draw_exam(brain_map, painter, micro_batch=batch) for _ in range(exams)]

        def timed(painter: PlainPainter, exams: int) -> Rounds:
            ways = {
                "triton": clocked(lambda: through_triton(exams)),
                "loop": clocked(lambda: in_a_loop(painter, exams)),
            }
            return by_turns(ways, rounds=arguments.pairs)

        many, one = timed(wide, count), timed(narrow, 1)
        alike = same(through_triton(1)[0], in_a_loop(narrow, 1)[0])
    rows = [
        row(f"{count} callers / {count} threads", count * arguments.slices, many),
        row("1 caller / 1 thread", arguments.slices, one),
    ]
    caption = f"{arguments.slices} slices of a built-in map in micro-batches of {batch}; slices per second."
    table = Table(
        caption, ["callers / the loop's threads", "Triton", "plain loop", "Triton's time, times the loop's"], rows
    )
    claim = Claim("voxels through Triton and in the plain loop", "the same", "the same" if alike else "others", alike)
    publish(Record("synthesis", options_of(arguments), [claim], [table]), arguments.results)


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_options(__doc__, pairs=5)
    parser.add_argument("--slices", type=int, default=24)
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
