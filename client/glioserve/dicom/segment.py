"""A study, all the way: read, choose, convert, segment, and back into DICOM."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from glioserve.client import Client
from glioserve.dicom.choose import Choice, choose_series
from glioserve.dicom.convert import write_nifti
from glioserve.dicom.read import read_study
from glioserve.dicom.seg import write_seg
from glioserve.dicom.series import Study
from glioserve.exam_files import Case, ExamFiles, PathLike
from glioserve.limits import SEGMENT_TIMEOUT_S
from glioserve.outputs import OutputFolder
from glioserve.progress import OnPartial, OnProgress
from glioserve.results import SegmentationResult
from glioserve.terms import LabelScheme, Modality


@dataclass(frozen=True, eq=False)
class StudyResult:
    """One study, segmented.

    Args:
        study: What was read.
        choice: The series that were used, and what became of the others.
        result: What the server found, on the grid of the series chosen for `result.output_grid`.
    """

    study: Study
    choice: Choice
    result: SegmentationResult


def segment_study(
    client: Client,
    study_path: PathLike,
    *,
    wanted: Mapping[Modality, str] = MappingProxyType({}),
    seg_path: PathLike | None = None,
    out: PathLike | None = None,
    label_scheme: LabelScheme = LabelScheme.BRATS_2018,
    output_grid: Modality = Modality.T1CE,
    full_frame: bool = False,
    on_progress: OnProgress | None = None,
    on_partial: OnPartial | None = None,
    timeout_s: float = SEGMENT_TIMEOUT_S,
    retries: int = 0,
) -> StudyResult:
    """Segments a DICOM study. Only the voxels of the four chosen series are sent, and nothing else of the study.

    Args:
        client: Of the server that segments.
        study_path: A folder of any depth, or a zip archive.
        wanted: Series that the caller has chosen, by number or SeriesInstanceUID; see `choose_series`.
        seg_path: See `segment_choice`, as for all that follow.
        out: See there.
        label_scheme: See there.
        output_grid: See there.
        full_frame: See there.
        on_progress: See there.
        on_partial: See there.
        timeout_s: See there.
        retries: See there.

    Raises:
        ChoiceError: The study has no series for a contrast, or several.
        LocalInputError: The study can't be read, or a series of it can't be converted.
        OutputError: A result can't be written.
        GlioserveError: As for `Client.segment`.
    """
    study = read_study(study_path)
    choice = choose_series(study, wanted=wanted)
    result = segment_choice(
        client,
        choice,
        seg_path=seg_path,
        out=out,
        label_scheme=label_scheme,
        output_grid=output_grid,
        full_frame=full_frame,
        on_progress=on_progress,
        on_partial=on_partial,
        timeout_s=timeout_s,
        retries=retries,
    )
    return StudyResult(study, choice, result)


def segment_choice(
    client: Client,
    choice: Choice,
    *,
    seg_path: PathLike | None = None,
    out: PathLike | None = None,
    label_scheme: LabelScheme = LabelScheme.BRATS_2018,
    output_grid: Modality = Modality.T1CE,
    full_frame: bool = False,
    on_progress: OnProgress | None = None,
    on_partial: OnPartial | None = None,
    timeout_s: float = SEGMENT_TIMEOUT_S,
    retries: int = 0,
) -> SegmentationResult:
    """Segments the series that were chosen: converts, sends, and writes what was asked for.

    Args:
        client: Of the server that segments.
        choice: From `choose_series`.
        seg_path: Where the DICOM segmentation appears; None for none.
        out: Folder for what `write_outputs` writes; None for nothing.
        label_scheme: Of the label map.
        output_grid: The contrast whose series the masks are laid over.
        full_frame: See `Client.segment`.
        on_progress: See `Client.segment`.
        on_partial: See `Client.segment`.
        timeout_s: Of the server's part; see `Client.segment`.
        retries: See `Client.segment`.

    Returns:
        What the server found, on the grid of the series chosen for `output_grid`.

    Raises:
        LocalInputError: A series can't be converted.
        OutputError: A result can't be written.
        GlioserveError: As for `Client.segment`.
    """
    with tempfile.TemporaryDirectory(prefix="glioserve-") as folder, ExitStack() as opened:
        paths = {modality: Path(folder) / f"{modality.value}.nii.gz" for modality in Modality}
        for modality, path in paths.items():
            write_nifti(choice.series[modality], path, field=modality.value)
        case = Case(ExamFiles(**{modality.value: path for modality, path in paths.items()}))
        outputs = None if out is None else opened.enter_context(OutputFolder(case, out))
        result = client.segment(
            case,
            label_scheme=label_scheme,
            output_grid=output_grid,
            full_frame=full_frame,
            on_progress=on_progress,
            on_partial=on_partial,
            timeout_s=timeout_s,
            retries=retries,
        )
        if seg_path is not None:
            others = [series for modality, series in choice.series.items() if modality is not output_grid]
            write_seg(result.label_map, choice.series[output_grid], seg_path, result=result, others=others)
        if outputs is not None:
            outputs.write_result(result)
            outputs.write_pictures(result)
    return result
