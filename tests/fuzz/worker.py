"""One run of one engine on one target, in a process of its own that may be killed."""

from __future__ import annotations

import argparse
import importlib
import resource
import sys
import time
from pathlib import Path
from types import ModuleType

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.ledger import Ledger

SEEDS = Path(__file__).parent / "seeds"
MODULES = {"nifti": "tests.fuzz.nifti", "dicom": "tests.fuzz.dicom"}
INSTRUMENTED = {
    "nifti": ["imaging.nifti", "imaging.casecheck", "imaging.geometry", "imaging.volume", "glioserve.nifti"],
    "dicom": [
        "glioserve.dicom",
        *(f"pydicom.{module}" for module in ("filereader", "dataset", "dataelem", "values", "encaps", "pixels")),
    ],
}
MORE_ADDRESS_BYTES = 3 * 2**30
"""Beyond what the process has once all is loaded."""
BATCH = 50
MAX_INPUT_BYTES = 24 * 1024


def main() -> None:
    """Runs until the time is over."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=MODULES)
    parser.add_argument("engine", choices=("hypothesis", "atheris"))
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    run = _hypothesis if options.engine == "hypothesis" else _atheris
    run(options.target, options.seconds, options.seed, options.folder)


def _ledger(module: ModuleType, target: str, folder: Path) -> Ledger:
    ledger = Ledger(module.target, SEEDS / target, folder)
    for data in module.bases():
        ledger.take(data)
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MORE_ADDRESS_BYTES,) * 2)
    return ledger


def _hypothesis(target: str, seconds: float, first_seed: int, folder: Path) -> None:
    module = importlib.import_module(MODULES[target])
    ledger = _ledger(module, target, folder)
    end = time.monotonic() + seconds
    batch = first_seed
    while time.monotonic() < end:

        @seed(batch)
        @settings(
            max_examples=BATCH,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(data=module.inputs())
        def take(data: bytes) -> None:
            if time.monotonic() < end:
                ledger.take(data)

        take()
        batch += 1
    ledger.note()


def _atheris(target: str, seconds: float, first_seed: int, folder: Path) -> None:
    import atheris  # type: ignore[import-untyped]  # not among the project's dependencies

    with atheris.instrument_imports(include=INSTRUMENTED[target]):
        module = importlib.import_module(MODULES[target])
    ledger = _ledger(module, target, folder)
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, data in enumerate(module.bases()):
        (corpus / f"base{number}").write_bytes(data)

    def take(data: bytes) -> None:
        ledger.take(data)

    flags = [
        f"-max_total_time={seconds:.0f}",
        f"-max_len={MAX_INPUT_BYTES}",
        f"-seed={first_seed}",
        "-rss_limit_mb=0",
        "-timeout=600",
        "-len_control=0",
        f"-artifact_prefix={folder}/",
    ]
    atheris.Setup([sys.argv[0], *flags, str(corpus), str(SEEDS / target)], take)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
