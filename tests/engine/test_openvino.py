"""OpenVINO against the reference, and what it cannot do said in a sentence."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, load_model, save_model

from tests.nets.exported import Exported, numbers, reference_run
from vsr.engine.openvino import OVERLAP, OpenVinoStep, spans
from vsr.engine.reference import run
from vsr.errors import DeviceError, OptionError
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.onnx import ForeignNetwork, read_onnx
from vsr.nets.ops import Add, LeakyRelu, PixelShuffle, PixelUnshuffle, Resize

RGB, LUMA = pixel_format("gbrpf32le"), pixel_format("grayf32le")
Array = Any


def network(channels: int = 3, *, unshuffle: bool = False) -> Graph:
    """Two convolutions, pixels of channels, and the enlarged picture added: 2x."""
    b = Builder(channels)
    x = b.add(PixelUnshuffle(2), b.input) if unshuffle else b.input
    factor, width = (4, 4 * channels) if unshuffle else (2, channels)
    x = b.add(LeakyRelu(0.2), b.conv(x, numbers(8, width, 3, 3), numbers(8)))
    x = b.add(PixelShuffle(factor), b.conv(x, numbers(factor**2 * channels, 8, 3, 3), border="replicate"))
    b.add(Add(), x, b.add(Resize("bicubic", 2), b.input))
    return b.build("small")


def picture(width: int, height: int, channels: int = 3, seed: int = 0) -> Frame:
    frame = empty_frame(width, height, RGB if channels == 3 else LUMA)
    for index, plane in enumerate(frame.planes):
        plane[:] = np.random.default_rng([seed, index]).random(plane.shape, np.float32)
    return frame


def spec_of(frame: Frame) -> PictureSpec:
    return PictureSpec(width=frame.width, height=frame.height, format=frame.format)


def stacked(frame: Frame) -> Array:
    """R, G, B or luma as (channels, height, width)."""
    return np.stack([frame.planes[i] for i in ((2, 0, 1) if len(frame.planes) == 3 else (0,))])


def through(step: OpenVinoStep, frame: Frame, threads: int = 1) -> Array:
    into = empty_frame(step.output.width, step.output.height, step.output.format)
    step(frame.planes, into.planes, threads=threads)
    return stacked(into)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (33, 2)])
def test_a_graph_gives_what_the_reference_gives(channels: int, size: tuple[int, int]) -> None:
    graph, frame = network(channels), picture(*size, channels)
    step = OpenVinoStep(graph, spec_of(frame))
    assert (step.output.width, step.output.height) == (2 * size[0], 2 * size[1])
    np.testing.assert_allclose(through(step, frame), run(graph, stacked(frame)), atol=2e-5)


def test_sides_are_filled_up_by_repeating(size: tuple[int, int] = (7, 5)) -> None:
    graph, frame = network(unshuffle=True), picture(*size)
    filled = np.pad(stacked(frame), ((0, 0), (0, 1), (0, 1)), mode="edge")
    expected = run(graph, filled)[:, :10, :14]
    step = OpenVinoStep(graph, spec_of(frame))
    np.testing.assert_allclose(through(step, frame), expected, atol=2e-5)
    np.testing.assert_allclose(through(step, frame), expected, atol=2e-5)  # the request is used again


def test_calls_at_once_do_not_mix() -> None:
    graph = network()
    frames = [picture(40, 30, seed=seed) for seed in range(12)]
    step = OpenVinoStep(graph, spec_of(frames[0]), streams=2)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda frame: through(step, frame), frames))
    for frame, result in zip(frames, results, strict=True):
        np.testing.assert_allclose(result, run(graph, stacked(frame)), atol=2e-5)


def test_another_number_of_threads() -> None:
    graph, frame = network(), picture(9, 9)
    step = OpenVinoStep(graph, spec_of(frame), threads=2)
    np.testing.assert_allclose(through(step, frame, 2), through(step, frame, 1), atol=1e-6)


def test_bf16_is_close_or_refused() -> None:
    import openvino  # type: ignore[import-untyped]

    graph, frame = network(), picture(24, 16)
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(OptionError, match=r"no bfloat16 .*; choose precision fp32"):
            OpenVinoStep(graph, spec_of(frame), precision="bf16")
        return
    step = OpenVinoStep(graph, spec_of(frame), precision="bf16")
    difference = np.abs(through(step, frame) - run(graph, stacked(frame))).max()
    assert 1e-5 < difference < 0.03
    assert step.sentence == "small 24x16 to 48x32, OpenVINO on the CPU in bf16"


def test_what_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    graph, spec = network(), spec_of(picture(8, 8))
    with pytest.raises(
        OptionError, match="reads R, G, B as float32; the source is grayf32le: convert it to gbr"
    ):
        OpenVinoStep(graph, replace(spec, format=LUMA))
    with pytest.raises(
        OptionError, match="reads luma as float32; the source is yuv420p: convert it to grayf32le"
    ):
        OpenVinoStep(network(1), replace(spec, format=pixel_format("yuv420p")))
    with pytest.raises(OptionError, match="threads is 0 and streams is 1"):
        OpenVinoStep(graph, spec, threads=0)
    with pytest.raises(OptionError, match="precision is 'int8'; OpenVINO runs fp32 and bf16"):
        OpenVinoStep(graph, spec, precision="int8")  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(DeviceError, match=r"OpenVINO does not load .*; install the package openvino again"):
        OpenVinoStep(graph, spec)


# Networks with operators of their own


def foreign(
    folder: Path, size: Any = ("height", "width"), *, kind: int = TensorProto.FLOAT
) -> ForeignNetwork:
    """A network of 2x whose HardSwish is not ours; it looks 2 pixels far."""
    e = Exported(3, size)
    e.kind = kind
    x = e.node("HardSwish", e.conv("x", 8, 3))
    x = e.node("DepthToSpace", e.conv(x, 12, 8), blocksize=2, mode="CRD")
    model = e.model(x)
    if kind == TensorProto.FLOAT16:
        for tensor in model.graph.initializer:
            tensor.raw_data = np.frombuffer(tensor.raw_data, np.float32).astype(np.float16).tobytes()
            tensor.data_type = TensorProto.FLOAT16
    save_model(model, folder / "foreign.onnx")
    found = read_onnx(folder / "foreign.onnx")
    assert isinstance(found, ForeignNetwork)
    return found


def expected_of(net: ForeignNetwork, planes: Array) -> Array:
    """The same by ONNX's own reference, for any size."""
    return reference_run(load_model(net.path), planes)


def test_a_foreign_network_is_run_whole(tmp_path: Path) -> None:
    net, frame = foreign(tmp_path), picture(11, 6)
    step = OpenVinoStep(net, spec_of(frame))
    np.testing.assert_allclose(through(step, frame), expected_of(net, stacked(frame)), atol=2e-5)


def test_a_float16_file_is_fed_float32(tmp_path: Path) -> None:
    net, frame = foreign(tmp_path, kind=TensorProto.FLOAT16), picture(11, 6)
    result = through(OpenVinoStep(net, spec_of(frame)), frame)
    expected = expected_of(net, stacked(frame).astype(np.float16))
    np.testing.assert_allclose(result, expected, atol=0.01)


def test_a_fixed_size_is_tiled(tmp_path: Path) -> None:
    net, frame = foreign(tmp_path, (48, 64)), picture(150, 70)
    step = OpenVinoStep(net, spec_of(frame))
    expected = expected_of(net, stacked(frame))
    np.testing.assert_allclose(through(step, frame), expected, atol=2e-5)
    assert step.sentence == (
        "foreign 150x70 to 300x140, OpenVINO on the CPU in fp32, in 6 tiles of 64x48, the only size it "
        "takes: they overlap by 21 pixels or more and are cut in the middle, where seams can show"
    )


def test_a_picture_smaller_than_the_fixed_size_is_filled_up(tmp_path: Path) -> None:
    net, frame = foreign(tmp_path, (48, 64)), picture(50, 20)
    step = OpenVinoStep(net, spec_of(frame))
    filled = np.pad(stacked(frame), ((0, 0), (0, 28), (0, 14)), mode="edge")
    np.testing.assert_allclose(through(step, frame), expected_of(net, filled)[:, :40, :100], atol=2e-5)
    assert "tiles" not in step.sentence


@given(length=st.integers(1, 500), tile=st.integers(1, 200))
def test_tiles_cover_each_pixel_once_and_lie_inside(length: int, tile: int) -> None:
    found = spans(length, tile)
    assert [span.first for span in found] == [0, *(span.stop for span in found[:-1])]
    assert found[-1].stop == length
    for span in found:
        assert span.start <= span.first < span.stop <= span.start + tile
        assert span.start == 0 or span.start + tile <= length
    overlap = min(OVERLAP, tile // 4)
    for one, other in pairwise(found):
        assert one.start + tile - other.start >= overlap
        assert one.start + tile - one.stop >= overlap // 2 <= other.first - other.start


def test_operators_that_openvino_does_not_have(tmp_path: Path) -> None:
    e = Exported(3, (8, 8))
    e.domains, e.stated = ["com.example"], (1, 3, 16, 16)
    strange = e.node("Strange", "x", domain="com.example")
    x = e.node("DepthToSpace", e.conv(strange, 12, 3), blocksize=2, mode="CRD")
    net = read_onnx(e.save(tmp_path / "strange.onnx", x))
    assert isinstance(net, ForeignNetwork) and net.scale == 2
    assert net.reason == "com.example.Strange ('/Strange_0') is not one of ours"
    with pytest.raises(OptionError, match=r"cannot run strange \(com.*8x8 pixels: No conversion .*Strange"):
        OpenVinoStep(net, spec_of(picture(8, 8)))


def test_a_scale_that_is_not_the_files_is_refused(tmp_path: Path) -> None:
    net = replace(foreign(tmp_path), scale=3)
    with pytest.raises(OptionError, match="makes 1x3x16x16 of 8x8 pixels, 1x3x24x24 is wanted"):
        OpenVinoStep(net, spec_of(picture(8, 8)))
    with pytest.raises(OptionError, match="reads 3 planes and gives 1; as many must come out"):
        OpenVinoStep(replace(net, channels_out=1), spec_of(picture(8, 8)))


def test_failures_while_running_become_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = picture(8, 8)
    step = OpenVinoStep(network(), spec_of(frame))

    def fail(*arguments: Any) -> None:
        raise RuntimeError("somewhere.cpp:1:\nout of memory\n")

    monkeypatch.setattr(step, "_run", fail)
    with pytest.raises(DeviceError, match="OpenVINO failed on small: out of memory; a smaller picture"):
        through(step, frame)


def test_openvino_loads_when_it_is_used_and_opens_no_connection() -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*arguments): raise SystemExit('a connection')\n"
        "socket.socket.connect = socket.create_connection = refuse\n"
        "import vsr.engine.openvino\n"
        "assert not {'openvino', 'onnx'} & set(sys.modules), 'too early'\n"
        "from tests.engine.test_openvino import *\n"
        "OpenVinoStep(network(), spec_of(picture(8, 8)))\n"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
