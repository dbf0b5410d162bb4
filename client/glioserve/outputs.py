"""The folder of a result: label map, JSON document, report and picture."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from glioserve.atomic import make_folder, write_atomic
from glioserve.documents import segmentation_document, to_json
from glioserve.errors import OutputError
from glioserve.exam_files import Case, PathLike
from glioserve.render.ahead import ReadAhead
from glioserve.render.overlay import overlay_png
from glioserve.render.report import report_html
from glioserve.render.scene import Scene
from glioserve.results import SegmentationResult

LABEL_MAP = "segmentation.nii.gz"
BRAIN_MASK = "brain_mask.nii.gz"
DOCUMENT = "result.json"
REPORT = "report.html"
PICTURE = "overlay.png"


class OutputFolder:
    """The folder of one exam, opened before there is a result. Use it in a `with` statement.

    What the pictures need of the exam's files is read meanwhile, in a thread, so that it does not have to be waited for
    when the result is there. None of the files names the patient, or a file of the exam.

    Args:
        case: The exam.
        folder: Made if it is not there.

    Raises:
        OutputError: The folder can't be made or written to.
    """

    def __init__(self, case: Case, folder: PathLike) -> None:
        self._path = Path(folder)
        make_folder(self._path)
        self._ahead = ReadAhead(case)
        self._created = datetime.now(UTC)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ahead.close()

    def write_result(self, result: SegmentationResult) -> None:
        """Writes `segmentation.nii.gz` and `result.json`, each whole or not at all; files of these names are replaced.

        Where the server extracted the brain there is `brain_mask.nii.gz` too.

        Raises:
            OutputError: Something can't be written.
        """
        self._created = datetime.now(UTC)
        result.label_map.save(self._path / LABEL_MAP)
        if result.brain_mask is None:
            _remove(self._path / BRAIN_MASK)
        else:
            result.brain_mask.save(self._path / BRAIN_MASK)
        write_atomic(self._path / DOCUMENT, to_json(segmentation_document(result, created=self._created)).encode())

    def write_pictures(self, result: SegmentationResult) -> None:
        """Writes `overlay.png` and `report.html`, likewise.

        Raises:
            OutputError: Something can't be written.
            LocalInputError: A file of the exam can't be read any more, or is not where the result says.
        """
        scene = Scene.over(self._ahead.backdrop(), result)
        write_atomic(self._path / PICTURE, overlay_png(result, scene))
        write_atomic(self._path / REPORT, report_html(result, scene, created=self._created).encode())


def write_outputs(result: SegmentationResult, case: Case, folder: PathLike) -> Path:
    """Writes `segmentation.nii.gz`, `result.json`, `report.html` and `overlay.png`, each whole or not at all.

    The label map comes first and the pictures last. `OutputFolder` does the same in less time where it is opened before
    the exam is sent.

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
    with OutputFolder(case, folder) as outputs:
        outputs.write_result(result)
        outputs.write_pictures(result)
    return Path(folder)


def _remove(path: Path) -> None:
    """Takes away what an earlier exam left in the folder."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"an old result can't be removed: {error.strerror or type(error).__name__}") from None
