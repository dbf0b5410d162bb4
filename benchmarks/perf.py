"""HEAD, as it lies here, against another revision: one run, by turns, the same exam.

    python -m benchmarks.perf --base REVISION [--pairs 5] [--engine onnxruntime]

Each revision serves from its own files (the other one's in a git worktree that is removed afterwards) and its own model
repository, in this environment; a client here calls both by turns. Exit code 1 if HEAD is slower than the limit allows,
or takes so much more memory. Also told: whether both gave the same label map. Works for base revisions whose
requirements this environment meets.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from glioserve import Client

from benchmarks.pairing import by_turns, clocked
from benchmarks.product import RETRIES, files_of, forget_peak, memory_mib
from benchmarks.record import Claim, Record, Table, publish
from benchmarks.workload import ROOT, case_folders, common_options, options_of

HEAD, BASE = "HEAD", "base"
MAX_SLOWER = 1.05
MAX_MORE_MEMORY = 1.10
_READY = re.compile(r"ready on (\S+),")
_START = "from serving.cli import main; main()"


def main() -> int:
    """Measure and publish; the exit code."""
    arguments = parse_arguments()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="glioserve-perf-")))
        (case,), called = case_folders(1, scratch)
        roots = {HEAD: ROOT, BASE: stack.enter_context(worktree(arguments.base, scratch / "base"))}
        servers = {name: stack.enter_context(server(root, arguments.engine)) for name, root in roots.items()}
        files, label_maps = files_of(case), dict[str, bytes]()

        def segment(name: str) -> None:
            with Client(servers[name][0]) as client:
                label_maps[name] = client.segment(files, retries=RETRIES).label_map.nifti_gz

        for name, (_, pid) in servers.items():
            segment(name)  # first calls allocate
            forget_peak(pid)
        ways = {name: clocked(partial(segment, name)) for name in servers}
        rounds = by_turns(ways, rounds=arguments.pairs, warm_ups=0)
        peaks = {name: memory_mib(pid, peak=True) for name, (_, pid) in servers.items()}
    slower, more = rounds.ratio(HEAD, BASE), peaks[HEAD] / peaks[BASE]
    claims = [
        Claim(
            "seconds of HEAD, times those of the base",
            f"at most {MAX_SLOWER}",
            slower.text(),
            slower.median <= MAX_SLOWER,
        ),
        Claim(
            "peak memory of HEAD, times that of the base",
            f"at most {MAX_MORE_MEMORY}",
            f"{more:.2f}",
            more <= MAX_MORE_MEMORY,
        ),
    ]
    rows = [[name, rounds.spread(name).text(), f"{peaks[name]:.0f}"] for name in servers]
    table = Table(f"One exam ({called}) by the gateway, by turns.", ["revision", "seconds", "peak, MiB"], rows)
    alike = "the same" if label_maps[HEAD] == label_maps[BASE] else "not the same"
    publish(Record("perf", options_of(arguments), claims, [table], [f"Label maps are {alike}."]), arguments.results)
    return 0 if all(claim.met for claim in claims) else 1


@contextmanager
def worktree(revision: str, folder: Path) -> Iterator[Path]:
    """The files of a revision."""
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


@contextmanager
def server(root: Path, engine: str) -> Iterator[tuple[str, int]]:
    """A gateway of a revision's own files; its address and its process."""
    command = [sys.executable, "-c", _START, "up", "--engine", engine, "--models", str(root / "models")]
    command += ["--port", "0", "--metrics-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root, env=environment(root)) as process:
        try:
            ready = next(filter(None, map(_READY.match, process.stdout or ())), None)
            if ready is None:
                raise SystemExit(f"the server of {root.name} did not become ready")
            yield ready[1], process.pid
        finally:
            process.terminate()


def environment(root: Path) -> Mapping[str, str]:
    """Of a server that imports a revision's own files, before those that are installed."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GLIOSERVE_")}
    runtime = os.environ.get("GLIOSERVE_TRITON_RUNTIME", str(ROOT / ".triton"))
    paths = os.pathsep.join([str(root), str(root / "client")])
    return kept | {"PYTHONPATH": paths, "GLIOSERVE_TRITON_RUNTIME": runtime, "GLIOSERVE_LOG_LEVEL": "ERROR"}


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = common_options(__doc__, pairs=5, models=False)
    parser.add_argument("--base", required=True, help="the revision to compare with")
    parser.add_argument("--engine", default="triton", choices=("triton", "onnxruntime"))
    return parser.parse_args(given)


if __name__ == "__main__":
    sys.exit(main())
