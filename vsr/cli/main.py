"""The command `vsr`: puts the commands together and turns what goes wrong into sentences and exit codes."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer
from typer.exceptions import TyperException

from vsr.cli.output import EXIT_FAILED, EXIT_INTERRUPTED
from vsr.cli.streams import drop, fill_closed_streams
from vsr.errors import VsrError

_PYDANTIC = re.compile(r"Value error, |, unable to parse string as an? \w+$")
"""What Pydantic says around a sentence."""
DEBUG_VARIABLE = "VSR_DEBUG"
"""Set in the environment, it shows the traceback of any error."""

_COMMANDS = {
    "upscale": "Upscale a video; the result is verified.",
    "live": "Upscale a stream while it happens.",
    "verify": "Compare a result with its source.",
    "compare": "Measure how two videos differ, frame by frame.",
    "eval": "Measure models by the papers' protocol.",
    "doctor": "Show what this machine has and what vsr uses.",
    "train": "Train a network by a recipe.",
    "bench": "Measure how fast it is here, where the time goes, and against what.",
    "models": "List, show, convert, blend, build and compare what enlarges.",
    "data": "Make data to train on: tiles of pictures and videos, or drawings.",
}
"""The modules beside this one that hold a `command`, or an `app` of several, and what the help says."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from vsr._version import __version__

        typer.echo(f"vsr {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def _app(wanted: str | None) -> typer.Typer:
    """Return the command line, whole for the command `wanted`; of the others it knows names and sentences.

    To import all of them and to turn all their options into parsers takes longer than everything else that
    a help does.
    """
    app = typer.Typer(
        name="vsr",
        help="Upscale video in real time, lose nothing of the source, and prove it.",
        epilog="Exit codes: 0 done and nothing lost; 1 failed; 2 usage; 3 done, but something of the source "
        "was lost; 130 interrupted, what was written is playable.",
        add_completion=False,
        # Rich takes three times as long to import as all of the help takes to print.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback()(_root)
    for name, sentence in _COMMANDS.items():
        module = import_module(f"vsr.cli.{name}") if name == wanted else None
        if module is not None and hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name, short_help=sentence)(getattr(module, "command", _not_wanted))
    return app


def _not_wanted() -> None:
    raise AssertionError("this command is only listed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. `arguments` are those after the program's name."""
    fill_closed_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    wanted = next((word for word in given if not word.startswith("-")), None)
    try:
        command = typer.main.get_command(_app(wanted))
        # not command.main(), which keeps Ctrl-C and closed pipes to itself, without a word
        with command.make_context("vsr", given or ["--help"]) as context:
            code = command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as done:  # of --help and --version
        return done.exit_code
    except Exception as error:
        return _fail(error)
    except KeyboardInterrupt:
        _say("interrupted")
        return EXIT_INTERRUPTED
    return int(code or 0)


def _fail(error: Exception) -> int:
    """Say what went wrong, and return the exit code for it."""
    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    match error:
        case BrokenPipeError():
            drop(sys.stdout)
            return EXIT_FAILED
        case VsrError():
            _say(f"{error}", *_notes(error))
            return error.exit_code
        case TyperException():
            _say(f"{_of_the_command_line(error)}; see `{_command_path(error)} --help`")
            return error.exit_code
        case MemoryError():
            _say("out of memory; try fewer --threads, or a smaller --size")
        case OSError():
            _say(_of_the_system(error))
        case _:
            _say(
                f"unexpected {type(error).__name__}: {error}",
                f"this is a defect of vsr: please report it, with the output of {DEBUG_VARIABLE}=1",
            )
    return EXIT_FAILED


def _of_the_command_line(error: TyperException) -> str:
    """Return what is wrong with the arguments; of a value that is no number or choice, also the value."""
    text = error.format_message().rstrip(".")
    details = getattr(error.__cause__, "errors", None)  # Pydantic's, by which Typer converts values
    if details is None:
        return text
    text, value = _PYDANTIC.sub("", text), repr(details()[0]["input"])
    return text if value in text else f"{text}, not {value}"


def _of_the_system(error: OSError) -> str:
    """Return what the system refused, of which file, and what to do."""
    name = f"{error.filename}: " if error.filename else ""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"{name}the disk is full; free some space or write elsewhere"
        case errno.EFBIG:
            return (
                f"{name}the file may not grow further (file-size limit); raise the limit or write elsewhere"
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"{name}permission denied; check the rights of the file and its folder"
        case _:
            return f"{name}{error.strerror or error}"


def _say(*lines: str) -> None:
    for line in lines:
        typer.echo(f"vsr: {line}", err=True)


def _notes(error: BaseException) -> list[str]:
    return list(getattr(error, "__notes__", ()))


def _command_path(error: TyperException) -> str:
    context = getattr(error, "ctx", None)
    return str(context.command_path) if context else "vsr"
