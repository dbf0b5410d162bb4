"""Synthetic patients: training patients' maps with their lesions edited, drawn anew (paper, section 2.3.4)."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from imaging.brainmap.apply import apply_edit
from imaging.brainmap.draw import Painter, draw_exam
from imaging.brainmap.edit import EditError, MapEdit
from imaging.brainmap.maps import BrainMap
from imaging.brainmap.propose import EditRanges, draw_edit
from imaging.brats import BratsCase, load_exam, load_reference
from imaging.replicas.align import AlignedSlices, align_exam
from training.cache import CachedCase, open_stored, store_case
from training.errors import TrainingError
from training.files import write_atomically, write_text_atomically

RANGES = (
    EditRanges(shift_mm=(15.0, 100.0)),
    EditRanges(shift_mm=(0.0, 30.0), scale=(0.5, 0.9)),
    EditRanges(shift_mm=(0.0, 10.0), scale=(0.4, 0.7), depth_mm=5.0),
)
"""From what edits are drawn: the first that a map can take. Tumours that fill a hemisphere only fit when smaller."""
ATTEMPTS = 4
"""Draws from each of them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SyntheticCase:
    """How a synthetic patient was made.

    Args:
        number: Its place in the cohort.
        source: Case id of the training patient whose map was edited.
        edit: What was done to the lesion.
        seed: Of the edit's elastic field.
    """

    number: int
    source: str
    edit: MapEdit
    seed: int

    @property
    def case_id(self) -> str:
        """A name that no patient has, e.g. `Synthetic_007`."""
        return f"Synthetic_{self.number:03d}"


@dataclass(frozen=True, eq=False)
class Cohort:
    """Synthetic patients, in order.

    Args:
        made: How each was made.
        cases: Prepared for the U-Nets.
        aligned: Prepared for the memorisation check, named by the patient whose map was edited.
    """

    made: tuple[SyntheticCase, ...]
    cases: tuple[CachedCase, ...]
    aligned: tuple[AlignedSlices, ...]


def make_cohort(sources: Sequence[BratsCase], painter: Painter, folder: Path, *, seed: int) -> Cohort:
    """Make a synthetic patient of each source, or open those that the folder holds already.

    Case i is a function of the source i, the painter, the seed and i alone.

    Args:
        sources: Labelled training patients with a tumour.
        painter: A trained Augmentation Network.
        folder: Of this painter and seed; made if absent.
        seed: Of all edits.

    Raises:
        ImagingError: A source can't be read.
        TrainingError: A source's map takes no edit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made, cases, aligned = [], [], []
    for number, source in enumerate(sources):
        stem, record = folder / f"{number:03d}", folder / f"{number:03d}.edit.json"
        slices = folder / f"{number:03d}.aligned.npz"
        if not record.exists():
            brain_map = BrainMap.of_exam(load_exam(source), load_reference(source))
            synthetic, edited = edit_at_random(brain_map, number=number, source=source.case_id, seed=seed)
            exam = draw_exam(edited, painter)
            store_case(stem, exam, edited.regions)
            _store_aligned(slices, align_exam(exam, patient=source.patient_id))
            # Written last: its presence says that the others are whole.
            write_text_atomically(record, json.dumps(asdict(synthetic), indent=1) + "\n")
            log.info("synthetic patient %d of %d", number + 1, len(sources))
        synthetic = _read(record)
        made.append(synthetic)
        cases.append(open_stored(stem, case_id=synthetic.case_id, patient_id=synthetic.case_id))
        with np.load(slices) as arrays:
            aligned.append(AlignedSlices(arrays["images"], arrays["patients"], arrays["numbers"]))
    return Cohort(tuple(made), tuple(cases), tuple(aligned))


def edit_at_random(brain_map: BrainMap, *, number: int, source: str, seed: int) -> tuple[SyntheticCase, BrainMap]:
    """An edit that the map takes, and the edited map.

    Args:
        brain_map: With a lesion.
        number: Of the case; with the seed it decides everything.
        source: Case id of the map's patient.
        seed: Of the cohort.

    Raises:
        TrainingError: No edit was found.
    """
    for level, ranges in enumerate(RANGES):
        for attempt in range(ATTEMPTS):
            rng = np.random.default_rng([seed, number, level, attempt])
            try:
                edit = draw_edit(brain_map, rng, ranges)
                synthetic = SyntheticCase(number, source, edit, int(rng.integers(2**31)))
                return synthetic, apply_edit(brain_map, edit, seed=synthetic.seed)
            except EditError:
                continue
    raise TrainingError("source", "must have a map that takes an edit", f"none in {ATTEMPTS * len(RANGES)} draws")


def _read(record: Path) -> SyntheticCase:
    content = json.loads(record.read_text())
    edit = content["edit"]
    vectors = {name: tuple(edit[name]) for name in ("shift_mm", "rotation_deg")}
    return SyntheticCase(content["number"], content["source"], MapEdit(**{**edit, **vectors}), content["seed"])


def _store_aligned(path: Path, aligned: AlignedSlices) -> None:
    def write(partial: Path) -> None:
        with partial.open("wb") as file:
            np.savez(file, images=aligned.images, patients=aligned.patients, numbers=aligned.numbers)

    write_atomically(path, write)
