"""What exams are worked on with, by the settings and by what the engine serves."""

from __future__ import annotations

from functools import partial

from imaging.brain.extract import extract_brain
from imaging.pipeline.clinical import Workshop
from serving.inference.engine import InferenceEngine
from serving.settings import Settings


def open_workshop(engine: InferenceEngine, settings: Settings) -> Workshop:
    """The engine's networks, put to use as the settings say.

    Args:
        engine: Runs the networks. Without one that finds brains, exams with a skull are refused.
        settings: Sizes.
    """
    brain = engine.catalog.brain
    return Workshop(
        predictor=engine,
        plans=engine.catalog.plans,
        extract=None if brain is None else partial(extract_brain, network=engine, plan=brain.plan),
        micro_batch=settings.micro_batch,
        in_flight=settings.in_flight,
        threads=settings.registration_threads,
        max_voxels=settings.max_voxels,
    )
