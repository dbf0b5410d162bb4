"""The errors of this package. Each knows the field, the rule that it broke, and what was got."""

from __future__ import annotations


class ImagingError(ValueError):
    """Base of every input fault that this package reports.

    The three parts are meant for programs as well as people; the message joins them. `got` states a
    size, a type or a number, never voxel content, file names or anything else that may identify a patient.

    Args:
        field: What the fault is about, as the caller knows it, e.g. `t1ce` or `reference`.
        rule: What must hold, e.g. `must have 3 axes`.
        got: What was found instead, e.g. `4 axes (240, 240, 155, 2)`.
    """

    def __init__(self, field: str, rule: str, got: str) -> None:
        super().__init__(f"{field}: {rule}, got {got}")
        self.field = field
        self.rule = rule
        self.got = got


class GeometryError(ImagingError):
    """An affine, a shape or a spacing that no exam can have, or grids that disagree."""


class ExamError(ImagingError):
    """A set of volumes that is not an exam: missing modalities, the same one twice, no brain in it."""


class LabelError(ImagingError):
    """Labels that the declared scheme does not know, or a scheme that is unknown."""


class PlanError(ImagingError):
    """A model plan (the decisions recorded beside a model) that is incomplete or contradictory."""


class GoldenError(ImagingError):
    """An answer to the golden slices that is not the recorded one, or a record that can't serve as one."""


class MetricError(ImagingError):
    """Arguments from which a metric can't be computed, such as masks of unlike shapes."""


class PipelineCancelledError(Exception):
    """The caller no longer wants the result. Raised between micro-batches, never an input fault."""
