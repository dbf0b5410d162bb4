"""A scanner or archive: sends the files of a folder by C-STORE. Run as a program it is a process of its own.

    python send.py FOLDER PORT [--called AE] [--calling AE] [--break] [--echo]

Prints the distinct statuses, hexadecimal. Exit code 3 when the association was not accepted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pydicom import dcmread
from pynetdicom import AE
from pynetdicom.presentation import build_context

REFUSED = 3


def store(
    folder: Path,
    port: int,
    *,
    called: str = "GLIOSERVE",
    calling: str = "SCANNER",
    breaks: bool = False,
    echo: bool = False,
) -> list[str] | None:
    """The distinct statuses; None when the association was not accepted."""
    datasets = [dcmread(path) for path in sorted(folder.rglob("*")) if path.is_file()]
    kinds = {(str(each.SOPClassUID), str(each.file_meta.TransferSyntaxUID)) for each in datasets}
    contexts = [build_context(*kind) for kind in sorted(kinds)]
    if echo:
        contexts.append(build_context("1.2.840.10008.1.1"))
    association = AE(ae_title=calling).associate("127.0.0.1", port, contexts=contexts, ae_title=called)
    if not association.is_established:
        return None
    answers = [association.send_c_store(each) for each in datasets]
    if echo:
        answers.append(association.send_c_echo())
    if breaks:
        association.abort()
    else:
        association.release()
    return sorted({f"{answer.Status:04x}" for answer in answers})


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--called", default="GLIOSERVE")
    parser.add_argument("--calling", default="SCANNER")
    parser.add_argument("--break", dest="breaks", action="store_true", help="abort in place of a release")
    parser.add_argument("--echo", action="store_true")
    statuses = store(**vars(parser.parse_args()))
    if statuses is None:
        return REFUSED
    sys.stdout.write(" ".join(statuses) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
