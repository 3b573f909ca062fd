"""rich's Console without its one habit that a library must not have: to end the process."""

from __future__ import annotations

from rich.console import Console


class SafeConsole(Console):
    """A Console that lets whoever writes decide what it means that nobody reads any more."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError
