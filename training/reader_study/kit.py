"""Makes a study: the page for readers, and the key that they never get."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imaging.modality import Modality
from training.errors import TrainingError
from training.files import write_text_atomically
from training.reader_study.key import KeyItem, StudyKey, Truth, load_key
from training.reader_study.page import PageItem, render_page
from training.reader_study.picture import display_pngs

PAGE_NAME = "index.html"
KEY_NAME = "key.json"


@dataclass(frozen=True, eq=False)
class StudyItem:
    """A slice of the study. Valid once constructed.

    Args:
        modality: Its contrast.
        truth: Where it comes from.
        image: `float32 [i, j]`, 0 to 1; RAS+: I to the patient's right, J to the front.

    Raises:
        TrainingError: The image is none of that.
    """

    modality: Modality
    truth: Truth
    image: npt.NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.image.ndim != 2 or self.image.size == 0:
            raise TrainingError("image", "must have 2 axes and pixels", f"shape {self.image.shape}")
        if self.image.dtype != np.float32:
            raise TrainingError("image", "must be float32", str(self.image.dtype))
        low, high = float(self.image.min()), float(self.image.max())
        if not (low >= 0 and high <= 1):
            raise TrainingError("image", "must lie within 0 and 1", f"{low:.4g} to {high:.4g}")


def make_kit(items: Sequence[StudyItem], out: Path, *, seed: int, title: str) -> StudyKey:
    """Write `index.html`, which is handed out, and `key.json`, which is kept.

    The page is the same whatever the truth: names and order of the slices are drawn from the seed alone, every picture
    has the same size in pixels and in bytes, and neither seed nor truth is in it. The paper shows 9 real and 10
    synthetic slices of each modality (section 3.1).

    Args:
        items: The slices, real and synthetic ones of each modality.
        out: Folder of the kit; made if it is not there.
        seed: Of names and order. The same items, seed and title give the same bytes.
        title: Shown on the page.

    Returns:
        The key.

    Raises:
        TrainingError: The slices differ in shape, are shown twice, or a modality lacks real or synthetic ones; there is
            no title; or the folder holds the key of another study.
    """
    if not title.strip():
        raise TrainingError("title", "must say what is read", "nothing")
    _check(items)
    pictures = display_pngs([item.image for item in items])
    if repeated := len(pictures) - len(set(pictures)):
        raise TrainingError("items", "must be shown once each", f"{repeated} shown again")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(items))
    shown = [PageItem(rng.bytes(8).hex(), items[index].modality, pictures[index]) for index in order]
    study_id = _digest(shown, title)
    key = StudyKey(
        study_id=study_id,
        title=title,
        seed=seed,
        items={
            page_item.item_id: KeyItem(modality=page_item.modality, truth=items[index].truth)
            for page_item, index in zip(shown, order, strict=True)
        },
    )
    page = render_page(shown, study_id=study_id, title=title)
    out.mkdir(parents=True, exist_ok=True)
    _keep_other_studies(out / KEY_NAME, key)
    write_text_atomically(out / KEY_NAME, key.model_dump_json(indent=1) + "\n")
    write_text_atomically(out / PAGE_NAME, page)
    return key


def _check(items: Sequence[StudyItem]) -> None:
    kinds = Counter((item.modality, item.truth) for item in items)
    for modality in dict.fromkeys(item.modality for item in items):
        for truth in Truth:
            if not kinds[modality, truth]:
                raise TrainingError("items", f"must hold {truth.value} slices of {modality.value}", "none")
    shapes = sorted({item.image.shape for item in items})
    if len(shapes) != 1:
        raise TrainingError("items", "must be slices of one shape, as a size may tell the truth", f"{shapes or 'none'}")


def _digest(shown: Sequence[PageItem], title: str) -> str:
    """Names the study by what readers see. The truth is left out: it could be found by trying."""
    digest = hashlib.sha256(title.encode())
    for item in shown:
        digest.update(f"\n{item.item_id} {item.modality.value} ".encode() + item.png)
    return digest.hexdigest()[:12]


def _keep_other_studies(path: Path, key: StudyKey) -> None:
    """A key that is written over can't be had again, and readers may have the page already."""
    if path.exists() and load_key(path) != key:
        raise TrainingError("out", "must hold no other study", f"a {path.name} of another one")
