"""The help: quick, complete, and one with the table of options."""

import dataclasses
import statistics
import subprocess
import sys
import time

import pytest

from vsr.cli.main import main
from vsr.options import CompareOptions, EvalOptions, LiveOptions, TilesOptions, UpscaleOptions

HELP_SECONDS = 0.3
COMMANDS = ["upscale", "live", "verify", "compare", "eval", "doctor", "train", "models", "data"]


def seconds_of(*arguments: str) -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "vsr.cli", *arguments], check=True, capture_output=True)
    return time.perf_counter() - begin


@pytest.mark.parametrize("arguments", [["--help"], ["upscale", "--help"], ["--version"]], ids=" ".join)
def test_it_answers_at_once(arguments: list[str]) -> None:
    assert statistics.median(seconds_of(*arguments) for _ in range(5)) < HELP_SECONDS


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from vsr.cli.main import main; main(['upscale', '--help']);"
        "print(sorted({'av', 'numpy', 'rich', 'vsr._cpu', 'vsr.media'} & set(sys.modules)), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stderr.strip() == "[]"


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {command} " in text for command in COMMANDS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from vsr._version import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"vsr {__version__}\n"


OPTIONS = {
    "upscale": UpscaleOptions,
    "live": LiveOptions,
    "eval": EvalOptions,
    "models compare": TilesOptions,
    "compare": CompareOptions,
}
FIELDS = [(command, field) for command, kind in OPTIONS.items() for field in dataclasses.fields(kind)]


@pytest.mark.parametrize(("command", "field"), FIELDS, ids=lambda each: getattr(each, "name", each))
def test_each_option_is_a_flag_with_help(
    command: str,
    field: "dataclasses.Field[object]",
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main([*command.split(), "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for flag in field.metadata["flags"] or (f"--{field.name.replace('_', '-')}",):
        assert f" {flag}" in text
    assert field.metadata["help"] in text


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_a_sentence(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert f"Usage: vsr {command}" in capsys.readouterr().out
