# ruff: noqa: INP001 - a script beside the distribution, not a module of it
"""Regenerates the stubs of the contract from the .proto files beside them. `make protos` calls this.

Needs the `dev` extra of the root project (grpcio-tools, mypy-protobuf).
"""

from __future__ import annotations

import argparse
import shutil
import sys
from importlib import resources
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]  # ships no types

HERE = Path(__file__).resolve().parent
PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")


class GenerationError(RuntimeError):
    """The compiler or one of its plugins is missing, or refused a .proto file."""


def generate(out_dir: Path) -> None:
    """Writes the stubs of every .proto file under `out_dir`, at the path that their package has.

    Args:
        out_dir: A folder that exists; `client/` itself, or another one to compare with.

    Raises:
        GenerationError: A plugin is not installed, or a .proto file does not compile.
    """
    protos = sorted(str(path.relative_to(HERE)) for path in (HERE / "glioserve" / "v1").glob("*.proto"))
    arguments = [
        "protoc",
        f"--proto_path={HERE}",
        f"--proto_path={resources.files('grpc_tools') / '_proto'}",
        f"--python_out={out_dir}",
        f"--grpc_python_out={out_dir}",
        f"--mypy_out=quiet:{out_dir}",
        f"--mypy_grpc_out=quiet:{out_dir}",
        *(f"--plugin={name}={_plugin(name)}" for name in PLUGINS),
        *protos,
    ]
    if protoc.main(arguments) != 0:
        raise GenerationError("protoc failed; its message is above")


def _plugin(name: str) -> str:
    beside_python = str(Path(sys.executable).parent)
    found = shutil.which(name, path=beside_python) or shutil.which(name)
    if found is None:
        raise GenerationError(f"{name} is not installed; pip install mypy-protobuf")
    return found


def main() -> None:
    """Command line: `python client/generate_protos.py [--out DIR]`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write under (default: in place)")
    generate(parser.parse_args().out)


if __name__ == "__main__":
    main()
