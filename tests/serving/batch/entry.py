"""A small cohort by worker processes, as a program: SPEC OUT WORKERS."""

from __future__ import annotations

import sys
from pathlib import Path

from serving.batch.order import CohortOrder
from serving.batch.patience import StoppedError
from serving.batch.processes import run_workers
from serving.batch.signals import stopped_by_signals
from serving.batch.spec import load_spec
from serving.batch.worker import run_share
from serving.logs import configure_logging
from tests.serving.batch.fakes import SmallMaking


def main(spec_file: str, out: str, workers: str) -> None:
    configure_logging("INFO")
    spec = load_spec(Path(spec_file))
    order, making = CohortOrder(spec, out), SmallMaking(spec, announce=True)
    with stopped_by_signals() as stop:
        try:
            if workers == "1":
                report = run_share(order, making, stopping=stop.event, on_progress=lambda _: None)
            else:
                report = run_workers(order, making, int(workers), stopping=stop.event, on_progress=lambda _: None)
        except StoppedError:
            sys.exit(stop.exit_code)
    sys.stdout.write(f"{report.released} {report.finished}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
