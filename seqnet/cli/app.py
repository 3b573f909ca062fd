"""The commands and how they are found: the file of a command is imported when it is used."""

from __future__ import annotations

import importlib
import shutil
from typing import Any

import click

from seqnet.cli.usage import Group, explained
from seqnet.version import __version__

COMMANDS = (
    "init",
    "check",
    "preview",
    "summary",
    "train",
    "evaluate",
    "predict",
    "report",
    "cv",
    "find-lr",
    "runs",
    "compare",
    "plot",
    "bench",
    "list",
    "describe",
    "data",
    "schema",
)


class Commands(Group):
    """The group whose commands live in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"seqnet.cli.{cmd_name.replace('-', '_')}").command
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except click.UsageError as error:
            raise explained(error) from None


def _help_width() -> int | None:
    """The width of help texts on narrow terminals, for which click would write too wide; else click's choice."""
    columns = shutil.get_terminal_size().columns
    return max(columns - 2, 24) if columns < 52 else None


@click.group(
    cls=Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "terminal_width": _help_width(),
    },
    epilog="Begin with: seqnet init, or seqnet train CONFIG. Tab completion, for bash: "
    'eval "$(_SEQNET_COMPLETE=bash_source seqnet)" in ~/.bashrc; zsh_source and fish_source likewise.',
)
@click.version_option(__version__, "--version", prog_name="seqnet", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error; works anywhere.")
@click.option("--offline", is_flag=True, expose_value=False, help="Fetch no data; works anywhere.")
def app() -> None:
    """Train Keras-style Sequential networks from one YAML file."""
