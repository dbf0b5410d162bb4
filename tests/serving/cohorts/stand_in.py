"""A worker that does what a test tells it to, over a socket: it makes cases that hold nothing, and it obeys SIGTERM.

Run as a process, in place of `serving.batch`: `stand_in.py SOCKET OUT [--stubborn] [--child]`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import FrameType


def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (the signature is Python's)
    sys.exit(128 + number)


def make_case(out: Path) -> None:
    case = out / f"case-{len(list(out.glob('case-*')))}"
    case.mkdir(parents=True)
    (case / "provenance.json").write_text("{}")


def main() -> None:
    address, out, *flags = sys.argv[1:]
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "--stubborn" in flags else stop)
    child = subprocess.Popen(["sleep", "600"]).pid if "--child" in flags else 0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        connection.sendall(f"{os.getpid()} {child}\n".encode())
        for line in connection.makefile():
            match line.split():
                case ["make"]:
                    make_case(Path(out))
                    connection.sendall(b"made\n")
                case ["say", *words]:
                    sys.stderr.write(" ".join(words) + "\n")
                    sys.stderr.flush()
                    connection.sendall(b"said\n")
                case ["exit", code]:
                    sys.exit(int(code))


if __name__ == "__main__":
    main()
