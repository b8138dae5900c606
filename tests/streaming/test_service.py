"""The example for systemd: it is one, and its command line is the command's."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from vsr.options import LiveOptions
from vsr.streaming.places import place_of
from vsr.streaming.planning import check
from vsr.streaming.preview.access import parse_address

UNIT = Path(__file__).parents[2] / "docs" / "vsr-live.service"


def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    return parser["Service"]


def test_the_command_runs_with_these_options() -> None:
    words = shlex.split(service()["ExecStart"])
    assert Path(words[0]).name == "vsr" and words[1] == "live"
    flags = dict(zip(words[4::2], words[5::2], strict=True))
    assert flags.pop("--progress") == "json"
    assert flags.pop("--report").startswith("%S/")
    options = LiveOptions(**{flag.removeprefix("--"): value for flag, value in flags.items()})  # type: ignore[arg-type]
    check([place_of("rtmp://127.0.0.1/live/out", None)], options)
    assert options.preview is not None and parse_address(options.preview)[0] == "127.0.0.1"


def test_systemd_takes_it(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze; apt-get install systemd")
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("/usr/local/bin/vsr", "/bin/true")
    unit.write_text(text, encoding="utf-8")
    run = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=30)
    assert UNIT.name not in run.stderr, run.stderr
