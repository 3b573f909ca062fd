"""What is said to a command line that is mistyped: the rule, what was received, the nearest name."""

from __future__ import annotations

import click

from seqnet.errors import nearest, suggestion

# What people look for on the command line, and where it stands in the file.
_SETTINGS = {
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "class_weight": "training.class_weight",
    "lr": "optimizer.Adam.learning_rate",
    "learning_rate": "optimizer.Adam.learning_rate",
    "optimizer": "optimizer",
    "loss": "loss",
    "seed": "seed",
    "name": "name",
    "validation_split": "data.validation_split",
    "dataset": "data.dataset",
}


class Group(click.Group):
    """A group of commands: without one it shows its help, to a mistyped one it says the nearest."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, names = args[0], self.list_commands(ctx)
        if not ctx.resilient_parsing and name not in names and not name.startswith("-"):
            if "train" in names and name.endswith((".yaml", ".yml")):
                raise click.UsageError(f"say what to do with {name}: seqnet train {name}", ctx)
            raise click.UsageError(f"there is no command {name!r}; {suggestion(name, names, limit=len(names))}", ctx)
        return super().resolve_command(ctx, args)


def explained(error: click.UsageError) -> click.UsageError:
    """The same error in words that say what to do."""
    if isinstance(error, click.NoSuchOption):
        return click.UsageError(_no_option(error), error.ctx)
    if error.message.startswith("Got unexpected extra argument"):
        extra = error.message.partition("(")[2].removesuffix(")")
        hint = "; a value with blanks needs quotes: -s 'key={Name: {option: 1}}'" if set(extra) & set("{}[]:") else ""
        return click.UsageError(f"there are arguments too many: {extra}{hint}", error.ctx)
    parameter = getattr(error, "param", None)
    if isinstance(error, click.MissingParameter) and parameter is not None:
        return click.UsageError(f"{parameter.human_readable_name} is missing", error.ctx)
    if isinstance(error, click.BadParameter) and parameter is not None and isinstance(parameter.type, click.Choice):
        got = error.message.partition("' is not")[0].strip("'")
        hint = suggestion(got, [str(choice) for choice in parameter.type.choices])
        return click.UsageError(f"{_label(parameter)} can't be {got!r}; {hint}", error.ctx)
    return error


def _no_option(error: click.NoSuchOption) -> str:
    """The nearest option, or how to set in the file what is no option."""
    name = error.option_name
    command = error.ctx.command if error.ctx else None
    known = [option for parameter in (command.params if command else ()) for option in parameter.opts]
    known = ["--help", *(option for option in known if option.startswith("--"))]
    setting = _SETTINGS.get(name.lstrip("-").replace("-", "_"))
    if setting and "--set" in known:
        return f"there is no option {name}; set it in the file, or with -s {setting}=VALUE"
    near = nearest(name, known)
    return f"there is no option {name}; {f'did you mean {near}?' if near else 'known: ' + ', '.join(sorted(known))}"


def _label(parameter: click.Parameter) -> str:
    return max(parameter.opts, key=len) if isinstance(parameter, click.Option) else parameter.human_readable_name
