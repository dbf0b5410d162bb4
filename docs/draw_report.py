# ruff: noqa: INP001 - a script beside the documentation, not a module
"""Draws docs/images/report.png: the report of an exam of nobody. `python docs/draw_report.py`, with Chromium on PATH.

A phantom gets a skull and is scanned as hospitals scan: thick slices, a grid of its own for each contrast, a head that
moved between them. What the report tells of it is the truth that it was made from, not a server's answer.
"""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tempfile
from pathlib import Path

import glioserve as gs
import nibabel as nib
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from imaging.modality import Modality
from imaging.phantom import Enhancement, Phantom, make_phantom

OUT = Path(__file__).resolve().parent / "images" / "report.png"
SEED = 11
SPACING_MM = (0.9, 0.9, 5.5)
SHAPE = (240, 260, 30)
MOVED = {  # degrees about the left-right, back-front and foot-head axes, then mm: T1CE's world to the contrast's
    Modality.T1: ((0.8, -0.5, 1.2), (0.6, -1.1, 0.4)),
    Modality.T2: ((3.5, 1.0, -4.0), (4.0, -2.5, 6.0)),
    Modality.FLAIR: ((-2.0, 2.5, 3.0), (-5.0, 3.0, -4.0)),
}
SCALP = {Modality.T1: 1.5, Modality.T1CE: 1.6, Modality.T2: 0.8, Modality.FLAIR: 0.9}
"""Brightness of the scalp, in the brain's own."""
WIDTH_PX = 1240
SHOWN_PX = 930
"""Width of the page, and of the picture made of it."""

Float = npt.NDArray[np.float64]


def rigid(turn_deg: tuple[float, float, float], shift_mm: tuple[float, float, float], middle: Float) -> Float:
    """A motion `[4, 4]`: turns about axes through the middle of the head, then a shift."""
    turn = np.eye(3)
    for axis, degrees in enumerate(turn_deg):
        first, second = (each for each in range(3) if each != axis)
        angle, step = np.radians(degrees), np.eye(3)
        step[first, first] = step[second, second] = np.cos(angle)
        step[first, second], step[second, first] = -np.sin(angle), np.sin(angle)
        turn = step @ turn
    out = np.eye(4)
    out[:3, :3] = turn
    out[:3, 3] = middle + np.array(shift_mm) - turn @ middle
    return out


def with_skull(voxels: Float, away_mm: Float, scalp: float) -> Float:
    """A brain with what is around it: fluid, bone, scalp."""
    brain = float(np.median(voxels[away_mm == 0]))
    out = np.where((away_mm > 0) & (away_mm <= 2.5), 0.25 * brain, voxels)
    out[(away_mm > 2.5) & (away_mm <= 8)] = 0.06 * brain
    out[(away_mm > 8) & (away_mm <= 15)] = scalp * brain
    return np.asarray(out + np.random.default_rng(SEED).normal(0, 0.02 * brain, out.shape)).clip(0)


def native_affine(motion: Float, middle: Float) -> Float:
    """A scanner's grid, LPS, about the middle of the head as it lies in this contrast, slightly oblique, `[4, 4]`."""
    tilt = rigid((8.0, 2.0, 0.0), (0.0, 0.0, 0.0), np.zeros(3))
    affine = tilt @ np.diag([-SPACING_MM[0], -SPACING_MM[1], SPACING_MM[2], 1.0])
    at = motion[:3, :3] @ middle + motion[:3, 3]
    affine[:3, 3] = at - affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    return np.asarray(affine)


def scanned(voxels: Float, affine: Float, native: Float, motion: Float, *, order: int) -> Float:
    """What lies on a native grid: the head's volume, `voxels` at `affine`, moved."""
    back = np.linalg.inv(affine) @ np.linalg.inv(motion) @ native
    at = np.tensordot(back[:3, :3], np.indices(SHAPE), axes=1) + back[:3, 3].reshape(3, 1, 1, 1)
    return np.asarray(ndimage.map_coordinates(voxels, at, order=order))


def mutual_information(one: Float, other: Float) -> float:
    """Of two volumes' voxels, nats."""
    together, _, _ = np.histogram2d(one.ravel(), other.ravel(), bins=50)
    share = together / together.sum()
    apart = share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)
    there = share > 0
    return float((share[there] * np.log(share[there] / apart[there])).sum())


def gzipped(voxels: npt.NDArray[np.generic], affine: Float) -> bytes:
    """A `.nii.gz` file."""
    return gzip.compress(nib.Nifti1Image(voxels, affine).to_bytes(), mtime=0)


def report_of(phantom: Phantom, folder: Path) -> Path:
    """Writes the phantom's native exam and the report on it."""
    affine = np.asarray(phantom.exam.grid.affine, dtype=np.float64)
    brain = phantom.exam.volumes[Modality.T1CE].voxels > 0
    brain = ndimage.binary_fill_holes(brain)
    away_mm = ndimage.distance_transform_edt(~brain)
    middle = affine[:3, :3] @ np.array([axis.mean() for axis in np.nonzero(brain)]) + affine[:3, 3]
    still = np.eye(4)
    motions = {each: rigid(*MOVED[each], middle) if each in MOVED else still for each in Modality}
    grids = {each: native_affine(motion, middle) for each, motion in motions.items()}

    heads, paths = {}, {}
    for each in Modality:
        voxels = phantom.exam.volumes[each].voxels.astype(np.float64)
        head = with_skull(voxels, away_mm, SCALP[each])
        heads[each] = ndimage.uniform_filter1d(head, size=5, axis=2)  # a slice shows all of its thickness
        paths[each.value] = folder / f"{each.value}.nii.gz"
        native = scanned(heads[each], affine, grids[each], motions[each], order=1)
        paths[each.value].write_bytes(gzipped(native.astype(np.int16), grids[each]))

    def on_t1ce(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        return scanned(mask.astype(np.float64), affine, grids[Modality.T1CE], still, order=1) > 0.5

    labels = np.zeros(SHAPE, dtype=np.uint8)
    for region, value in zip(("WT", "TC", "ET"), (2, 1, 4), strict=True):
        labels[on_t1ce(next(mask for each, mask in phantom.masks.items() if each.name == region))] = value
    result = _result(labels, on_t1ce(brain), grids[Modality.T1CE], _preparations(heads, affine, grids, motions))
    case = gs.Case(gs.ExamFiles(**paths))
    return gs.write_outputs(result, case, folder / "out") / "report.html"


def _preparations(
    heads: dict[Modality, Float], affine: Float, grids: dict[Modality, Float], motions: dict[Modality, Float]
) -> tuple[gs.Preparation, ...]:
    fixed = scanned(heads[Modality.T1CE], affine, grids[Modality.T1CE], np.eye(4), order=1)
    out = []
    for each, motion in motions.items():
        moved = each in MOVED
        before = scanned(heads[each], affine, grids[Modality.T1CE], motion, order=1) if moved else fixed
        after = scanned(heads[each], affine, grids[Modality.T1CE], np.eye(4), order=1) if moved else fixed
        out.append(
            gs.Preparation(
                modality=gs.Modality(each.value),
                registered=moved,
                resampled=True,
                brain_extracted=True,
                motion=motion,
                similarity_before=mutual_information(fixed, before) if moved else 0.0,
                similarity_after=mutual_information(fixed, after) if moved else 0.0,
            )
        )
    return tuple(out)


def _result(
    labels: npt.NDArray[np.uint8],
    brain: npt.NDArray[np.bool_],
    affine: Float,
    preparations: tuple[gs.Preparation, ...],
) -> gs.SegmentationResult:
    scheme = gs.LabelScheme.BRATS_2018
    voxel_ml = float(np.prod(SPACING_MM)) / 1000.0
    counts = {each: int(np.isin(labels, sorted(scheme.region_labels[each])).sum()) for each in gs.Region}
    thick = ("must have slices of at most 3 mm", f"{SPACING_MM[2]} mm")
    rules = gs.FindingRule
    return gs.SegmentationResult(
        label_map=gs.LabelMap(gzipped(labels, affine), scheme),
        volumes=tuple(gs.RegionVolume(region, count * voxel_ml, count, 0) for region, count in counts.items()),
        metrics=(),
        conventions=None,
        reference_label_scheme=None,
        timings=(),
        models=(),
        warnings=("This is a phantom. Nobody has this tumour; its outlines are the truth that it was made from.",),
        notes=(),
        server_version="of no server",
        engine="no engine",
        findings=(
            *(gs.Finding(rules.SLICE_THICKNESS, gs.Severity.WARN, each.value, *thick) for each in gs.Modality),
            gs.Finding(rules.OBLIQUE, gs.Severity.WARN, "exam", "must have axes along the body's", "8.2 degrees"),
        ),
        preparations=preparations,
        brain_mask=gs.BrainMask(gzipped(brain.astype(np.uint8), affine)),
    )


def photograph(page: Path, profile: Path) -> Image.Image:
    """The whole page as a browser shows it."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        driver.set_window_size(WIDTH_PX, 1000)
        driver.get(page.as_uri())
        height = driver.execute_script("return document.documentElement.scrollHeight + outerHeight - innerHeight")
        driver.set_window_size(WIDTH_PX, height)
        return Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
    finally:
        driver.quit()


def main() -> None:
    """Draw it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        page = report_of(make_phantom(SEED, enhancement=Enhancement.RING, volume_ml=70.0), folder)
        picture = photograph(page, folder / "profile")
    height = round(picture.height * SHOWN_PX / picture.width)
    shown = picture.resize((SHOWN_PX, height), Image.Resampling.LANCZOS).quantize(256, dither=Image.Dither.NONE)
    shown.save(OUT, optimize=True)
    sys.stdout.write(f"{OUT.name}: {shown.width} x {shown.height}, {OUT.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    main()
