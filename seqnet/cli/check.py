"""`seqnet check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seqnet.cli import options

if TYPE_CHECKING:
    from seqnet.spec.check import CheckResult


@click.command(short_help="Say everything that is wrong or suspicious about a file.")
@options.config()
@options.overrides
@options.plugins
@click.option("--no-data", is_flag=True, help="Do not read the data; finds less.")
@options.as_json
def command(
    config: str,
    overrides: tuple[str, ...],
    plugins: tuple[str, ...],
    trust_plugins: bool,
    no_data: bool,
    as_json: bool,
) -> int:
    """Say everything that is wrong or suspicious about the file CONFIG, without training.

    Mistakes in the file, shapes that do not fit, labels and last layer against the loss, names that will not be
    logged, data that can't be used. Exit 2 where something must be mended; warnings alone are exit 0.
    """
    from seqnet.spec.check import check_file

    options.permit_config(config, trust_plugins)
    result = check_file(config, overrides, with_data=not no_data, plugins=plugins)
    if as_json:
        options.print_json(_report(config, result))
    else:
        _show(config, result)
    return 2 if result.errors else 0


def _show(config: str, result: CheckResult) -> None:
    from seqnet.console.messages import show_problems
    from seqnet.console.results import show_checked, show_remarks
    from seqnet.spec.diagnostics import render_problems

    if result.unreadable is not None:
        show_problems(str(result.unreadable))
        return
    assert result.document is not None
    if result.problems:
        show_problems(render_problems(result.problems, result.document))
    if result.data is not None:
        show_remarks(result.data.remarks)
    if not result.errors:
        rows = {name: len(split) for name, split in result.data.splits.items()} if result.data is not None else None
        show_checked(config, result.summary, rows, warnings=result.warnings)


def _report(config: str, result: CheckResult) -> dict[str, Any]:
    from seqnet.console.summary import summary_data
    from seqnet.spec.diagnostics import DocumentError, locate

    found: list[dict[str, Any]] = []
    if result.document is not None:
        found = [locate(problem, result.document) for problem in result.problems]
    elif isinstance(result.unreadable, DocumentError):
        found = result.unreadable.located
    elif result.unreadable is not None:
        found = [{"file": config, "severity": "error", "message": str(result.unreadable)}]
    data = result.data
    return {
        "file": config,
        "ok": not result.errors,
        "errors": result.errors,
        "warnings": result.warnings,
        "problems": found,
        "summary": None if result.summary is None else summary_data(result.summary),
        "data": None if data is None else {"name": data.name, "rows": {n: len(s) for n, s in data.splits.items()}},
    }
