"""One exam from folder to report, as a user sees it: a real server on free ports, the real client beside it."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path

from serving.errors import ServingError
from serving.gateway.server import Gateway
from serving.settings import Settings
from serving.stack import running_stack

SEED = 7
"""Of the synthetic patient: the project's usual one, not one that was looked for."""
_CLIENT = Path(sys.executable).with_name("glioserve")
_READY_TIMEOUT_S = 60.0
_CLIENT_TIMEOUT_S = 900.0

_SYNTHETIC = (
    "The exam is synthetic: a generator drew it from a brain map of nobody, and the scores compare what was found with "
    "that map. They show that everything works, not how well patients are segmented. "
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
        case: A BraTS case folder. When there is none, the server first draws a synthetic patient into `out/exam`.
        say: Takes lines for the user.

    Raises:
        ServingError: The server could not be started, draws no exams, or the client failed. All is stopped then too.
        OSError: `out` can't be written.
    """
    say(f"Starting {settings.engine.value} and the gateway.")
    async with running_stack(settings) as gateway:
        await _until_ready(gateway)
        say(f"Ready at {gateway.address}.")
        exam = await _draw(gateway, out / "exam", say) if case is None else case
        await _client("segment", str(exam), "--out", str(out), server=gateway.address, say=say)
    say(f"Everything is stopped again. The results are in {out}.")
    say(_PATIENT if case is not None else _SYNTHETIC)


async def _draw(gateway: Gateway, folder: Path, say: Say) -> Path:
    """A synthetic patient in a folder of its own; that folder."""
    if not gateway.draws:
        rule = "must hold a generator to draw an exam with; else name a case of your own"
        raise DemoError("models", rule, "none")
    say("No case given: drawing a synthetic patient.")
    arguments = ("generate", "--builtin", str(SEED), "--out", str(folder), "--json")
    exam = json.loads(await _client(*arguments, server=gateway.address, say=say, capture=True))
    for volume in exam["volumes"]:
        say(f"{volume['region'].upper()} {volume['volume_ml']:.1f} ml")
    return folder / str(exam["case_id"])


async def _until_ready(gateway: Gateway) -> None:
    try:
        async with asyncio.timeout(_READY_TIMEOUT_S):
            await gateway.ready()
    except TimeoutError:
        raise DemoError("gateway", f"must be ready within {_READY_TIMEOUT_S:g} s", "not ready in that time") from None


async def _client(*arguments: str, server: str, say: Say, capture: bool = False) -> bytes:
    """Run the client as a user would, what it says straight to the terminal; what it prints, where that is captured."""
    command = (*arguments, "--server", server)
    say(f"Running: glioserve {' '.join(command)}")
    client = await asyncio.create_subprocess_exec(_CLIENT, *command, stdout=PIPE if capture else None)
    try:
        async with asyncio.timeout(_CLIENT_TIMEOUT_S):
            printed, _ = await client.communicate()
    except TimeoutError:
        raise DemoError("client", f"must end within {_CLIENT_TIMEOUT_S:g} s", "still at work then") from None
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()
    if client.returncode:
        raise DemoError("client", "must succeed", f"exit code {client.returncode}")
    return printed or b""
