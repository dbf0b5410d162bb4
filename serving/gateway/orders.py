"""What a caller asks for, in domain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from imaging.brainmap.builtin import BUILTIN_VOLUME_RANGE_ML
from imaging.brainmap.edit import MapEdit
from imaging.labels import LabelScheme
from imaging.metrics.overlap import SpecificityDomain
from imaging.metrics.regions import MetricConventions
from imaging.modality import Modality
from imaging.synthesis.case import BuiltinSource
from serving.gateway.errors import DuplicateFileError, MissingFileError, OrderError


class MaskRole(StrEnum):
    """What a label map is for."""

    REFERENCE = "reference"
    PREDICTION = "prediction"


class MapRole(StrEnum):
    """The brain map that a synthetic exam is to be drawn from."""

    MAP = "map"


FileRole = Modality | MaskRole | MapRole


@dataclass(frozen=True)
class FileSpec:
    """A file that a call announces.

    Args:
        role: What the file holds; also its name in errors.
        size_bytes: Its size as it will be sent.

    Raises:
        OrderError: The size is 0.
    """

    role: FileRole
    size_bytes: int

    def __post_init__(self) -> None:
        if self.size_bytes < 1:
            raise OrderError(self.field, "must be announced with at least 1 byte", f"{self.size_bytes} bytes")

    @property
    def field(self) -> str:
        """The file's name in errors."""
        return self.role.value


@dataclass(frozen=True)
class SegmentOrder:
    """One exam to segment.

    Args:
        files: The exam's modalities, and at most one reference. In the order in which they are sent.
        label_scheme: Of the label map that is sent back.
        reference_label_scheme: Of the reference; there exactly when a reference is.
        conventions: How the scores against the reference are computed.
        output_grid: The modality on whose grid, as sent, the masks are wanted; the reference lies on it too.
        full_frame: Whether the networks are shown everything, see `imaging.pipeline.segment.segment`.

    Raises:
        OrderError: A role is there twice, is of no use here, or a reference comes without its scheme.
    """

    files: tuple[FileSpec, ...]
    label_scheme: LabelScheme
    reference_label_scheme: LabelScheme | None
    conventions: MetricConventions
    output_grid: Modality = Modality.T1CE
    full_frame: bool = False

    def __post_init__(self) -> None:
        roles = distinct_roles(self.files)
        if MaskRole.PREDICTION in roles:
            raise OrderError("prediction", "must not be sent to be segmented", "a prediction")
        if self.has_reference and self.reference_label_scheme is None:
            raise OrderError("reference_label_scheme", "must be declared with a reference", "none")

    @property
    def has_reference(self) -> bool:
        """Whether scores are wanted."""
        return any(file.role is MaskRole.REFERENCE for file in self.files)

    def require(self, modalities: Iterable[Modality]) -> None:
        """Check that the header announces these modalities.

        Raises:
            MissingFileError: One or more are not announced; the message names them all.
        """
        _require(self.files, modalities)


@dataclass(frozen=True)
class EvaluateOrder:
    """One label map to judge by another.

    Args:
        files: A prediction, a reference, and for the `BRAIN` domain one modality. In the order in which they are sent.
        prediction_label_scheme: Of the prediction.
        reference_label_scheme: Of the reference.
        conventions: How the metrics are computed.

    Raises:
        OrderError: A role is there twice, or one that is needed is not there.
    """

    files: tuple[FileSpec, ...]
    prediction_label_scheme: LabelScheme
    reference_label_scheme: LabelScheme
    conventions: MetricConventions

    def __post_init__(self) -> None:
        roles = distinct_roles(self.files)
        _require(self.files, MaskRole)
        if self.conventions.specificity_domain is SpecificityDomain.BRAIN and not roles & set(Modality):
            raise MissingFileError(
                "modality", "one must be sent for the specificity domain brain", "two label maps alone"
            )


NAMED_SCHEMES = (LabelScheme.BRATS_2018, LabelScheme.BRATS_2023)
"""The label schemes that BraTS file names tell. A synthetic exam in another one would be misread from its folder."""


@dataclass(frozen=True)
class GenerateOrder:
    """One synthetic exam to draw.

    Args:
        source: A map of the built-in source; None where a map is sent.
        files: The map that is sent, if any.
        edit: What is done to the map first.
        edit_seed: Of the edit's elastic field, 0 or more.
        generator: What the generator is asked for by, e.g. `joint`.
        modalities: Of the answer, in order.
        label_scheme: Of the answer, one of `NAMED_SCHEMES`.

    Raises:
        OrderError: The map is none or two, a number is out of its range, a modality is named twice or none is.
    """

    source: BuiltinSource | None
    files: tuple[FileSpec, ...]
    edit: MapEdit
    edit_seed: int
    generator: str
    modalities: tuple[Modality, ...]
    label_scheme: LabelScheme

    def __post_init__(self) -> None:
        if (self.source is None) != (len(self.files) == 1):
            raise OrderError("source", "must be a built-in map, or one that is sent", "neither or both")
        if self.source is not None:
            _check_builtin(self.source)
        if self.edit_seed < 0:
            raise OrderError("edit_seed", "must be at least 0", f"{self.edit_seed}")
        for modality, times in Counter(self.modalities).items():
            if times > 1:
                raise OrderError("modalities", "must name each contrast once", f"{modality.value} {times} times")
        if not self.modalities:
            raise OrderError("modalities", "must name at least one contrast", "none")
        if self.label_scheme not in NAMED_SCHEMES:
            known = " or ".join(scheme.value for scheme in NAMED_SCHEMES)
            raise OrderError("label_scheme", f"must be {known}, which file names tell", self.label_scheme.value)


def _check_builtin(source: BuiltinSource) -> None:
    if source.seed < 0:
        raise OrderError("seed", "must be at least 0", f"{source.seed}")
    low, high = BUILTIN_VOLUME_RANGE_ML
    if source.volume_ml is not None and not low <= source.volume_ml <= high:
        raise OrderError("volume_ml", f"must be {low:g} to {high:g}", f"{source.volume_ml:g}")


def distinct_roles(files: tuple[FileSpec, ...]) -> set[FileRole]:
    """What the files hold.

    Raises:
        DuplicateFileError: Two of them hold the same.
    """
    for role, times in Counter(file.role for file in files).items():
        if times > 1:
            raise DuplicateFileError(role.value, "must be announced once", f"{times} files")
    return {file.role for file in files}


def _require(files: tuple[FileSpec, ...], roles: Iterable[FileRole]) -> None:
    present = {file.role for file in files}
    missing = [role.value for role in roles if role not in present]
    if missing:
        sent = ", ".join(file.field for file in files) or "no file"
        raise MissingFileError(missing[0], f"must be sent; missing: {', '.join(missing)}", sent)
