"""`seqnet runs`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqnet.cli import options

if TYPE_CHECKING:
    from seqnet.runs.records import RunRecord

_STATES = ("running", "finished", "stopped-early", "interrupted", "failed", "damaged")
_SHOWN = 20  # on a terminal, where nothing else is asked for
_TOLD = 5  # damaged runs whose fault is said one by one


@click.command(short_help="List the runs there are: state, epochs, best value.")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--name", "names", multiple=True, metavar="NAME", help="Only runs of this name; * and ? stand for any.")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Only runs in this state.")
@click.option(
    "--sort",
    metavar="KEY",
    default="when",
    show_default=True,
    help="when, name, state, epochs, time, or a logged value such as val_loss, the best first.",
)
@click.option("--reverse", is_flag=True, help="The other way around.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=0), help="At most so many, 0: all; default: 20 on a terminal, else all."
)
@options.as_json
def command(
    folder: Path | None,
    names: tuple[str, ...],
    states: tuple[str, ...],
    sort: str,
    reverse: bool,
    limit: int | None,
    as_json: bool,
) -> None:
    """List the runs in FOLDER, by default in runs, the newest first.

    Epochs are those done of those planned; best is the value that decides which epoch is best, at that epoch; of
    a cross-validation (seqnet cv), its mean over the folds. A run is running, finished,
    stopped-early (by a callback), interrupted (by Ctrl-C, or killed), failed, or damaged.

    \b
    seqnet runs
    seqnet runs --name 'fashion*' --sort val_accuracy -n 5
    seqnet runs --state interrupted --json
    """
    from seqnet.console.messages import show_note
    from seqnet.runs.records import SORTS, filter_records, find_records, sort_records

    place = _place(folder)
    found = find_records(place)
    chosen = filter_records(found, names=names, states=states)
    if chosen:
        chosen = sort_records(chosen, sort)
    if reverse:
        chosen.reverse()
    most = limit if limit is not None else _SHOWN if sys.stdout.isatty() and not as_json else 0
    shown = chosen[:most] if most else chosen
    if as_json:
        options.print_json([record.as_json() for record in shown])
        return
    if not shown:
        show_note(_nothing(place, found, names))
        return
    from seqnet.console.runs import show_runs

    show_runs([record.as_json() for record in shown], value=None if sort in SORTS else sort)
    if len(shown) < len(chosen):
        show_note(f"{len(shown)} of {len(chosen):,} runs; --limit 0 shows all")
    _tell_damage(shown)


def _place(folder: Path | None) -> Path:
    """The folder that is meant; as with RUN, a name alone may be one within runs."""
    runs = Path("runs")
    if folder is None:
        return runs
    return runs / folder if not folder.exists() and (runs / folder).exists() else folder


def _nothing(place: Path, found: Sequence[RunRecord], names: Sequence[str]) -> str:
    """Why nothing is shown."""
    from seqnet.errors import suggestion

    if not place.exists():
        return f"there is no folder {place}; a run makes one: {options.program()} train CONFIG"
    if not found:
        return f"there are no runs in {place}; make one with: {options.program()} train CONFIG"
    hint = f"; {suggestion(names[0], {record.name for record in found})}" if names else ""
    return f"none of the {len(found):,} runs in {place} is such a one{hint}"


def _tell_damage(records: Sequence[RunRecord]) -> None:
    from seqnet.console.messages import show_warning

    damaged = [record for record in records if record.state == "damaged"]
    for record in damaged[:_TOLD]:
        show_warning(f"{record.folder} is damaged: {record.problem}")
    if len(damaged) > _TOLD:
        show_warning(f"{len(damaged) - _TOLD:,} more runs are damaged; --json says how")
