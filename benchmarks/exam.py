"""One exam through the product, beside what others would run, and where its time goes.

    python -m benchmarks.exam [--pairs 3] [--slices 8] [--widen 2]

By turns, on the same exam and with the same networks, widened to the usual width: the product (client, gateway,
Triton), its pipeline around the bare engine, the same micro-batches through Triton alone and through the engine alone;
and the full-frame loop over ONNX Runtime and over torch, and MONAI's sliding windows. The last three show so many
slices, evenly apart, and are scaled to all (--slices 0 shows all each time). The exam is the first patient of
GLIOSERVE_BRATS_DIR, or a phantom. One full loop more tells whether masks are the same; --no-masks leaves it out.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import glioserve
import numpy as np
import torch
from glioserve import SegmentationResult

from benchmarks.bare import BareEngine, Recorder, replay
from benchmarks.machine import cores
from benchmarks.pairing import Rounds, Way, by_turns, clocked
from benchmarks.peak import Peak, measure_peak, operations
from benchmarks.peers import MICRO_BATCH, Monai, TorchEager, naive
from benchmarks.product import Product, running_product
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.workload import Work, common_options, in_flight, one_exam, options_of, repository
from imaging.brats import find_cases, load_exam
from imaging.metrics.overlap import compute_dsc, count_confusion
from imaging.pipeline.observer import Stage
from imaging.pipeline.segment import segment
from imaging.regions import Region, RegionMasks
from serving.inference.onnxruntime_predictor import OnnxRuntimePredictor
from serving.inference.triton_predictor import TritonPredictor

PRODUCT, PIPELINE = "product: client, gateway, Triton", "pipeline around the bare engine"
TRITON, ENGINE = "Triton alone, the same micro-batches", "bare engine, the same micro-batches"
LOOP, TORCH, MONAI = "full-frame loop, ONNX Runtime fp32", "full-frame loop, torch eager fp32", "MONAI sliding windows"
MAX_DSC_CHANGE = 0.001
INFERENCE = (Stage.SEGMENT_WT, Stage.SEGMENT_TC, Stage.SEGMENT_ET)


@dataclass
class Bench:
    """The moving parts.

    Args:
        models: The repository that all ways run.
        work: The exam.
        product: What runs.
        slices: Of the full frame, that are shown by the slow ways.
    """

    models: Path
    work: Work
    product: Product
    slices: int
    results: list[tuple[SegmentationResult, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine = BareEngine(self.models)
        self.onnxruntime = OnnxRuntimePredictor(self.models, threads=cores())
        self.plans = self.onnxruntime.catalog.plans
        recorder = Recorder(self.engine)
        segment(self.work.exam, recorder, self.plans, micro_batch=MICRO_BATCH)
        self.batches = recorder.batches

    def ways(self, triton: TritonPredictor) -> Mapping[str, Way]:
        """All ways."""
        exam, plans, slices = self.work.exam, self.plans, self.slices
        torch_net, monai = TorchEager(self.models), Monai(self.models)
        return {
            PRODUCT: self._product,
            PIPELINE: clocked(self._pipeline),
            TRITON: clocked(lambda: replay(triton, self.batches, in_flight=in_flight())),
            ENGINE: clocked(lambda: replay(self.engine, self.batches, in_flight=in_flight())),
            LOOP: lambda: naive(exam, self.onnxruntime, plans, slices=slices).seconds,
            MONAI: lambda: naive(exam, monai, plans, slices=slices).seconds,
            TORCH: lambda: naive(exam, torch_net, plans, slices=slices).seconds,
        }

    def _product(self) -> float:
        started = time.perf_counter()
        result = self.product.segment(self.work.folder)
        seconds = time.perf_counter() - started
        self.results.append((result, seconds))
        return seconds

    def _pipeline(self) -> None:
        (case,) = find_cases(self.work.folder)
        segment(load_exam(case), self.engine, self.plans, micro_batch=MICRO_BATCH, in_flight=in_flight())

    def masks(self) -> RegionMasks:
        """What the product found at last."""
        label_map = self.results[-1][0].label_map
        return {region: label_map.mask(glioserve.Region(region.value)) for region in Region}


def main() -> None:
    """Measure and publish."""
    arguments = parse_arguments()
    torch.set_num_threads(cores())
    with tempfile.TemporaryDirectory(prefix="glioserve-exam-") as scratch, repository(arguments) as models:
        work = one_exam(Path(scratch))
        with running_product(models) as product, closing(TritonPredictor(product.triton)) as triton:
            bench = Bench(models, work, product, arguments.slices)
            for warm_up in (bench._product, bench._pipeline):  # noqa: SLF001 (ours)
                warm_up()
            bench.results.clear()
            rounds = by_turns(bench.ways(triton), rounds=arguments.pairs, warm_ups=0)
        claims, tables = compare_times(bench, rounds)
        tables.append(stages(bench, measure_peak()))
        if arguments.masks:
            claim, table = compare_masks(bench)
            claims.insert(2, claim)
            tables.append(table)
    publish(
        Record("exam", options_of(arguments), claims, tables, [f"Served: {bench.engine.text()}."]), arguments.results
    )


def compare_times(bench: Bench, rounds: Rounds) -> tuple[list[Claim], list[Table]]:
    """Claims and table of the wall times."""
    loop, eager = rounds.ratio(LOOP, PRODUCT), rounds.ratio(TORCH, PRODUCT)
    added = (rounds.ratio(PRODUCT, PIPELINE).median - 1) * 100
    outside = median(1 - inference_s(result) / seconds for result, seconds in bench.results) * 100
    claims = [
        Claim(
            "the product against the full-frame loop over ONNX Runtime",
            "at least 8 times as fast",
            f"{loop.text(1)}",
            loop.median >= 8,
        ),
        Claim(
            "the product against the full-frame loop over torch eager",
            "at least 25 times as fast",
            f"{eager.text(1)}",
            eager.median >= 25,
        ),
        Claim("what gateway and Triton add to the bare pipeline", "less than 10 %", f"{added:.1f} %", added < 10),
        Claim("of the exam's wall time, outside inference", "less than 15 %", f"{outside:.1f} %", outside < 15),
    ]
    rows = [[way, rounds.spread(way).text(), f"{rounds.ratio(way, PRODUCT).text(1)}"] for way in rounds.seconds]
    caption = f"Seconds for {bench.work.called}, medians (least to greatest), and times the product's."
    return claims, [Table(caption, ["way", "seconds", "times the product's"], rows)]


def inference_s(result: SegmentationResult) -> float:
    """Seconds in which networks ran; TC and ET run at one time."""
    seconds = {timing.stage: timing.seconds for timing in result.timings}
    return seconds.get(Stage.SEGMENT_WT, 0.0) + max(
        seconds.get(Stage.SEGMENT_TC, 0.0), seconds.get(Stage.SEGMENT_ET, 0.0)
    )


def stages(bench: Bench, peak: Peak) -> Table:
    """Where the product's time goes."""
    by_stage: dict[str, list[float]] = {}
    for result, _ in bench.results:
        for timing in result.timings:
            by_stage.setdefault(timing.stage, []).append(timing.seconds)
    wall_s = median(seconds for _, seconds in bench.results)
    networks_s = median(inference_s(result) for result, _ in bench.results)
    told_s = (
        median(sum(t.seconds for t in r.timings if t.stage not in INFERENCE) for r, _ in bench.results) + networks_s
    )
    work = operations(bench.models, bench.batches) / 1e12
    reached = work / networks_s
    rows = [[stage, f"{median(seconds) * 1e3:.0f}"] for stage, seconds in by_stage.items()]
    rows.append(["all else: upload, queue, answer", f"{(wall_s - told_s) * 1e3:.0f}"])
    rows.append(["**wall time**", f"{wall_s * 1e3:.0f}"])
    best = peak.bf16_tflops if bench.engine.computes_in_bf16 else peak.fp32_tflops
    caption = (
        f"The product's stages, ms; TC and ET run at one time. The networks' {work:.2f} TFLOP run at "
        f"{reached:.2f} TFLOP/s, {reached / best:.0%} of the peak of their precision. {peak.text()}"
    )
    return Table(caption, ["stage", "ms"], rows)


def compare_masks(bench: Bench) -> tuple[Claim, Table]:
    """Whether the full-frame loop over fp32 finds the same, by the reference and voxel by voxel."""
    full = naive(bench.work.exam, bench.onnxruntime, bench.plans).masks
    if full is None:
        raise RuntimeError("all slices must be shown")
    ours, rows, changes = bench.masks(), [], []
    for region in Region:
        one, other, truth = ours[region], full[region], bench.work.reference[region]
        scores = [compute_dsc(count_confusion(mask, truth)) for mask in (one, other)]
        changes.append(abs(scores[0] - scores[1]))
        flipped = int(np.count_nonzero(one != other))
        rows.append([region.name, *(f"{score:.4f}" for score in scores), f"{np.count_nonzero(other)}", f"{flipped}"])
    caption = "The product's masks beside those of the full-frame fp32 loop."
    columns = ["region", "DSC, product", "DSC, loop", "voxels, loop", "voxels that differ"]
    claim = Claim(
        "largest change of a region's DSC against the full-frame fp32 loop",
        f"below {MAX_DSC_CHANGE}",
        f"{max(changes):.5f}",
        max(changes) < MAX_DSC_CHANGE,
    )
    return claim, Table(caption, columns, rows)


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_options(__doc__, pairs=3, width=2)
    parser.add_argument("--slices", type=int, default=8, help="shown by the slow ways, scaled to all; 0 for all")
    parser.add_argument("--masks", action=argparse.BooleanOptionalAction, default=True, help="compare masks too")
    return parser.parse_args(given)


if __name__ == "__main__":
    main()
