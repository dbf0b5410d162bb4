"""Commands that other distributions add: entry points of the group `glioserve.commands`.

An entry point's name is the command's; it leads to a `typer.Typer` or to a function with typer's annotations. It is
imported when its command runs, never for the help of `glioserve` itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup

from glioserve.cli.faults import FAILED

GROUP = "glioserve.commands"
USAGE = 2
"""Exit code when a command is not installed."""
STACK = "glioserve-stack[serving]"
STACK_COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "maps": "Make and list libraries of brain maps.",
        "synthesize": "Make a cohort of labelled synthetic exams.",
    }
)
"""Commands that the stack adds, with their help: they need the models' side of glioserve on this machine."""


class PluginGroup(TyperGroup):
    """The commands of `glioserve`: its own, and those that are plugged in. None of its own is replaced."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 (typer's context, of typer's own copy of click)
        """Names in the order of the help: its own, then the plugged in."""
        own = super().list_commands(ctx)
        return [*own, *sorted(set(_plugins()) - set(own))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 (likewise)
        """The command of this name, not yet imported where it is plugged in; None where there is none."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        plugin = _plugins().get(cmd_name)
        if plugin is None and cmd_name not in STACK_COMMANDS:
            return None
        return PluginCommand(cmd_name, plugin)


class PluginCommand(TyperCommand):
    """Stands for a plugged-in command until it runs.

    Args:
        name: Of the command.
        plugin: Where it is; None where it is not installed.
    """

    def __init__(self, name: str, plugin: EntryPoint | None) -> None:
        by = "" if plugin is None or plugin.dist is None else f" of {plugin.dist.name}"
        super().__init__(name, help=STACK_COMMANDS.get(name, f"A command{by}."), rich_markup_mode=None)
        self._plugin = plugin

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ANN401
        """Import the command and hand over to it."""
        return self._load().make_context(info_name, args, parent=parent, **extra)

    def _load(self) -> Any:  # noqa: ANN401 (a command of typer's own copy of click)
        if self._plugin is None:
            raise _ended(f"glioserve {self.name} is not installed here: pip install '{STACK}'", USAGE)
        try:
            found = self._plugin.load()
            return _to_command(found, str(self.name))
        except ModuleNotFoundError as error:
            if self.name in STACK_COMMANDS:
                wanted = f"the module {error.name} is missing: pip install '{STACK}'"
                raise _ended(f"glioserve {self.name} can't run: {wanted}", USAGE) from None
            raise self._broken(error) from None
        except Exception as error:  # noqa: BLE001 (whatever somebody else's module raises)
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> typer.Exit:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        where = "" if self._plugin is None else f" from {self._plugin.value}"
        return _ended(f"glioserve {self.name} can't be loaded{where}: {said}", FAILED)


def _plugins() -> dict[str, EntryPoint]:
    return {plugin.name: plugin for plugin in entry_points(group=GROUP)}


def _to_command(found: object, name: str) -> Any:  # noqa: ANN401 (a command of typer's own copy of click)
    app = found
    if not isinstance(app, typer.Typer):
        if not callable(app):
            raise TypeError("a command must be a typer.Typer or a function")
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        app.command(name)(cast("Callable[..., Any]", found))
    command = typer.main.get_command(app)
    command.name = name
    return command


def _ended(message: str, code: int) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(code)
