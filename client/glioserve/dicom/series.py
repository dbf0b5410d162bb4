"""A study and its series, as far as they matter here: what was measured, how, and where its slices lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glioserve.dicom.container import Archive, Folder


@dataclass(frozen=True)
class Acquisition:
    """How a series was acquired, as its headers say. What they leave out is None, or empty.

    Args:
        description: SeriesDescription. People write it; it may hold anything.
        protocol: ProtocolName, likewise.
        image_type: All values of ImageType of all images, upper case.
        contrast: Values of AcquisitionContrast, which enhanced images have, e.g. `T2` or `DIFFUSION`.
        scanning: Values of ScanningSequence, e.g. `SE`, `GR`, `IR`, `EP`; for enhanced images what amounts to them.
        repetition_ms: TR.
        echoes_ms: Distinct TE of the images, rising.
        inversion_ms: TI; of several the longest.
        agent: A contrast agent is stated to have been given; False where one is stated not to have been.
        diffusion: Images are diffusion-weighted.
        angiography: Images are flagged as angiography.
        time_points: Temporal positions, 1 where nothing is stated.
    """

    description: str = field(repr=False)
    protocol: str = field(repr=False)
    image_type: frozenset[str]
    contrast: frozenset[str]
    scanning: frozenset[str]
    repetition_ms: float | None
    echoes_ms: tuple[float, ...]
    inversion_ms: float | None
    agent: bool | None
    diffusion: bool
    angiography: bool
    time_points: int


Vector = tuple[float, ...]


@dataclass(frozen=True)
class Slice:
    """One slice, where its header says that it lies.

    Args:
        name: The file that holds it, in its container.
        frame: Its place in that file, from 0.
        rows: Pixels of a column.
        columns: Pixels of a row.
        position: Centre of the first pixel in the patient's space (LPS+), mm; empty where it is not stated.
        orientation: Directions along a row, then along a column, 6 cosines; empty where not stated.
        spacing: Between rows, then between columns, mm; empty where not stated.
    """

    name: str = field(repr=False)
    frame: int
    rows: int
    columns: int
    position: Vector
    orientation: Vector
    spacing: Vector


@dataclass(frozen=True, eq=False)
class Series:
    """One series of MR images.

    Args:
        uid: SeriesInstanceUID.
        number: SeriesNumber, where there is one.
        frame_of_reference: FrameOfReferenceUID; empty where there is none.
        multiframe: One file holds all slices (enhanced), rather than one each (classic).
        acquisition: How it was acquired.
        slices: In the order of the files' names, then of the frames.
        container: Where its files lie.
    """

    uid: str
    number: int | None
    frame_of_reference: str
    multiframe: bool
    acquisition: Acquisition
    slices: tuple[Slice, ...] = field(repr=False)
    container: Folder | Archive = field(repr=False)

    @property
    def title(self) -> str:
        """How people call it, without words that people wrote."""
        return "a series without a number" if self.number is None else f"series {self.number}"


@dataclass(frozen=True, eq=False)
class Study:
    """One study of one patient.

    Args:
        uid: StudyInstanceUID.
        series: Its series of MR images, by number.
        passed_over: How many files are of no use, by reason, e.g. `not DICOM`.
    """

    uid: str
    series: tuple[Series, ...]
    passed_over: Mapping[str, int]
