"""The work of one call from a brain map to a synthetic exam: a plain function that runs in one worker thread."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

from imaging.brainmap.builtin import builtin_map
from imaging.brainmap.maps import BrainMap, BrainMapError
from imaging.brainmap.store import decode_map, digest_map
from imaging.labels import LabelScheme
from imaging.modality import Modality
from imaging.regions import Region
from imaging.synthesis.case import CasePlan, LibrarySource, SyntheticCase, make_case
from serving.batch.files import CasePaths, encode_case
from serving.batch.layouts import RULES, LayoutRules
from serving.batch.spec.fields import Layout
from serving.gateway.answers import Emit, GenerateOutcome, Progressed, SynthesisStage
from serving.gateway.cancellation import Cancellation
from serving.gateway.clock import StageClock
from serving.gateway.observer import measure
from serving.gateway.orders import GenerateOrder
from serving.synthesis import provenance as records
from serving.synthesis.painter import ServedPainter
from serving.synthesis.provenance import BuiltinRecord, GeneratorRecord, LibraryRecord, Provenance

_RULES = {LabelScheme.BRATS_2018: RULES[Layout.BRATS_2018], LabelScheme.BRATS_2023: RULES[Layout.BRATS_2023]}
"""How the exam's files are named, so that their names tell the label scheme."""


def generate_exam(
    order: GenerateOrder,
    files: Sequence[memoryview],
    *,
    painter: ServedPainter,
    max_voxels: int,
    emit: Emit,
    cancellation: Cancellation,
) -> GenerateOutcome:
    """Grow or decode the map, edit it, draw it, encode the exam.

    Args:
        order: What is asked.
        files: The map that was sent, if one was.
        painter: Draws.
        max_voxels: Of the map's frame.
        emit: Takes progress, from this thread.
        cancellation: Checked between stages and between micro-batches.

    Raises:
        ImagingError: The map or the edit can't be used.
        PipelineCancelledError: The call is over.
        ServingError: The engine failed.
    """
    clock = StageClock()
    with clock.time(SynthesisStage.MAP):
        source_map = decode_map(files[0]) if order.source is None else builtin_map(order.source)
        _check(source_map, max_voxels)
        map_digest = digest_map(source_map)
    _reached(SynthesisStage.MAP, emit, cancellation)
    source = order.source or LibrarySource(map_digest)
    case = _make(CasePlan(source, order.edit, order.edit_seed), source_map, painter, clock, emit, cancellation)
    with clock.time(SynthesisStage.DESCRIBE):
        measures = records.measure(case.brain_map)
        masks = case.brain_map.regions
        voxel_volume_ml = case.brain_map.grid.voxel_volume_ml
        volumes = tuple(measure(region, masks[region], voxel_volume_ml=voxel_volume_ml) for region in Region)
    _reached(SynthesisStage.DESCRIBE, emit, cancellation)
    generator = GeneratorRecord.of(painter.generator)
    record = _source_record(order, map_digest)
    rules = _RULES[order.label_scheme]
    case_id = rules.case_id(_number(record, order, generator))
    with clock.time(SynthesisStage.ENCODE):
        content = encode_case(case, order.label_scheme, _paths(rules, case_id, order.modalities))
    _reached(SynthesisStage.ENCODE, emit, cancellation)
    return GenerateOutcome(
        files=tuple(content.values()),
        volumes=volumes,
        timings_s=clock.seconds,
        provenance=Provenance(
            case_id=case_id,
            index=0,
            cohort=None,
            source=record,
            edit=order.edit,
            edit_seed=order.edit_seed,
            generator=generator,
            measures=measures,
            replica=None,
            files={path: hashlib.sha256(data).hexdigest() for path, data in content.items()},
            software=records.software_versions(),
        ),
    )


def _check(brain_map: BrainMap, max_voxels: int) -> None:
    if brain_map.lesion.size > max_voxels:
        raise BrainMapError("map", f"must lie in a frame of at most {max_voxels} voxels", f"{brain_map.lesion.size}")
    if not brain_map.lesion.any():
        raise BrainMapError("map", "must have a lesion", "none")


def _make(
    plan: CasePlan,
    source_map: BrainMap,
    painter: ServedPainter,
    clock: StageClock,
    emit: Emit,
    cancellation: Cancellation,
) -> SyntheticCase:
    started = time.perf_counter()

    def on_batch(done: int, total: int) -> None:
        if done == 0:
            clock.seconds[SynthesisStage.EDIT] = time.perf_counter() - started
            emit(Progressed(SynthesisStage.EDIT, 1, 1))
        cancellation.check()
        emit(Progressed(SynthesisStage.DRAW, done, total))

    case = make_case(plan, source_map, painter, micro_batch=painter.micro_batch, on_batch=on_batch)
    clock.seconds[SynthesisStage.DRAW] = time.perf_counter() - started - clock.seconds[SynthesisStage.EDIT]
    return case


def _reached(stage: SynthesisStage, emit: Emit, cancellation: Cancellation) -> None:
    cancellation.check()
    emit(Progressed(stage, 1, 1))


def _source_record(order: GenerateOrder, map_digest: str) -> BuiltinRecord | LibraryRecord:
    if order.source is None:
        return LibraryRecord(map_digest=map_digest, library=None)
    return records.source_record(order.source, map_digest=map_digest, library=None)


def _number(record: BuiltinRecord | LibraryRecord, order: GenerateOrder, generator: GeneratorRecord) -> int:
    """The exam's number: the same for the same request, hardly ever the same for another."""
    asked = f"{record.model_dump_json()} {order.edit} {order.edit_seed} {generator.sha256}"
    return int(hashlib.sha256(asked.encode()).hexdigest()[:8], 16)


def _paths(rules: LayoutRules, case_id: str, modalities: Sequence[Modality]) -> CasePaths:
    return CasePaths(rules.volume_paths(case_id, modalities), rules.label_path(case_id))
