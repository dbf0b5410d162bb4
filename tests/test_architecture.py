"""The arrows between the packages point one way, heavy libraries stay where they belong, and files stay small."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "imaging": ROOT / "imaging",
    "training": ROOT / "training",
    "export": ROOT / "export",
    "serving": ROOT / "serving",
    "glioserve": ROOT / "client" / "glioserve",
}
MAY_IMPORT = {
    "imaging": set(),
    "training": {"imaging"},
    "export": {"training", "imaging"},
    "serving": {"imaging", "glioserve"},
    "glioserve": set(),
}
NEVER_LOADED = {
    "imaging": {"torch", "grpc", "tritonclient"},
    "serving": {"torch", "lightning_fabric", "training", "export"},
    "glioserve": {"torch", "imaging", "serving", "training", "export", "skimage", "tritonclient"},
}
STUBS = "glioserve.v1"
CALLER = PACKAGES["serving"] / "dicom"
"""A caller of the gateway, which uses the client as all callers do."""
MAX_LINES = 400


def sources(package: str) -> list[Path]:
    return sorted(
        path for path in PACKAGES[package].rglob("*.py") if not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))
    )


def imported_modules(path: Path) -> Iterator[str]:
    """Every module named by an import statement, at any depth of the file; relative ones are the package's own."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_follow_the_arrows(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources(package)
        for module in imported_modules(path)
        if (top := module.partition(".")[0]) in PACKAGES and top not in allowed
    ]
    assert wrong == []


def test_serving_knows_only_the_contract_of_the_client() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sources("serving")
        if path.parent != CALLER
        for module in imported_modules(path)
        if module.partition(".")[0] == "glioserve" and not module.startswith(STUBS)
    ]
    assert wrong == []


@pytest.mark.parametrize("package", NEVER_LOADED)
def test_importing_every_module_loads_no_foreign_library(package: str) -> None:
    """Every module but `__main__` is imported in a fresh interpreter, and its `sys.modules` looked at."""
    root = PACKAGES[package].parent
    modules = [
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for path in sources(package)
        if path.name != "__main__.py" and not runs_inside_triton(path)
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        f"print(*sorted(set({sorted(NEVER_LOADED[package])!r}) & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def runs_inside_triton(path: Path) -> bool:
    """Whether a file is run by Triton's Python stub in the runtime's environment, where alone it can be imported."""
    return any(name.startswith("triton_python_backend_utils") for name in imported_modules(path))


@pytest.mark.parametrize("package", PACKAGES)
def test_files_stay_small(package: str) -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources(package)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}
