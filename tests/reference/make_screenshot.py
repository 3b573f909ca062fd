"""Make the picture of the README: `python -m tests.reference.make_screenshot [FILE]`.

Trains configs/fashion_mlp.yaml on a terminal of 80 columns and draws what the terminal shows in the end as SVG.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from tests.screens import Screen, on_terminal

ROOT = Path(__file__).parent.parent.parent
COLUMNS = 80
COMMAND = ("train", "configs/fashion_mlp.yaml")


def main(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "configs", Path(folder) / "configs")
        code, written = on_terminal(*COMMAND, cwd=Path(folder), columns=COLUMNS)
    if code:
        raise SystemExit(f"seqnet {' '.join(COMMAND)} ended with {code}:\n{written}")
    screen = Screen(COLUMNS).feed(f"\x1b[1m$ seqnet {' '.join(COMMAND)}\x1b[0m\n{written}")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print(Text.from_ansi(screen.coloured.rstrip()))
    # Without the web fonts that rich names, so that the picture needs nothing from elsewhere.
    plain = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    svg = console.export_svg(
        title="seqnet",
        code_format=plain.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono"),
        unique_id="seqnet",
    )
    path.parent.mkdir(exist_ok=True)
    path.write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "seqnet" / "assets" / "screenshot.svg")
