"""The paper's Table One made anew: how near drawn images come to real ones of patients never seen (section 3.1)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError

from imaging.brainmap.draw import WHITE, Painter, draw_exam
from imaging.brainmap.intensity import to_unit_range
from imaging.brainmap.maps import BrainMap
from imaging.brats import BratsCase, load_exam, load_reference
from imaging.metrics.image_quality import ImageQuality, QualityDomain, QualityMetric, SsimWindow, compare_domains
from imaging.metrics.summary import interval_of_mean
from imaging.modality import Modality
from imaging.preprocess.prepare import to_slices
from imaging.regions import Region
from training.errors import TrainingError
from training.synthesis.data import place

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class QualityConventions:
    """All that the figures of a table depend on, beside images. Valid once constructed.

    Args:
        side: Pixels along I and J of the frame in whose middle each axial slice lies, zeros around it; the paper's.
        data_range: What the reference's 1 (its brain's 99.9th percentile) becomes; also the span of intensities for
            PSNR and SSIM.
        ssim_window: SSIM's neighbourhood.
        brain_share: Of the frame; slices with less brain are left out, positive.
        tumour_pixels: Slices with fewer of them do not count for the tumour, at least 1.

    Raises:
        TrainingError: A number is out of range.
    """

    side: int = 256
    data_range: float = 255.0
    ssim_window: SsimWindow = SsimWindow.GAUSSIAN
    brain_share: float = 0.02
    tumour_pixels: int = 50

    def __post_init__(self) -> None:
        if self.side < self.ssim_window.width:
            raise TrainingError("side", f"must be at least {self.ssim_window.width}", f"{self.side}")
        if not 0.0 < self.data_range < float("inf"):
            raise TrainingError("data_range", "must be positive and finite", f"{self.data_range:g}")
        if not 0.0 < self.brain_share <= 1.0:
            raise TrainingError("brain_share", "must be positive and at most 1", f"{self.brain_share:g}")
        if self.tumour_pixels < 1:
            raise TrainingError("tumour_pixels", "must be at least 1", f"{self.tumour_pixels}")


@dataclass(frozen=True)
class QualityFigure:
    """One metric over patients, each with the mean of its slices. What can't be computed is None.

    Args:
        mean: Over the patients that have a value.
        sd: Sample standard deviation over them (n - 1); None below two.
        interval: Percentile bootstrap interval of the mean, 95 %; None below two.
        patients: How many have a value. A patient whose slices are all equal to the real ones has no PSNR.
    """

    mean: float | None
    sd: float | None
    interval: tuple[float, float] | None
    patients: int


@dataclass(frozen=True)
class QualityRow:
    """The figures of one contrast over one domain.

    Args:
        modality: Which contrast.
        domain: Over which pixels.
        slices: How many were compared, of all patients.
        mse: In squared units of intensity.
        mae: In units of intensity.
        psnr_db: Mean of the slices' own; one without any error has none and is left out.
        ssim: -1 to 1.
    """

    modality: Modality
    domain: QualityDomain
    slices: int
    mse: QualityFigure
    mae: QualityFigure
    psnr_db: QualityFigure
    ssim: QualityFigure

    def figure(self, metric: QualityMetric) -> QualityFigure:
        """One metric."""
        figure: QualityFigure = getattr(self, metric.value)
        return figure


@dataclass(frozen=True)
class QualityTable:
    """Table One of one generator, or one set of generators.

    Args:
        conventions: What the figures depend on.
        patients: How many were drawn.
        seed: Of the bootstrap.
        rows: By domain, then by contrast.
    """

    conventions: QualityConventions
    patients: int
    seed: int
    rows: tuple[QualityRow, ...]

    def row(self, modality: Modality, domain: QualityDomain) -> QualityRow:
        """The figures of one contrast over one domain.

        Raises:
            TrainingError: They are not there.
        """
        for row in self.rows:
            if row.modality is modality and row.domain is domain:
                return row
        raise TrainingError("rows", f"must hold {modality.value} over {domain.value}", "none")

    def to_json(self) -> str:
        """The table; what can't be computed is null."""
        return _TABLE.dump_json(self, indent=1).decode() + "\n"

    @classmethod
    def from_json(cls, text: str) -> QualityTable:
        """The table that `to_json` wrote.

        Raises:
            TrainingError: The text is no such table.
        """
        try:
            return _TABLE.validate_json(text)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            place_of_fault = ".".join(str(part) for part in fault["loc"]) or "table_one"
            raise TrainingError(place_of_fault, "must be what the table was written with", fault["type"]) from None


_TABLE = TypeAdapter(QualityTable)

_Slices = dict[tuple[QualityDomain, Modality], list[ImageQuality]]


def score_generator(
    cases: Iterable[BratsCase],
    painter: Painter,
    *,
    conventions: QualityConventions | None = None,
    micro_batch: int = 8,
    seed: int = 0,
) -> QualityTable:
    """Draw patients from their own, unchanged maps and compare each axial slice with the real one.

    The map tells of each contrast in which quarter of its range a voxel lies. The figures are of images drawn with
    that knowledge, as in the paper's Figure 2, and not of an edited map, whose real image does not exist.

    Args:
        cases: With references, of patients that the painter's generators never saw. A patient's exams count as one.
        painter: Draws slices.
        conventions: How slices are compared.
        micro_batch: Slices per call of the painter.
        seed: Of the bootstrap.

    Returns:
        Figures of each contrast over image, brain and whole tumour. Every patient weighs the same, whatever the
        number of its slices.

    Raises:
        ImagingError: A case can't be read or has no map.
        TrainingError: There is no case, a slice is larger than the frame, or no slice has enough brain.
    """
    conventions = conventions or QualityConventions()
    patients: dict[str, _Slices] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        of_patient = patients[case.patient_id]
        for modality, qualities in _compare_case(case, painter, conventions, micro_batch=micro_batch):
            for domain, quality in qualities.items():
                of_patient[domain, modality].append(quality)
    if not patients:
        raise TrainingError("cases", "must hold at least one case", "none")
    if not any(patients.values()):
        raise TrainingError("cases", f"must have slices with {conventions.brain_share:.1%} of brain", "none")
    rows = tuple(
        _summarise([slices[domain, modality] for slices in patients.values()], modality, domain, seed=seed)
        for domain in QualityDomain
        for modality in Modality
    )
    return QualityTable(conventions, len(patients), seed, rows)


def _compare_case(
    case: BratsCase, painter: Painter, conventions: QualityConventions, *, micro_batch: int
) -> Iterator[tuple[Modality, dict[QualityDomain, ImageQuality]]]:
    exam = load_exam(case)
    brain_map = BrainMap.of_exam(exam, load_reference(case))
    side = conventions.side
    if max(brain_map.grid.shape[:2]) > side:
        raise TrainingError("cases", f"must have slices of at most {side} x {side}", f"{brain_map.grid.shape[:2]}")
    drawn = draw_exam(brain_map, painter, micro_batch=micro_batch)
    brain = _framed(brain_map.brain, side)
    tumour = _framed(brain_map.regions[Region.WT], side)
    chosen = np.flatnonzero(brain.mean(axis=(1, 2)) >= conventions.brain_share)
    with_tumour = np.count_nonzero(tumour, axis=(1, 2)) >= conventions.tumour_pixels
    for modality in Modality:
        voxels = exam.volumes[modality].canonical().voxels
        real = _framed(to_unit_range(voxels, brain_map.brain, field=modality.value), side) * conventions.data_range
        unit = drawn.volumes[modality].voxels.astype(np.float32) / np.float32(WHITE)
        synthetic = _framed(unit, side) * conventions.data_range
        for number in chosen:
            masks: dict[QualityDomain, npt.NDArray[np.bool_] | None] = {
                QualityDomain.IMAGE: None,
                QualityDomain.BRAIN: brain[number],
            }
            if with_tumour[number]:
                masks[QualityDomain.TUMOUR] = tumour[number]
            yield (
                modality,
                compare_domains(
                    synthetic[number],
                    real[number],
                    data_range=conventions.data_range,
                    masks=masks,
                    ssim_window=conventions.ssim_window,
                ),
            )


def _framed(volume: npt.NDArray[Scalar], side: int) -> npt.NDArray[Scalar]:
    """A volume as axial slices, each in the middle of the frame."""
    return place(to_slices(volume), (side, side))


def _summarise(
    patients: Sequence[Sequence[ImageQuality]], modality: Modality, domain: QualityDomain, *, seed: int
) -> QualityRow:
    figures = {}
    for metric in QualityMetric:
        finite = [[value for one in slices if np.isfinite(value := metric.of(one))] for slices in patients]
        means = np.array([np.mean(values) for values in finite if values], dtype=np.float64)
        figures[metric] = QualityFigure(
            mean=float(means.mean()) if means.size else None,
            sd=float(means.std(ddof=1)) if means.size > 1 else None,
            interval=interval_of_mean(means, seed=seed) if means.size > 1 else None,
            patients=means.size,
        )
    return QualityRow(
        modality=modality,
        domain=domain,
        slices=sum(map(len, patients)),
        mse=figures[QualityMetric.MSE],
        mae=figures[QualityMetric.MAE],
        psnr_db=figures[QualityMetric.PSNR_DB],
        ssim=figures[QualityMetric.SSIM],
    )
