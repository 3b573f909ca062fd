"""The entry point of `seqnet`: turns whatever happens into a message and an exit code.

Everything else is imported inside, so that Ctrl-C is answered from the first moment on.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

DONE, FAILED, WRONG_INPUT, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
OFFLINE = "SEQNET_OFFLINE"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    code = run(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the work is done: a late Ctrl-C must not change the exit code
    sys.exit(code)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code: 0 done, 1 the run failed, 2 the input is wrong, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    offline, before = "--offline" in given, os.environ.get(OFFLINE)
    try:
        if offline:
            os.environ[OFFLINE] = "1"
        code = _run([argument for argument in given if argument not in ("--debug", "--offline")])
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _tell("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return PIPE_CLOSED
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        return _explain(error, debug)
    finally:
        if offline and before is None:
            del os.environ[OFFLINE]
        elif offline and before is not None:
            os.environ[OFFLINE] = before


def _run(arguments: list[str]) -> int:
    import click

    from seqnet.cli.app import app
    from seqnet.console.theme import prepare_streams

    prepare_streams()
    try:
        code = app.main(arguments, prog_name="seqnet", standalone_mode=False)
    except click.Abort:  # click turns Ctrl-C and the end of the input into this
        raise KeyboardInterrupt from None
    except SystemExit:
        if "_SEQNET_COMPLETE" in os.environ:
            raise
        raise BrokenPipeError from None  # the one thing for which click leaves by itself
    return code if isinstance(code, int) else DONE


def _explain(error: Exception, debug: bool) -> int:
    """Say on stderr what went wrong; the exit code."""
    import click

    from seqnet.errors import SeqnetError

    if isinstance(error, SeqnetError):
        _tell(str(error))
        return error.exit_code
    if isinstance(error, click.ClickException):
        _tell(error.format_message())
        context = getattr(error, "ctx", None)
        if context is not None:
            _tell(f"{context.get_usage()}\nhelp: {context.command_path} --help", plain=True)
        return error.exit_code
    fault = _fault_of_plugin(error)
    if fault:
        _tell(fault)
        return WRONG_INPUT
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        _tell(f"{where}{error.strerror}")
        return FAILED
    if isinstance(error, MemoryError):
        _tell("there is not enough memory; a lower training.batch_size or a smaller model needs less")
        return FAILED
    hint = "" if debug else "\nrun it again with --debug for the traceback, and please report it"
    _tell(f"seqnet met an error of its own: {type(error).__name__}: {error}{hint}")
    return FAILED


def _fault_of_plugin(error: Exception) -> str:
    """The same in the words of the plugin that an error came from; empty where it came from none."""
    if "seqnet.plugins.loading" not in sys.modules:
        return ""
    from seqnet.plugins.faults import render
    from seqnet.plugins.loading import fault_of

    problem = fault_of(error)
    return "" if problem is None else render(problem)


def _tell(message: str, *, plain: bool = False) -> None:
    from seqnet.console.messages import show_error

    try:
        show_error(message, plain=plain)
    except OSError:  # nobody reads stderr any more
        _drop_output()


def _drop_output() -> None:
    """Send what is still buffered nowhere: Python would otherwise complain about it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


if __name__ == "__main__":
    main()
