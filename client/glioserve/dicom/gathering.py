"""The headers of one series, file by file, into what the series is."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.multival import MultiValue

from glioserve.dicom.container import Archive, Folder
from glioserve.dicom.header import FrameHeader, Header, agent_of, number
from glioserve.dicom.series import Acquisition, Series, Slice

_TIMING = "MRTimingAndRelatedParametersSequence"
_ECHO = "MREchoSequence"
_MODIFIER = "MRModifierSequence"
_DIFFUSION = "MRDiffusionSequence"
_FRAME_TYPE = "MRImageFrameTypeSequence"

_PULSES = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}
"""What the ways to make an echo, as enhanced images name them, are called in classic ones."""


@dataclass
class Gathering:
    """What is known of a series so far.

    Args:
        uid: SeriesInstanceUID.
        first: The header of its first file, which stands for what all files share.
    """

    uid: str
    first: Header
    slices: list[Slice] = field(default_factory=list)
    image_type: set[str] = field(default_factory=set)
    contrast: set[str] = field(default_factory=set)
    scanning: set[str] = field(default_factory=set)
    echoes_ms: set[float] = field(default_factory=set)
    inversions_ms: set[float] = field(default_factory=set)
    repetitions_ms: set[float] = field(default_factory=set)
    agents: set[bool | None] = field(default_factory=set)
    frames_of_reference: set[str] = field(default_factory=set)
    kinds: set[bool] = field(default_factory=set)
    diffusion: bool = False
    angiography: bool = False
    time_points: int = 1

    def add(self, name: str, header: Header) -> None:
        """Takes in one more file.

        Args:
            name: Of the file, in its container.
            header: Its header.
        """
        dataset = header.dataset
        self.kinds.add(header.multiframe)
        self.frames_of_reference.add(header.text("FrameOfReferenceUID"))
        self.agents.add(agent_of(dataset))
        self.image_type |= _texts(dataset.get("ImageType"))
        self.scanning |= _texts(dataset.get("ScanningSequence"))
        self.scanning.update(_PULSES.get(header.text("EchoPulseSequence").upper(), ()))
        if header.text("EchoPlanarPulseSequence").upper() == "YES":
            self.scanning.add("EP")
        self.angiography |= header.text("AngioFlag").upper() == "Y"
        self.time_points = max(self.time_points, int(number(dataset.get("NumberOfTemporalPositions")) or 1))
        for index, frame in enumerate(header.frames()):
            self.slices.append(frame.place(name, index))
            self._add_frame(frame)

    def _add_frame(self, frame: FrameHeader) -> None:
        self.image_type |= _texts(frame.value("FrameType", _FRAME_TYPE))
        self.image_type |= _texts(frame.value("ComplexImageComponent", _FRAME_TYPE))
        self.contrast |= _texts(frame.value("AcquisitionContrast", _FRAME_TYPE))
        self.diffusion |= (number(frame.value("DiffusionBValue", _DIFFUSION)) or 0.0) > 0
        echo = number(frame.value("EffectiveEchoTime", _ECHO))
        _keep(self.echoes_ms, number(frame.value("EchoTime")) if echo is None else echo)
        _keep(self.repetitions_ms, number(frame.value("RepetitionTime", _TIMING)))
        inversions = frame.value("InversionTimes", _MODIFIER) or frame.value("InversionTime")
        for each in inversions if isinstance(inversions, list | tuple | MultiValue) else [inversions]:
            _keep(self.inversions_ms, number(each))

    def series(self, container: Folder | Archive) -> Series:
        """All that was taken in.

        Args:
            container: Where the files lie.
        """
        stated = number(self.first.dataset.get("SeriesNumber"))
        agents = self.agents - {None}
        return Series(
            uid=self.uid,
            number=None if stated is None else int(stated),
            frame_of_reference=self.frames_of_reference.pop() if len(self.frames_of_reference) == 1 else "",
            multiframe=True in self.kinds,
            acquisition=Acquisition(
                description=self.first.text("SeriesDescription"),
                protocol=self.first.text("ProtocolName"),
                image_type=frozenset(self.image_type),
                contrast=frozenset(self.contrast),
                scanning=frozenset(self.scanning),
                repetition_ms=max(self.repetitions_ms, default=None),
                echoes_ms=tuple(sorted(self.echoes_ms)),
                inversion_ms=max(self.inversions_ms, default=None),
                agent=True in agents if agents else None,
                diffusion=self.diffusion,
                angiography=self.angiography,
                time_points=self.time_points,
            ),
            slices=tuple(self.slices),
            container=container,
        )


def _texts(value: object) -> set[str]:
    """Values of a code string, upper case."""
    if value is None:
        return set()
    values = value if isinstance(value, list | tuple | MultiValue) else [value]
    return {text for each in values if (text := str(each).strip().upper())}


def _keep(values: set[float], value: float | None) -> None:
    """Zero stands for "does not apply" in these attributes."""
    if value is not None and value > 0:
        values.add(round(value, 1))
