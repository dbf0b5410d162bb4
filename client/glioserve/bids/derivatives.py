"""Results as a BIDS data set of derivatives.

    dataset_description.json    what made it, from what, in which label scheme and on which grid
    seg-glioma_dseg.tsv         what the label values mean
    sub-01_ses-1.html           the report, for people
    sub-01_ses-1_result.json    the result, for programs; written last: a session that has it is finished
    sub-01/ses-1/anat/          beside each image a sidecar, which names its sources
      <source>_space-orig_seg-glioma_dseg.nii.gz
      <source>_space-orig_label-{WT,TC,ET}_mask.nii.gz
      <source>_space-orig_desc-brain_mask.nii.gz        where the server extracted the brain

`<source>` are the entities of the image on whose grid the masks are, the T1CE if not asked otherwise.
"""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath

import nibabel as nib
import numpy as np

from glioserve.atomic import make_folder, write_atomic
from glioserve.bids.choice import Chosen
from glioserve.bids.dataset import DESCRIPTION, Dataset, Session
from glioserve.documents import DISCLAIMER, Document, segmentation_document, to_json
from glioserve.errors import LocalInputError
from glioserve.exam_files import PathLike
from glioserve.label_map import LabelMap
from glioserve.render.ahead import ReadAhead
from glioserve.render.palette import REGION_RGB, css
from glioserve.render.report import report_html
from glioserve.render.scene import Scene
from glioserve.results import SegmentationResult
from glioserve.terms import LabelScheme, Modality, Region
from glioserve.version import __version__
from glioserve.wording import REGION_TITLE

BIDS_VERSION = "1.10.0"
NAME = "glioserve"
LINK = "raw"
"""Name of the data set that was read, in links of the derivatives."""
SEGMENTATION = "seg-glioma"
LABEL_TABLE = f"{SEGMENTATION}_dseg.tsv"
IGNORED = ".bidsignore"
COMPRESSION = 6
"""Of masks; at gzip's usual 9 they take three times as long and are hardly smaller."""
_README = f"""# Gliomas, segmented

Whole tumour (WT), tumour core (TC) and enhancing tumour (ET), by glioserve {__version__}. {DISCLAIMER}
Values of `*_dseg.nii.gz` are explained in `{LABEL_TABLE}`; masks hold 1 inside and 0 outside. Images lie on the grid of
the image that they are named after. `*.html` are reports for people, `*_result.json` the same for programs.
"""


@dataclass(frozen=True)
class Derivatives:
    """A data set of derivatives on disk.

    Args:
        root: Its folder.
        label_scheme: Of its label maps.
        output_grid: The contrast on whose grid its images are.
    """

    root: Path
    label_scheme: LabelScheme
    output_grid: Modality

    @classmethod
    def open(
        cls, folder: PathLike, dataset: Dataset, *, label_scheme: LabelScheme, output_grid: Modality = Modality.T1CE
    ) -> Derivatives:
        """Makes the data set, or goes on with one that was made earlier in the same way.

        Args:
            folder: Made if it is not there. Not the data set that is read, nor a place within its subjects.
            dataset: What is read.
            label_scheme: Of the label maps.
            output_grid: The contrast on whose grid the images are.

        Raises:
            LocalInputError: The folder holds something else, or results made in another way.
            OutputError: It can't be written to.
        """
        root = Path(folder)
        within = _within(root, dataset.root)
        if within is not None and within.parts[:1] != ("derivatives",):
            raise LocalInputError(
                "out_dir", "must be outside the data set, or below its derivatives folder", "within it"
            )
        out = cls(root, label_scheme, output_grid)
        make_folder(root)
        wanted = out._description(dataset)
        _check_same(root, wanted)
        write_atomic(root / IGNORED, b"/sub-*.html\n/sub-*_result.json\n")
        write_atomic(root / "README.md", _README.encode())
        write_atomic(root / LABEL_TABLE, label_table(label_scheme).encode())
        write_atomic(root / DESCRIPTION, to_json(wanted).encode())
        return out

    def finished(self, session: Session) -> bool:
        """Whether all of a session is there."""
        return self._document(session).is_file()

    def write(self, session: Session, chosen: Chosen, result: SegmentationResult, ahead: ReadAhead) -> None:
        """Writes the derivatives of a session, each file whole or not at all, the one that says it is finished last.

        Args:
            session: Which.
            chosen: Its images.
            result: What was found.
            ahead: Reads the images for the report.

        Raises:
            OutputError: Something can't be written.
            LocalInputError: An image can't be read any more.
        """
        created = datetime.now(UTC)
        scene = Scene.over(ahead.backdrop(), result)
        folder = self.root / session.folder
        make_folder(folder)
        source = chosen.names[self.output_grid]
        made_of = {
            "Sources": [f"bids:{LINK}:{chosen.paths[each]}" for each in Modality],
            "SpatialReference": "orig",
        }

        def put(entities: str, suffix: str, image: bytes, told: Document) -> None:
            stem = source.derived(f"space-orig_{entities}", suffix)
            write_atomic(folder / f"{stem}.nii.gz", image)
            write_atomic(folder / f"{stem}.json", to_json(told | made_of).encode())

        told = {
            "Description": f"Glioma, label scheme {self.label_scheme.value}",
            "LabelScheme": self.label_scheme.value,
        }
        put(SEGMENTATION, "dseg", result.label_map.nifti_gz, told)
        for region in Region:
            mask = {"Type": "Lesion", "Description": REGION_TITLE[region], "VolumeMl": result.volume_ml(region)}
            put(f"label-{region.name}", "mask", _mask(result.label_map, region), mask)
        if result.brain_mask is not None:
            put("desc-brain", "mask", result.brain_mask.nifti_gz, {"Type": "Brain", "Description": "Brain"})
        report = self.root / f"{session.prefix}.html"
        write_atomic(report, report_html(result, scene, created=created).encode())
        write_atomic(self._document(session), to_json(segmentation_document(result, created=created)).encode())

    def _document(self, session: Session) -> Path:
        return self.root / f"{session.prefix}_result.json"

    def _description(self, dataset: Dataset) -> Document:
        link = os.path.relpath(dataset.root.resolve(), self.root.resolve())
        return {
            "Name": "Gliomas, segmented by glioserve",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [{"Name": NAME, "Version": __version__, "Description": DISCLAIMER}],
            "DatasetLinks": {LINK: PurePath(link).as_posix()},
            "LabelScheme": self.label_scheme.value,
            "OutputGrid": self.output_grid.value,
        }


def label_table(scheme: LabelScheme) -> str:
    """What the values of a label map mean, as BIDS wants it: tab-separated, one row per value."""
    of = scheme.region_labels
    tissues = (
        (of[Region.WT] - of[Region.TC], "Peritumoural oedema", "ED", Region.WT),
        (of[Region.TC] - of[Region.ET], "Necrotic and non-enhancing tumour core", "NCR", Region.TC),
        (of[Region.ET], "Enhancing tumour", "ET", Region.ET),
    )
    rows = {value: (name, short, region) for values, name, short, region in tissues for value in values}
    lines = ["index\tname\tabbreviation\tcolor", "0\tBackground\tBG\t#000000"]
    for value, (name, short, region) in sorted(rows.items()):
        lines.append(f"{value}\t{name}\t{short}\t{css(REGION_RGB[region]).upper()}")
    return "\n".join(lines) + "\n"


def _within(path: Path, folder: Path) -> PurePath | None:
    resolved, root = path.resolve(), folder.resolve()
    return resolved.relative_to(root) if resolved.is_relative_to(root) else None


def _check_same(root: Path, wanted: Document) -> None:
    """That the folder is empty, or holds what the same options made."""
    path = root / DESCRIPTION
    if not path.exists():
        try:
            others = any(root.iterdir())
        except OSError as error:
            raise LocalInputError("out_dir", "must be a folder that can be read", type(error).__name__) from None
        if others:
            raise LocalInputError("out_dir", "must be empty, or hold derivatives of glioserve", "other files")
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        makers = [each["Name"] for each in found["GeneratedBy"]]
        made = {key: found[key] for key in ("LabelScheme", "OutputGrid", "DatasetLinks")}
    except (OSError, ValueError, KeyError, TypeError):
        makers, made = [], {}
    if makers != [NAME]:
        raise LocalInputError("out_dir", "must be empty, or hold derivatives of glioserve", "another data set")
    for key, field in (("LabelScheme", "label_scheme"), ("OutputGrid", "output_grid"), ("DatasetLinks", "bids_dir")):
        if made[key] != wanted[key]:
            got = str(made[key]) if key != "DatasetLinks" else "another one"
            raise LocalInputError(field, "must be that of the derivatives that are there", got)


def _mask(label_map: LabelMap, region: Region) -> bytes:
    """One region, gzipped NIfTI; the same bytes each time."""
    image = label_map.image
    header = image.header.copy()
    header.set_data_dtype(np.uint8)
    mask = nib.Nifti1Image(label_map.mask(region).astype(np.uint8), image.affine, header)
    return gzip.compress(mask.to_bytes(), COMPRESSION, mtime=0)
