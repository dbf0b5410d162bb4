"""The folder of a result: label map, JSON document, report and picture."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from glioserve.atomic import make_folder, write_atomic
from glioserve.documents import segmentation_document, to_json
from glioserve.errors import OutputError
from glioserve.exam_files import Case, PathLike
from glioserve.render.overlay import overlay_png
from glioserve.render.report import report_html
from glioserve.render.scene import Scene
from glioserve.results import SegmentationResult

LABEL_MAP = "segmentation.nii.gz"
BRAIN_MASK = "brain_mask.nii.gz"
DOCUMENT = "result.json"
REPORT = "report.html"
PICTURE = "overlay.png"


def write_outputs(result: SegmentationResult, case: Case, folder: PathLike) -> Path:
    """Writes `segmentation.nii.gz`, `result.json`, `report.html` and `overlay.png`, each whole or not at all.

    Where the server extracted the brain there is `brain_mask.nii.gz` too. The label map comes first and the pictures
    last. None of the files names the patient, or a file of the exam.

    Args:
        result: The exam's result.
        case: The exam, whose files are read again for the pictures.
        folder: Made if it is not there; files of these names in it are replaced.

    Returns:
        The folder.

    Raises:
        OutputError: Something can't be written.
        LocalInputError: A file of the exam can't be read any more, or is not where the result says.
    """
    target = Path(folder)
    make_folder(target)
    created = datetime.now(UTC)
    result.label_map.save(target / LABEL_MAP)
    if result.brain_mask is None:
        _remove(target / BRAIN_MASK)
    else:
        result.brain_mask.save(target / BRAIN_MASK)
    write_atomic(target / DOCUMENT, to_json(segmentation_document(result, created=created)).encode())
    scene = Scene.of(case, result)
    write_atomic(target / PICTURE, overlay_png(result, scene))
    write_atomic(target / REPORT, report_html(result, scene, created=created).encode())
    return target


def _remove(path: Path) -> None:
    """Takes away what an earlier exam left in the folder."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"an old result can't be removed: {error.strerror or type(error).__name__}") from None
