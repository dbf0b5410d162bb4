"""The Triton that runs the candidates: one of our own for a while, or one elsewhere that is told what to load."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tritonclient.grpc import InferenceServerClient
from tritonclient.utils import InferenceServerException

from export.errors import TuneError
from export.tune.engines import LONGEST_CALL_S
from export.tune.networks import Networks
from export.tune.trial import Graphs, Trial

_COMMAND = "glioserve-server"
_READY = "ready on "
_LONGEST_START_S = 600
_LONGEST_STOP_S = 60
_CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_http_proxy", 0),  # the address is meant as it is
]


class TrialServer(Protocol):
    """Serves trials."""

    def serve(self, trial: Trial, networks: Networks, graphs: Graphs) -> AbstractContextManager[InferenceServerClient]:
        """A context in which all models of a trial answer; it gives a connected client.

        Args:
            trial: What is served.
            networks: The U-Nets as they are served now.
            graphs: Of every form in the trial.

        Raises:
            TuneError: A model can't be served.
            OSError: The trial can't be written.
        """
        ...


class OwnTriton:
    """A Triton on this machine's CPU, by the command `glioserve-server triton`. Is a `TrialServer`."""

    @contextmanager
    def serve(self, trial: Trial, networks: Networks, graphs: Graphs) -> Iterator[InferenceServerClient]:
        """As of `TrialServer`; what was written is removed at the end."""
        command = shutil.which(_COMMAND, path=str(Path(sys.executable).parent))
        if command is None:
            raise TuneError(_COMMAND, "must be installed beside this Python: the extra `serving`", "none")
        ports = [option for kind in ("grpc", "http", "metrics") for option in (f"--{kind}-port", "0")]
        options = ["--models", "models", *ports, "--start-timeout", f"{_LONGEST_START_S}"]
        with tempfile.TemporaryDirectory(prefix="glioserve-tune-") as folder:
            trial.write(Path(folder, "models"), networks, graphs)
            log = Path(folder, "log")
            with log.open("wb") as errors, _running([command, "triton", *options], folder, errors.fileno()) as process:
                told = process.stdout.readline() if process.stdout is not None else ""
                if not told.startswith(_READY):
                    last = log.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2]
                    raise TuneError("triton", "must start with all candidates", last[:500] or "its end")
                with closing(_connect(told.removeprefix(_READY).partition(",")[0])) as client:
                    yield client


@dataclass(frozen=True)
class RemoteTriton:
    """A Triton that runs already, with a GPU or elsewhere. Is a `TrialServer`.

    It must have been started with `--model-control-mode=explicit` on a repository that this process can write: trials
    are put there, loaded by name, and unloaded and removed at the end.

    Args:
        address: `host:port` of its gRPC endpoint.
        repository: Its model repository as seen from here; holds no models of the names of a trial.
    """

    address: str
    repository: Path

    @contextmanager
    def serve(self, trial: Trial, networks: Networks, graphs: Graphs) -> Iterator[InferenceServerClient]:
        """As of `TrialServer`."""
        if there := [name for name in trial.names if (self.repository / name).exists()]:
            raise TuneError("repository", "must hold no model of a trial's name", there[0])
        loaded = []
        with closing(_connect(self.address)) as client:
            try:
                trial.write(self.repository, networks, graphs)
                for name in trial.names:
                    client.load_model(name, client_timeout=LONGEST_CALL_S)
                    loaded.append(name)
                yield client
            except InferenceServerException as error:
                raise TuneError("triton", "must load every candidate", str(error.message())[:500]) from error
            finally:
                for name in loaded:
                    client.unload_model(name, client_timeout=LONGEST_CALL_S)
                for name in trial.names:
                    shutil.rmtree(self.repository / name, ignore_errors=True)


@contextmanager
def _running(command: Sequence[str], folder: str, errors: int) -> Iterator[subprocess.Popen[str]]:
    """A process for as long as the context lasts; it is asked to end, and waited for."""
    process = subprocess.Popen(  # noqa: S603  # our own command, no shell
        command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=folder
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_LONGEST_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _connect(address: str) -> InferenceServerClient:
    return InferenceServerClient(address, channel_args=_CHANNEL)
