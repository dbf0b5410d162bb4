"""`glioserve segment --dicom`: a DICOM study in place of NIfTI files.

What needs the extra is imported when it is used, so that the other commands work without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from glioserve.atomic import make_folder
from glioserve.cli.meter import Meter
from glioserve.cli.tables import Part, Table, show
from glioserve.client import Client
from glioserve.results import SegmentationResult
from glioserve.terms import LabelScheme, Modality
from glioserve.wording import count

if TYPE_CHECKING:
    from glioserve.dicom import Choice, Row


@dataclass(frozen=True)
class DicomSource:
    """What `--dicom` and its companions ask for.

    Args:
        study: A folder, or a zip archive.
        seg: Where the DICOM segmentation appears; None for none.
        wanted: Series that the caller has chosen, by number or SeriesInstanceUID.
    """

    study: Path
    seg: Path | None
    wanted: Mapping[Modality, str]

    def chosen(self, console: Console) -> ChosenStudy:
        """The study with the series that are used, told as a table.

        Raises:
            GlioserveError: The study can't be read, or does not have the series; the table was told all the same.
        """
        from glioserve.dicom import ChoiceError, choose_series, read_study

        if self.seg is not None:
            make_folder(self.seg.parent)  # found out before minutes of work, not after
        study = read_study(self.study)
        try:
            choice = choose_series(study, wanted=self.wanted)
        except ChoiceError as error:
            show(_parts(error.rows, study.passed_over), console)
            raise
        show(_parts(choice.rows, study.passed_over), console)
        return ChosenStudy(choice, self.seg)


@dataclass(frozen=True)
class ChosenStudy:
    """A study that can be segmented.

    Args:
        choice: The series that are used.
        seg: Where the DICOM segmentation appears; None for none.
    """

    choice: Choice
    seg: Path | None

    def segment(
        self,
        client: Client,
        meter: Meter,
        *,
        out: Path | None,
        label_scheme: LabelScheme,
        grid: Modality,
        full_frame: bool,
        timeout_s: float,
        retries: int,
    ) -> SegmentationResult:
        """Segments it and writes what was asked for.

        Raises:
            GlioserveError: A series, the server or an output failed.
        """
        from glioserve.dicom import segment_choice

        return segment_choice(
            client,
            self.choice,
            seg_path=self.seg,
            out=out,
            label_scheme=label_scheme,
            output_grid=grid,
            full_frame=full_frame,
            on_progress=meter.on_progress,
            on_partial=meter.on_partial,
            timeout_s=timeout_s,
            retries=retries,
        )


def dicom_source(
    study: Path | None, *, seg: Path | None, series: Sequence[str] | None, others: Sequence[object]
) -> DicomSource | None:
    """What is asked for; None where nothing of DICOM is.

    Args:
        study: `--dicom`.
        seg: `--dicom-seg`.
        series: `--series`, each `CONTRAST=NUMBER`.
        others: Values of the options that name an exam in another way.

    Raises:
        typer.BadParameter: The options do not go together.
    """
    if study is None:
        if seg is not None or series:
            raise typer.BadParameter("must come with --dicom", param_hint="--dicom-seg, --series")
        return None
    if any(value is not None for value in others):
        raise typer.BadParameter("must come without a case folder, other files or a reference", param_hint="--dicom")
    return DicomSource(study, seg, _wanted(series or ()))


def _wanted(series: Sequence[str]) -> dict[Modality, str]:
    wanted: dict[Modality, str] = {}
    for text in series:
        contrast, _, name = text.partition("=")
        if contrast not in set(Modality) or not name or Modality(contrast) in wanted:
            rule = f"must be {', '.join(Modality)}, each at most once, with = and a series' number or UID"
            raise typer.BadParameter(rule, param_hint="--series")
        wanted[Modality(contrast)] = name
    return wanted


def _parts(rows: Sequence[Row], passed_over: Mapping[str, int]) -> list[Part]:
    headings = ("Series", "Description", "Slices", "Voxel in mm", "Used for", "Why, or why not")
    parts: list[Part] = [Table(headings, [_cells(row) for row in rows])]
    if passed_over:
        reasons = ", ".join(f"{count(files)} {reason}" for reason, files in sorted(passed_over.items()))
        parts.append(f"Other files: {reasons}")
    return parts


def _cells(row: Row) -> tuple[str, ...]:
    return (
        "" if row.number is None else str(row.number),
        row.description,
        count(row.slices),
        "" if row.voxel_mm is None else " x ".join(f"{side:.2f}" for side in row.voxel_mm),
        row.modality.name if row.picked and row.modality is not None else "",
        row.reason,
    )
