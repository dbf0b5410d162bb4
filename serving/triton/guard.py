"""Runs Triton and outlives it by a moment: whatever happens to the parent, nothing of Triton is left behind.

A script of the standard library alone, which `launcher.py` runs as a process between itself and Triton. It tells
Triton's process id on its standard output, and stops Triton when its standard input ends: because the parent closed
it, or because the parent is gone, however it went. When Triton has ended, it removes what Triton left in shared
memory, and the folder that was made for this run. `PR_SET_PDEATHSIG` alone would not do in the parent: it tells of the
end of the *thread* that started the child.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (where Linux keeps it)
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Carry out the order that is the first argument.

    It is JSON with the keys `command`, `environment`, `scratch`, `shared_memory_prefix` and `stop_timeout_s`.

    Returns:
        Triton's exit code, negative if a signal ended it.
    """
    order = json.loads(sys.argv[1])
    triton = subprocess.Popen(  # noqa: S603 (the launcher's own command, no shell)
        order["command"],
        env=order["environment"],
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        process_group=0,
        preexec_fn=_die_with_guard,  # noqa: PLW1509 (this process has one thread so far)
    )
    # A signal for the parent and all its children, such as Ctrl-C, is the parent's to act on. After the start, as a
    # signal that is ignored stays so in a child.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        sys.stdout.write(f"{triton.pid}\n")
        sys.stdout.flush()
        threading.Thread(target=_stop_when_told, args=(triton, order["stop_timeout_s"]), daemon=True).start()
        return triton.wait()
    finally:
        with suppress(ProcessLookupError):  # the processes of the models end with Triton, or now
            os.killpg(triton.pid, signal.SIGKILL)
        for leftover in SHARED_MEMORY.glob(f"{order['shared_memory_prefix']}*"):
            leftover.unlink(missing_ok=True)
        shutil.rmtree(order["scratch"], ignore_errors=True)


def _stop_when_told(triton: subprocess.Popen[bytes], timeout_s: float) -> None:
    sys.stdin.read()
    triton.terminate()
    try:
        triton.wait(timeout_s)
    except subprocess.TimeoutExpired:
        triton.kill()


def _die_with_guard() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
