"""The commands and how they are found: the file of a command is imported when it is used."""

from __future__ import annotations

import importlib
from typing import Any, NoReturn

import click

from seqnet.errors import nearest, suggestion
from seqnet.version import __version__

COMMANDS = (
    "init",
    "check",
    "summary",
    "train",
    "evaluate",
    "predict",
    "list",
    "describe",
    "data",
    "schema",
)

# What people look for on the command line, and where it stands in the file.
_SETTINGS = {
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "lr": "optimizer.Adam.learning_rate",
    "learning_rate": "optimizer.Adam.learning_rate",
    "optimizer": "optimizer",
    "loss": "loss",
    "seed": "seed",
    "name": "name",
    "validation_split": "data.validation_split",
    "dataset": "data.dataset",
}


class Commands(click.Group):
    """A group whose commands live in modules of their own; what is mistyped gets the nearest name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"seqnet.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not ctx.resilient_parsing and name not in COMMANDS and not name.startswith("-"):
            if name.endswith((".yaml", ".yml")):
                raise click.UsageError(f"say what to do with {name}: seqnet train {name}", ctx)
            raise click.UsageError(f"there is no command {name!r}; {suggestion(name, COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except click.NoSuchOption as error:
            _explain_option(error)
        except click.MissingParameter as error:
            _explain_missing(error)


def _explain_option(error: click.NoSuchOption) -> NoReturn:
    """The nearest option, or how to set in the file what is no option."""
    name = error.option_name
    command = error.ctx.command if error.ctx else None
    known = [option for parameter in (command.params if command else ()) for option in parameter.opts]
    setting = _SETTINGS.get(name.lstrip("-").replace("-", "_"))
    near = nearest(name, [option for option in known if option.startswith("--")])
    if setting and "--set" in known:
        hint = f"set it in the file, or with -s {setting}=VALUE"
    elif near:
        hint = f"did you mean {near}?"
    else:
        hint = f"known: {', '.join(sorted(option for option in known if option.startswith('-')))}"
    raise click.UsageError(f"there is no option {name}; {hint}", error.ctx) from None


def _explain_missing(error: click.MissingParameter) -> NoReturn:
    parameter = error.param
    wanted = parameter.human_readable_name if parameter is not None else "an argument"
    raise click.UsageError(f"{wanted} is missing", error.ctx) from None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
    invoke_without_command=True,
    epilog="Begin with: seqnet init, or seqnet train CONFIG. Tab completion, for bash: "
    'eval "$(_SEQNET_COMPLETE=bash_source seqnet)" in ~/.bashrc; zsh_source and fish_source likewise.',
)
@click.version_option(__version__, "--version", prog_name="seqnet", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error; works anywhere.")
@click.pass_context
def app(context: click.Context) -> None:
    """Train Keras-style Sequential networks from one YAML file."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
