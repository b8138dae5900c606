"""The public names: all there, all typed, none loaded before it is used."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import vsr
from tests.cli.fakes import FakeJob
from vsr.errors import OptionError
from vsr.options import UpscaleOptions


def test_names_are_sorted_and_resolve() -> None:
    assert vsr.__all__ == sorted(vsr.__all__)
    for name in vsr.__all__:
        assert getattr(vsr, name) is not None
    assert dir(vsr) == vsr.__all__


def test_the_table_and_the_list_agree() -> None:
    assert sorted([*vsr._HOMES, "upscale"]) == vsr.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'upscaled'"):
        vsr.upscaled  # noqa: B018


def test_import_loads_nothing() -> None:
    code = "import sys, vsr; print([m for m in sys.modules if m.startswith('vsr.') or m in ('av', 'numpy')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_upscale_is_the_commands_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vsr.pipeline.job.Job", FakeJob)
    monkeypatch.setattr(FakeJob, "made", [])
    seen: list[Any] = []
    report = vsr.upscale(Path("in.mkv"), "out.mkv", model="bicubic", scale=3, on_progress=seen.append)
    (made,) = FakeJob.made
    assert (made.source, made.result, made.closed) == ("in.mkv", "out.mkv", True)
    assert made.options == UpscaleOptions(model="bicubic", scale=3)
    assert report.exit_code == 0
    assert seen


def test_upscale_helps_with_a_misspelt_option() -> None:
    with pytest.raises(OptionError, match="Did you mean 'scale'"):
        vsr.upscale("in.mkv", "out.mkv", scal=2)
