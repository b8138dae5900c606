"""A source with everything in it, and what vsr makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

import vsr
from tests.make_media import (
    everything,
    make,
)


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a source with everything in it and its honest result."""
    folder = tmp_path_factory.mktemp("good")
    source = make(folder / "source.mkv", everything())
    report = vsr.upscale(source, folder / "result.mkv", preset="ultrafast", threads=1, model="lanczos3")
    assert report.exit_code == 0, report.lines()
    return source, folder / "result.mkv"
