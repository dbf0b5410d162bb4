"""One exam from folder to report, as a user sees it: a real server on free ports, the real client beside it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from imaging.phantom import make_phantom, write_phantom
from serving.errors import ServingError
from serving.gateway.server import Gateway
from serving.settings import Settings
from serving.stack import running_stack

PHANTOM_SEED = 7
_CLIENT = Path(sys.executable).with_name("glioserve")
_READY_TIMEOUT_S = 60.0
_CLIENT_TIMEOUT_S = 900.0

_PHANTOM = (
    "The exam is a phantom: its scores show that everything works, not how well patients are segmented. "
    "For an exam of your own: make run CASE=<BraTS folder>"
)
_PATIENT = (
    "The exam is the one given: the scores, if it has a reference, are that patient's. "
    "Research software, not a medical device."
)

Say = Callable[[str], None]


class DemoError(ServingError):
    """The demonstration did not come to its end."""


async def run_demo(settings: Settings, *, out: Path, case: Path | None, say: Say) -> None:
    """Start a server, let the client segment one exam and score it, stop the server.

    Args:
        settings: Of the server.
        out: Where the results go, made if need be.
        case: A BraTS case folder. When there is none, a phantom is made in `out/exam`.
        say: Takes lines for the user.

    Raises:
        ServingError: The server could not be started, or the client failed. All is stopped then too.
        OSError: `out` can't be written.
    """
    exam = await asyncio.to_thread(_phantom, out / "exam", say) if case is None else case
    say(f"Starting {settings.engine.value} and the gateway.")
    async with running_stack(settings) as gateway:
        await _until_ready(gateway)
        say(f"Ready at {gateway.address}. Running: glioserve segment {exam} --server {gateway.address} --out {out}")
        await _segment(exam, gateway.address, out)
    say(f"Everything is stopped again. The results are in {out}.")
    say(_PATIENT if case is not None else _PHANTOM)


def _phantom(folder: Path, say: Say) -> Path:
    say("No case given: making a phantom, a synthetic exam of no patient.")
    phantom = make_phantom(PHANTOM_SEED)
    written = write_phantom(phantom, folder)
    say(phantom.description)
    return written


async def _until_ready(gateway: Gateway) -> None:
    try:
        async with asyncio.timeout(_READY_TIMEOUT_S):
            await gateway.ready()
    except TimeoutError:
        raise DemoError("gateway", f"must be ready within {_READY_TIMEOUT_S:g} s", "not ready in that time") from None


async def _segment(case: Path, address: str, out: Path) -> None:
    """Run the client as a user would, its output straight to the terminal."""
    client = await asyncio.create_subprocess_exec(_CLIENT, "segment", str(case), "--server", address, "--out", str(out))
    try:
        async with asyncio.timeout(_CLIENT_TIMEOUT_S):
            code = await client.wait()
    except TimeoutError:
        raise DemoError("client", f"must end within {_CLIENT_TIMEOUT_S:g} s", "still at work then") from None
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    if code:
        raise DemoError("client", "must succeed", f"exit code {code}")
