"""The environment that Triton runs in: a virtual environment of its own, apart from the project's.

Apart, because the server's libraries and pinned packages would get in the way of the project's, and because
`nvidia-pytriton`, which brings the server, may only be installed without its Python requirements.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from serving.errors import TritonRuntimeError

RUNTIME_VARIABLE = "GLIOSERVE_TRITON_RUNTIME"
"""Environment variable: where the runtime is, instead of the default place."""
BUILD_COMMAND = "glioserve-server runtime build"

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_STAMP = "glioserve-runtime.json"
_LONGEST_INSTALL_S = 1800


@dataclass(frozen=True)
class TritonRuntime:
    """A runtime that is built and complete.

    Args:
        root: Its folder, a virtual environment.
        python_version: Of its Python, e.g. `3.11`.
    """

    root: Path
    python_version: str

    @property
    def bin(self) -> Path:
        """The folder of its Python. Triton's stub runs the first `python3` on `PATH`."""
        return self.root / "bin"

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        return self.root / "lib" / f"python{self.python_version}" / "site-packages"

    @property
    def base_prefix(self) -> Path:
        """Where the Python is installed that it was made from."""
        return (self.bin / "python3").resolve().parent.parent

    @property
    def server(self) -> Path:
        """The Triton binary."""
        return self._triton / "bin" / "tritonserver"

    @property
    def python_backend(self) -> Path:
        """The folder of Triton's Python backend: a library and a module."""
        return self._triton / "backends" / "python"

    @property
    def stub(self) -> Path:
        """The program that runs a Python model, built for this runtime's Python."""
        return self._triton / "python_backend_stubs" / self.python_version / "triton_python_backend_stub"

    @property
    def bundled_libraries(self) -> Path:
        """The shared libraries that the server was built with."""
        return self.site_packages / "nvidia_pytriton.libs"

    @property
    def _triton(self) -> Path:
        return self.site_packages / "pytriton" / "tritonserver"


def default_root() -> Path:
    """Where the runtime is looked for and built.

    `GLIOSERVE_TRITON_RUNTIME` if set; else `.triton` in the project's folder, or, when the project is installed
    without its folder, `glioserve/triton` in the user's cache.
    """
    if named := os.environ.get(RUNTIME_VARIABLE):
        return Path(named).expanduser().absolute()
    project = Path(__file__).resolve().parents[2]
    if (project / "pyproject.toml").is_file():
        return project / ".triton"
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "glioserve" / "triton"


def find_runtime(root: Path | None = None) -> TritonRuntime:
    """The runtime that is built.

    Args:
        root: Where; `default_root()` if not said.

    Raises:
        TritonRuntimeError: There is none, it is incomplete, or it was built from other requirements.
    """
    root = root or default_root()
    try:
        stamp = json.loads((root / _STAMP).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TritonRuntimeError("triton runtime", f"must be built: {BUILD_COMMAND}", f"none at {root}") from None
    except (OSError, ValueError) as error:
        raise _rebuild("have a readable stamp", str(error)) from None
    if not isinstance(stamp, dict) or stamp.get("requirements_sha256") != _requirements_sha256():
        raise _rebuild("be built from the present requirements", "one built from others")
    runtime = TritonRuntime(root, str(stamp.get("python_version")))
    needed = (runtime.bin / "python3", runtime.server, runtime.stub, runtime.bundled_libraries)
    if missing := [path.name for path in needed if not path.exists()]:
        raise _rebuild("be complete", f"no {', '.join(missing)}")
    return runtime


def build_runtime(root: Path | None = None, *, python: Path | None = None) -> TritonRuntime:
    """Build the runtime, unless it is there already.

    It is built beside its place and moved there when complete, so half a runtime never counts as one.
    Uses `uv` if that is on `PATH`, else `pip`.

    Args:
        root: Where; `default_root()` if not said.
        python: The Python that it is built with; this one if not said.

    Raises:
        TritonRuntimeError: It could not be built.
    """
    root = root or default_root()
    try:
        return find_runtime(root)
    except TritonRuntimeError:
        pass  # missing or out of date: that is what building is for
    if root.exists() and not (root / _STAMP).exists() and (not root.is_dir() or any(root.iterdir())):
        raise TritonRuntimeError("triton runtime", "must be built in a new or empty folder", f"other things at {root}")
    root.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{root.name}.building-", dir=root.parent) as scratch:
        built = Path(scratch, "runtime")
        _install(built, python or Path(sys.executable))
        version = _run([built / "bin" / "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).strip()
        stamp = _Stamp(requirements_sha256=_requirements_sha256(), python_version=version)
        (built / _STAMP).write_text(json.dumps(asdict(stamp)) + "\n", encoding="utf-8")
        _move(built, root, Path(scratch, "replaced"))
    return find_runtime(root)


@dataclass(frozen=True)
class _Stamp:
    requirements_sha256: str
    python_version: str


def _install(target: Path, python: Path) -> None:
    if uv := shutil.which("uv"):
        _run([uv, "venv", "--quiet", "--python", python, target])
        installer: list[str | Path] = [uv, "pip", "install", "--python", target / "bin" / "python3"]
    else:
        _run([python, "-m", "venv", target])
        installer = [target / "bin" / "python3", "-m", "pip", "install", "--disable-pip-version-check"]
    _run([*installer, "--quiet", "--no-deps", "--only-binary", ":all:", "--requirement", _REQUIREMENTS])


def _move(built: Path, root: Path, replaced: Path) -> None:
    """Put what was built in its place. If another process was faster, its runtime stays."""
    try:
        find_runtime(root)
    except TritonRuntimeError:
        if root.exists():
            root.rename(replaced)
        built.rename(root)


def _run(command: list[str | Path]) -> str:
    try:
        return subprocess.run(  # noqa: S603 (a fixed command, no shell)
            command, check=True, capture_output=True, text=True, timeout=_LONGEST_INSTALL_S
        ).stdout
    except subprocess.CalledProcessError as error:
        output = "\n".join((error.stdout + error.stderr).strip().splitlines()[-10:])
        raise TritonRuntimeError("triton runtime", f"{Path(command[0]).name} must build it", output) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TritonRuntimeError("triton runtime", f"{Path(command[0]).name} must build it", str(error)) from error


def _requirements_sha256() -> str:
    return hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()


def _rebuild(rule: str, got: str) -> TritonRuntimeError:
    return TritonRuntimeError("triton runtime", f"must {rule}; build it again: {BUILD_COMMAND}", got)
