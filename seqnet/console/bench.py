"""How fast a file trains: the step as a whole, then the layers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from seqnet.console import theme
from seqnet.console.format import memory, plural, short
from seqnet.console.tables import Cell, facts, listing
from seqnet.printable import printable

_WIDE, _MEDIUM = 92, 60  # from how many columns on there is everything, and the types or FLOPs are left out


def show_bench(report: Mapping[str, Any]) -> None:
    """Print what `bench` found."""
    step, limit, machine = report["step_ms"], report["limit"], report["machine"]
    shares = ", ".join(f"{name} {_percent(share)}" for name, share in report["shares"].items())
    rows = f"{plural(report['rows'], 'row')} of {report['data']}"
    if report["data"] == "generated":
        rows = f"{plural(report['rows'], 'generated row')}"
    threads = plural(report["threads"], "thread")
    theme.show(
        facts(
            [
                ("Model", f"{report['name']}: {rows}, batch size {report['batch_size']}, {threads}"),
                (
                    "Machine",
                    f"{machine['product_gflops']:.1f} GFLOP/s in matrix products, {machine['copy_gb_per_s']:.1f} GB/s "
                    "in copies, each core",
                ),
                ("Speed", _strong(f"{_three(report['samples_per_s'])} samples/s, {_ms(step['median'])} ms a step")),
                ("Spread", f"{_ms(step['p10'])} to {_ms(step['p90'])} ms in 8 of 10 of {report['steps']:,} steps"),
                ("Step", shares),
                (
                    "Work",
                    f"{short(report['flops'])} FLOPs a step, {_three(report['gflops'])} GFLOP/s; activations "
                    f"{memory(report['activation_bytes'])}",
                ),
                (
                    "Limit",
                    f"{_ms(limit['ms'])} ms a step ({_ms(limit['products_ms'])} matrix products, "
                    f"{_ms(limit['bytes_ms'])} copies of {memory(limit['bytes'])}): {_percent(limit['share'])} reached",
                ),
            ]
        ),
        "",
    )
    _show_layers(report)


def _show_layers(report: Mapping[str, Any]) -> None:
    room = theme.columns(sys.stdout)
    everything, medium = room >= _WIDE, room >= _MEDIUM
    heads: list[Cell] = ["layer", "forward\nms", "backward\nms"]
    heads += ["share"] if medium else []
    heads += ["FLOPs", "GFLOP/s", "bytes"] if everything else ["GFLOP/s"] if medium else []
    heads.append("of limit")
    table: list[list[Cell]] = []
    for layer in report["layers"]:
        name = Text(printable(layer["name"]), theme.KEY)
        if everything:
            name.append(f" ({printable(layer['type'])})", theme.TYPE)
        cells: list[Cell] = [name, _ms(layer["forward_ms"]), _ms(layer["backward_ms"])]
        cells += [_percent(layer["share"])] if medium else []
        worked = layer["flops"] > 0
        speed = _three(layer["gflops"]) if worked else "-"
        if everything:
            cells += [short(layer["flops"]) if worked else "-", speed, memory(layer["activation_bytes"])]
        elif medium:
            cells.append(speed)
        cells.append(_percent(layer["limit_share"]) if layer["limit_ms"] else "-")
        table.append(cells)
    passes = report["profile"]
    loss: list[Cell] = [Text("loss", theme.FAINT), _ms(passes["loss_ms"]), ""]
    loss += [_percent(passes["loss_share"])] if medium else []
    table.append([*loss, *([""] * (len(heads) - len(loss)))])
    theme.show(listing(heads, table, right=range(1, len(heads))), "")
    theme.show(f"Layers: medians of {plural(passes['passes'], 'pass', 'passes')} over a batch in one thread.")


def _strong(text: str) -> Text:
    return Text(text, theme.TITLE)


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def _ms(value: float) -> str:
    """0.004, 0.123, 1.23, 12.3, 123"""
    return f"{value:.3f}" if value < 1 else _three(value)


def _three(value: float) -> str:
    """Three digits before or behind the point: 1.23, 12.3, 123, 1,234"""
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"
