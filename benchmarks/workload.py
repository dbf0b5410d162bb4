"""What benchmarks work on: an exam, a model repository, and the options that choose them."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import cores, this_machine
from benchmarks.record import RESULTS
from benchmarks.widen import widen_repository
from imaging.brats import find_cases, load_exam, load_reference
from imaging.exam import Exam
from imaging.phantom import make_phantom, write_phantom
from imaging.regions import RegionMasks

ROOT = Path(__file__).resolve().parents[1]
DATA_VARIABLE = "GLIOSERVE_BRATS_DIR"
FIRST_PHANTOM = 7


@dataclass(frozen=True, eq=False)
class Work:
    """One exam, on disk and in memory.

    Args:
        folder: Its case folder.
        exam: The same.
        reference: What the experts, or the phantom's maker, say.
        called: What tables call it.
    """

    folder: Path
    exam: Exam
    reference: RegionMasks
    called: str


def case_folders(count: int, scratch: Path) -> tuple[list[Path], str]:
    """Case folders: the first patients where there are any, else phantoms; and what tables call them."""
    if data := os.environ.get(DATA_VARIABLE):
        folders = [case.folder for case in find_cases(Path(data))[:count]]
        return folders, "one patient" if len(folders) == 1 else f"{len(folders)} patients"
    seeds = range(FIRST_PHANTOM, FIRST_PHANTOM + count)
    folders = [write_phantom(make_phantom(seed), scratch) for seed in seeds]
    return folders, "one phantom" if count == 1 else f"{count} phantoms"


def one_exam(scratch: Path) -> Work:
    """The exam that is measured, read as any other."""
    (folder,), called = case_folders(1, scratch)
    (case,) = find_cases(folder)
    return Work(folder, load_exam(case), load_reference(case), called)


def common_options(
    description: str | None, *, pairs: int | None, models: bool = True, width: int | None = None
) -> argparse.ArgumentParser:
    """A parser of what benchmarks have in common.

    Args:
        description: The benchmark's docstring.
        pairs: How often each way is timed, unless said otherwise; None where nothing goes by turns.
        models: Whether it runs networks.
        width: How many times as wide as shipped they are, unless said otherwise; None where that is no option.
    """
    this_machine()  # how busy it is now, and not when all is measured
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if pairs is not None:
        parser.add_argument("--pairs", type=_positive, default=pairs, help="how often each way is timed, by turns")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the record")
    if models:
        parser.add_argument("--models", type=Path, default=ROOT / "models", help="the model repository")
    if width is not None:
        parser.add_argument("--widen", type=int, default=width, choices=(1, 2), help="times the channels of the U-Nets")
    return parser


def options_of(arguments: argparse.Namespace) -> dict[str, str]:
    """The options of a run, for its record; folders of this machine are left out."""
    given = {name: value for name, value in vars(arguments).items() if value is not None}
    return {name: _as_given(value) for name, value in given.items() if not isinstance(value, Path)}


@contextmanager
def repository(arguments: argparse.Namespace) -> Iterator[Path]:
    """The model repository of the options, its U-Nets widened where they say so."""
    if arguments.widen == 1:
        yield arguments.models
        return
    with tempfile.TemporaryDirectory(prefix="glioserve-wide-") as scratch:
        yield widen_repository(arguments.models, Path(scratch) / "models")


def in_flight() -> int:
    """Calls at one time that keep every core busy."""
    return cores()


def evenly(total: int, wanted: int) -> Sequence[int]:
    """`wanted` numbers from 0 to `total` - 1, evenly apart; all of them where `wanted` is 0 or too many."""
    if wanted in range(1, total):
        return [(2 * number + 1) * total // (2 * wanted) for number in range(wanted)]
    return range(total)


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _as_given(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else f"{value}"
