"""`vsr bench kernels`: which operations there are, against whom, and the figures of a moment's run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.bench.schema import read_valid
from vsr.bench.machine import resident_bytes
from vsr.bench.operations import ACCURATE, OURS, SWSCALE, copy, operations, peers_of, prepare, step_of
from vsr.cli.main import main
from vsr.frame import PictureSpec, empty_frame, pixel_format
from vsr.media.swscale import FILTERS, Swscale
from vsr.ops.resize import Resize
from vsr.ops.shader_filters.table import FILTERS as SHADER_FILTERS

QUICK = ["--size", "64x48", "--rounds", "1", "--turn", "0.02", "--noise-limit", "100"]
EACH = dict(operations(32, 24, ("yuv420p", "yuv420p10le")))


@pytest.mark.parametrize("name", EACH)
def test_every_operation_runs(name: str) -> None:
    parameters = EACH[name]
    step = step_of(parameters)
    assert (step.output.width, step.output.height) == (parameters["out_width"], parameters["out_height"])
    sizes = (each.format.frame_bytes(each.width, each.height) for each in (step.source, step.output))
    for by in (OURS, *peers_of(parameters)):
        prepared = prepare({**parameters, "by": by, "threads": 2})
        assert prepared.figures["bytes"] == sum(sizes) or by != OURS
        for _ in range(5):
            prepared.once()
        assert ("error_rms" in prepared.figures) == (parameters["kind"] == "resize")


def test_a_copy_reads_memory_of_its_own() -> None:
    """Pages that nobody has written are one page of zeros, which is read from the cache."""
    before = resident_bytes("self")
    prepared = copy(2)
    prepared.once()
    after = resident_bytes("self")
    if before is None or after is None:
        pytest.skip("this system does not tell of the memory of processes")
    assert after - before >= 0.95 * prepared.figures["bytes"]


def test_no_operation_is_missing() -> None:
    assert {f"filter {name}" for name in (*SHADER_FILTERS, "clamp_highlights")} == {
        " ".join(name.split()[:2]) for name in EACH if name.startswith("filter")
    }
    assert peers_of(EACH["resize area 32x24 /2 yuv420p10le"]) == (SWSCALE, ACCURATE)
    assert peers_of(EACH["convert yuv444p yuv420p 32x24"]) == (SWSCALE,)
    assert peers_of(EACH["anime4k-classic 32x24 x2 yuv420p"]) == ()


@pytest.mark.parametrize("scaler", ["bilinear", "lanczos3", "spline36", "area"])
def test_libswscale_has_the_same_filter(scaler: str) -> None:
    """Of all of its filters that of the same name is nearest to exact arithmetic by ours."""
    source, target = (
        PictureSpec(width=width, height=height, format=pixel_format("gray"))
        for width, height in ((96, 64), (192, 128) if scaler != "area" else (48, 32))
    )
    frame = empty_frame(96, 64, source.format)
    frame.planes[0][...] = np.random.default_rng(0).integers(60, 190, (64, 96))
    exact = Resize(source, target.width, target.height, scaler=scaler).reference(frame.planes, np.float64)[0]
    errors = {}
    for name in FILTERS:
        peer = Swscale(source, target, name, accurate=True, threads=1)
        given = peer.take()
        given.planes[0][...] = frame.planes[0]
        errors[name] = np.abs(peer(given)[0].astype(float) - exact).mean()
    assert min(errors, key=lambda name: errors[name]) == scaler


def test_kernels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "r.json"
    assert main(["bench", "kernels", "lanczos3", "x2", "--json", str(path), *QUICK]) == 0
    copy, ours, peer, accurate = read_valid(path)["cases"]
    base = "resize lanczos3 64x48 x2 yuv420p"
    assert [case["name"] for case in (copy, ours, peer, accurate)] == [
        "copy", base, f"{base} (libswscale)", f"{base} (libswscale accurate)"
    ]  # fmt: skip
    assert all(case["parameters"]["threads"] == 1 for case in (copy, ours, peer, accurate))
    figures = ours["figures"]
    [seconds] = ours["samples"]
    moved = (64 * 48 + 128 * 96) * 1.5
    assert figures["gb_per_second"] == pytest.approx(moved / seconds / 1e9)
    limit = copy["figures"]["gb_per_second"]
    assert figures["share_of_copy_percent"] == pytest.approx(100 * figures["gb_per_second"] / limit)
    assert figures["times_libswscale"] == pytest.approx(peer["samples"][0] / seconds)
    assert figures["times_libswscale_accurate"] == pytest.approx(accurate["samples"][0] / seconds)
    assert figures["error_rms"] < 0.2 < peer["figures"]["error_rms"]
    assert "share_of_copy_percent" not in copy["figures"] and "times_libswscale" not in peer["figures"]
    assert "of copy %" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["lanczos"], "no operation is called 'lanczos'; give words of a name: resize, convert"),
        (["resize", "--format", "nv12"], "pixel format 'nv12' is not one that frames have"),
        (["resize", "--format", "gbrpf32le"], "--format is 'gbrpf32le'; give one of 8 to 16 bits"),
        (["resize", "--threads", "-1"], "--threads is -1; give 0 for one a core"),
        (["resize", *2 * ["--format", "yuv420p"]], "--format names yuv420p twice"),
    ],
)
def test_bad_input(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "kernels", *words]) == 2
    assert sentence in capsys.readouterr().err
