"""Networks run by TensorRT's names, engines by the reference: the frames are those that the CPU gives."""

from __future__ import annotations

import ctypes
import gc
import json
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from tests.cuda.conftest import stand_in_gpu
from tests.cuda.engines import BUILT, assert_it_gives_the_cpus_frames, frame_of, is_gray, psnr
from tests.cuda.fake_tensorrt import FakeTensorRT
from tests.cuda.host_gpu import CURRENT, HostGpu
from tests.make_media import Clip, make
from tests.nets.exported import numbers
from tests.ops.pictures import spec
from vsr.cli.main import main
from vsr.device.cuda import nvidia
from vsr.device.cuda.gpu import Gpu
from vsr.engine import cuda_engines, cuda_platform
from vsr.engine.tensorrt import EngineCache, EngineSpec, Shapes, library, load, obtain, running
from vsr.engine.tensorrt import Gpu as BuiltOn
from vsr.errors import DeviceError, OptionError
from vsr.frame import Frame
from vsr.nets.builder import Builder
from vsr.nets.graph import Graph
from vsr.nets.onnx import read_onnx, write_onnx
from vsr.nets.ops import PixelShuffle, PixelUnshuffle
from vsr.upscaler import Upscaler

SAID = list[str]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An empty cache, no TensorRT of either kind but what a test puts there, no other engine."""
    monkeypatch.setattr(cuda_engines, "CUDA_ENGINES", BUILT)
    monkeypatch.setattr(cuda_platform, "CUDA_ENGINES", BUILT)
    monkeypatch.setenv("VSR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(CURRENT, "gpu", None, raising=False)
    for name in ("tensorrt", "tensorrt_rtx"):
        monkeypatch.setitem(sys.modules, name, None)
    library.load.cache_clear()
    yield
    library.load.cache_clear()


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    fake = FakeTensorRT()
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    return fake


@pytest.fixture
def rtx(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    fake = FakeTensorRT("sm_80", "sm_89", "sm_120")
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", fake)
    return fake


@pytest.fixture(params=["host", "cupy"])
def gpu(request: pytest.FixtureRequest, host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch) -> Gpu:
    return stand_in_gpu(request.param, host, monkeypatch)


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "target"),
    [("yuv420p", None), ("yuv420p10le", None), ("yuva420p", None), ("yuv422p", "gbrp10le"), ("gbrp", None)],
)
def test_frames_are_those_of_the_cpu(
    gpu: Gpu,
    trt: FakeTensorRT,
    model: Callable[..., str],
    channels: int,
    precision: str,
    name: str,
    target: str | None,
) -> None:
    given = {"device": gpu, "calls": 2, "precision": precision}
    steps = assert_it_gives_the_cpus_frames(model(channels), spec(37, 23, name), target, given)
    assert f"net 37x23 to 74x46, TensorRT 11.4.0 in {precision}" in steps
    assert set(trt.runs) == {(1, channels, 23, 37)}


@pytest.mark.parametrize("factor", [3, 4])
def test_networks_follow_one_another(
    gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str], factor: int
) -> None:
    chain = f"{model(1, 2, name='first')},{model(3, factor, name='second')},area"
    source, size = spec(24, 18), (100, 80)
    wanted = Upscaler(chain, source=source, size=size, engine="reference")
    given = Upscaler(chain, source=source, size=size, device=gpu)
    frame = frame_of(source)
    assert psnr(given(frame), wanted(frame)) >= 60
    assert len(trt.built) == 2


def test_lanes_share_an_engine_and_nothing_else(
    gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str]
) -> None:
    source, file = spec(40, 30), model()
    wanted = Upscaler(file, source=source, engine="reference")
    given = Upscaler(file, source=source, device=gpu, calls=3)
    frames = [frame_of(source, seed) for seed in range(12)]
    at_once = Barrier(3)

    def work(start: int) -> list[Frame]:
        at_once.wait(10)
        return [given(frame) for frame in frames[start::3]]

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(work, range(3)))
    for start, part in enumerate(results):
        for frame, result in zip(frames[start::3], part, strict=True):
            assert psnr(result, wanted(frame)) >= 60
    assert len(trt.built) == len(trt.loaded) == 1
    assert len(trt.contexts) == 4, "one for each lane, and the one that the engine was tried with"
    places = [context.addresses[end] for context in trt.contexts[1:] for end in ("input", "output")]
    assert len(set(places)) == 6
    with Upscaler(file, source=source, device=gpu) as other:
        assert psnr(other(frames[0]), wanted(frames[0])) >= 60
    assert len(trt.loaded) == 1, "another upscaler on the same GPU runs the same engine"


def test_a_closed_upscaler_leaves_nothing_on_the_gpu(
    host: ctypes.CDLL, trt: FakeTensorRT, model: Callable[..., str]
) -> None:
    gc.collect()
    gc.disable()  # it must not be left to the collector of cycles
    try:
        before = len(running._SHARED)
        upscaler = Upscaler(model(), source=spec(40, 30), device=HostGpu(host), calls=2)
        upscaler(frame_of(upscaler.source))
        assert len(running._SHARED) == before + 1
        upscaler.close()
        assert len(running._SHARED) == before
    finally:
        gc.enable()


def test_memory_for_contexts_is_counted(
    host: ctypes.CDLL, trt: FakeTensorRT, model: Callable[..., str]
) -> None:
    source, file, whole = spec(64, 48), model(), HostGpu(host)
    Upscaler(file, source=source, device=whole).close()
    tried = whole.taken_bytes // 2
    small = HostGpu(host, limit_bytes=whole.taken_bytes + tried // 2)
    upscaler = Upscaler(file, source=source, device=small, calls=4)
    assert upscaler.notes == ("cuda:0 has memory for 1 frames at once, not 4",)
    assert not np.array_equal(upscaler(frame_of(source)).planes[0], 0)


@pytest.mark.parametrize("arguments", [["--size", "40x30"], ["--size", "40x30", "--gpu", "sm_80"], []])
def test_what_is_built_ahead_is_found(
    host: ctypes.CDLL, rtx: FakeTensorRT, model: Callable[..., str], arguments: list[str]
) -> None:
    size = (40, 30) if arguments else (100, 80)
    file, source = model(), spec(*size)
    assert main(["models", "build", file, *arguments]) == 0
    assert len(rtx.built) == 1
    said: SAID = []
    with Upscaler(file, source=source, device=HostGpu(host), engine="tensorrt_rtx", say=said.append) as given:
        wanted = Upscaler(file, source=source, engine="reference")
        assert psnr(given(frame_of(source)), wanted(frame_of(source))) >= 60
    assert len(rtx.built) == 1
    assert said == []


def test_the_tightest_profile_is_taken(
    host: ctypes.CDLL, rtx: FakeTensorRT, model: Callable[..., str]
) -> None:
    file = model()
    for sizes in ([], ["--size", "200x90", "--size", "100x80"]):
        assert main(["models", "build", file, *sizes]) == 0
    with Upscaler(file, source=spec(100, 80), device=HostGpu(host)):
        assert [context.profile for context in rtx.contexts] == [1, 1]
        assert [len(engine.profiles) for engine in rtx.loaded] == [2]
    with Upscaler(file, source=spec(101, 80), device=HostGpu(host)):
        assert [len(engine.profiles) for engine in rtx.loaded] == [2, 1]
    assert len(rtx.built) == 2
    with Upscaler(file, source=spec(32, 24), device=HostGpu(host)):
        assert len(rtx.built) == 3, "no profile takes so small a picture"
        assert rtx.built[-1]["targets"] == ["sm_80"], "the GPU that it runs on"


def test_of_profiles_that_overlap_the_tightest_is_taken(
    host: ctypes.CDLL, trt: FakeTensorRT, model: Callable[..., str]
) -> None:
    graph, most = read_onnx(Path(model())), ((90, 120), (300, 400), (60, 80), (200, 300))
    assert isinstance(graph, Graph)
    shapes = tuple(Shapes(least=(32, 32), usual=side, most=side) for side in most)
    gpu = HostGpu(host)
    built_on = BuiltOn.of(gpu)
    with gpu.current():
        obtain(EngineSpec(network=graph, shapes=shapes), load("tensorrt"), EngineCache(), gpu=built_on)
    for size, profile in {(80, 60): 2, (81, 60): 0, (80, 91): 3, (301, 90): 1}.items():
        with Upscaler(model(), source=spec(*size), device=gpu):
            assert trt.contexts[-1].profile == profile
    assert len(trt.built) == 1


def test_an_engine_of_tensorrt_is_built_ahead_on_its_gpu(
    host: ctypes.CDLL, trt: FakeTensorRT, model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = HostGpu(host)
    monkeypatch.setattr(nvidia, "open_gpu", lambda index: gpu)
    file = model()
    assert main(["models", "build", file, "--engine", "tensorrt", "--size", "40x30"]) == 0
    with Upscaler(file, source=spec(40, 30), device=gpu):
        assert len(trt.built) == 1
    gpu.driver = "13.1"
    said: SAID = []
    with Upscaler(file, source=spec(40, 30), device=gpu, say=said.append):
        assert len(trt.built) == 2
    assert re.search(r"\.engine is stale: driver is 13\.0 there and 13\.1 here; it is built again", said[1])


def test_what_is_compiled_for_a_gpu_is_kept(
    host: ctypes.CDLL, rtx: FakeTensorRT, model: Callable[..., str]
) -> None:
    file, source = model(), spec(40, 30)
    for _ in range(2):
        with Upscaler(file, source=source, device=HostGpu(host), calls=2) as upscaler:
            upscaler(frame_of(source))
    assert [context.compiled for context in rtx.contexts] == [1, 0, 0, 0, 0, 0]


class TestBuildingMeanwhile:
    """The run begins on another engine, and changes over at a frame's boundary."""

    @pytest.fixture
    def said(self) -> SAID:
        return []

    @pytest.fixture
    def upscaler(
        self, gpu: Gpu, trt: FakeTensorRT, stand_in: list[str], model: Callable[..., str], said: SAID
    ) -> Iterator[Upscaler]:
        trt.gate.clear()
        with Upscaler(
            model(), source=spec(40, 30), device=gpu, calls=2, engine="tensorrt", say=said.append
        ) as made:
            yield made
        trt.gate.set()

    @staticmethod
    def wait_for_build(upscaler: Upscaler) -> None:
        builds: Any = upscaler._runner(upscaler.source)
        for build in list(builds._builds._builds.values()):
            build.wait()
            build._thread.join(10)

    def test_changes_over_at_a_frame(
        self, upscaler: Upscaler, trt: FakeTensorRT, said: SAID, model: Callable[..., str]
    ) -> None:
        assert upscaler.notes == ("net: tensorrt in fp16, gray until its engine is built",)
        frames = [frame_of(upscaler.source, seed) for seed in range(8)]
        before = [upscaler(frame) for frame in frames[:3]]
        assert all(map(is_gray, before))
        assert said == []
        trt.gate.set()
        self.wait_for_build(upscaler)
        wanted = Upscaler(model(), source=upscaler.source, engine="reference")
        for frame in frames[3:]:
            assert psnr(upscaler(frame), wanted(frame)) >= 60
        assert len(trt.contexts) == 3, "two lanes, each laid anew once, and the trial"
        assert len(said) == 1
        assert re.fullmatch(
            r"net: gray until the engine was built \(\d+\.\d s\), then tensorrt from frame 4", said[0]
        )

    def test_frames_of_another_size_change_over_too(self, upscaler: Upscaler, trt: FakeTensorRT) -> None:
        other = spec(30, 20)
        assert is_gray(upscaler(frame_of(upscaler.source)))
        assert is_gray(upscaler(frame_of(other)))
        trt.gate.set()
        for runner in upscaler._runners.values():
            for build in list(runner._builds._builds.values()):  # type: ignore[attr-defined]
                build.wait()
                build._thread.join(10)
        assert not is_gray(upscaler(frame_of(upscaler.source)))
        assert not is_gray(upscaler(frame_of(other)))

    def test_what_cannot_be_built_changes_nothing(
        self, upscaler: Upscaler, trt: FakeTensorRT, said: SAID
    ) -> None:
        trt.broken = "no tactic"
        trt.gate.set()
        self.wait_for_build(upscaler)
        assert is_gray(upscaler(frame_of(upscaler.source)))
        assert said == [
            "net: gray goes on: TensorRT cannot build net for 40x30: no tactic; "
            "try smaller sizes, or another engine"
        ]

    def test_an_unforeseen_error_ends_no_run(self, upscaler: Upscaler, trt: FakeTensorRT, said: SAID) -> None:
        trt.built = None  # type: ignore[assignment]
        trt.gate.set()
        self.wait_for_build(upscaler)
        assert is_gray(upscaler(frame_of(upscaler.source)))
        assert said[0].startswith("net: gray goes on: ")

    def test_the_run_ends_first(self, upscaler: Upscaler, trt: FakeTensorRT, said: SAID) -> None:
        upscaler(frame_of(upscaler.source))
        upscaler.close()
        assert said == [
            "net: the run ended before the engine of tensorrt was built; `vsr models build` builds it ahead"
        ]
        assert trt.built == []
        upscaler.close()
        assert len(said) == 1


def test_the_report_of_a_run_says_it(
    host: ctypes.CDLL,
    trt: FakeTensorRT,
    stand_in: list[str],
    model: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trt.gate.clear()
    monkeypatch.setattr(nvidia, "open_gpu", lambda index: HostGpu(host))
    source, report = make(tmp_path / "in.mkv", Clip()), tmp_path / "report.json"
    command = ["upscale", str(source), str(tmp_path / "out.mkv"), "-m", model(), "--device", "cuda"]
    assert main([*command, "--engine", "tensorrt", "--report", str(report), "--progress", "none"]) == 0
    said = "net: the run ended before the engine of tensorrt was built; `vsr models build` builds it ahead"
    assert json.loads(report.read_text())["said"] == [said]
    shown = capsys.readouterr()
    assert f"note: {said}\n" in shown.out
    assert shown.err == f"vsr: {said}\n"
    assert stand_in


def test_without_another_engine_the_run_waits(gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str]) -> None:
    trt.gate.clear()
    said: SAID = []

    def say(text: str) -> None:
        said.append(text)
        trt.gate.set()

    with Upscaler(model(), source=spec(40, 30), device=gpu, say=say) as upscaler:
        assert not is_gray(upscaler(frame_of(upscaler.source)))
        assert upscaler.notes == ()
    assert said == [
        "net: waiting while tensorrt builds its engine for 40x30 in fp16; `vsr models build` builds it ahead"
    ]


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("has_other", [False, True])
def test_what_float16_does_not_hold_is_computed_again(
    gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str], value: float, has_other: bool, request: Any
) -> None:
    ran = request.getfixturevalue("stand_in") if has_other else []
    source, file = spec(40, 30), model()
    wanted = Upscaler(file, source=source, engine="reference")
    given = Upscaler(file, source=source, device=gpu, engine="tensorrt", say=(said := SAID()).append)
    TestBuildingMeanwhile.wait_for_build(given)
    said.clear()
    ran.clear()
    good, bad = frame_of(source, 1), frame_of(source, 2)
    assert psnr(given(good), wanted(good)) >= 60
    trt.poisoned = value
    result = given(bad)
    assert given.redone_frames == 1
    if has_other:
        assert is_gray(result) and ran == ["fp32"] and len(trt.built) == 1
    else:
        assert psnr(result, wanted(bad)) >= 80 and len(trt.built) == 2
        assert "waiting while tensorrt builds its engine for 40x30 in fp32" in said[0]
    trt.poisoned = None
    assert psnr(given(good), wanted(good)) >= 60
    assert given.redone_frames == 1
    given.close()


class TestRefused:
    """What cannot be is said in a sentence."""

    def test_a_stale_engine_is_built_again_once(
        self, gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str]
    ) -> None:
        file, source = model(), spec(40, 30)
        Upscaler(file, source=source, device=gpu).close()
        trt.edition = 2
        said: SAID = []
        with Upscaler(file, source=source, device=gpu, say=said.append) as upscaler:
            upscaler(frame_of(source))
        assert said[0] == (
            f"TensorRT 11.4.0 does not take the engine of net on {gpu.name}: "
            "the engine is of another edition; it is built again"
        )
        assert len(trt.built) == 2
        said.clear()
        with Upscaler(file, source=source, device=gpu, say=said.append):
            assert said == []

    @pytest.mark.parametrize("last", [[], ["Error Code 1: Internal Error (the runtime gives up)"]])
    def test_an_engine_for_which_there_is_no_memory_is_kept(
        self, gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str], last: list[str]
    ) -> None:
        """It is as good as before: the next run, with more memory, takes it."""
        file, source = model(), spec(40, 30)
        Upscaler(file, source=source, device=gpu).close()
        trt.load_errors = ["Error Code 2: OutOfMemory (Requested size was 4096 bytes.)", *last]
        with pytest.raises(OptionError, match=r"tensorrt: cuda:0 is out of memory: TensorRT cannot load the"):
            Upscaler(file, source=source, device=gpu)
        trt.load_errors = []
        said: SAID = []
        with Upscaler(file, source=source, device=gpu, say=said.append):
            assert (len(trt.built), said) == (1, [])

    def test_an_engine_that_is_never_taken(
        self, gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "tests.cuda.fake_tensorrt.FakeRuntime.deserialize_cuda_engine", lambda self, plan: None
        )
        with pytest.raises(
            OptionError,
            match=r"tensorrt: TensorRT 11\.4\.0 does not take .*: no reason is given; .*--device cpu",
        ):
            Upscaler(model(), source=spec(40, 30), device=gpu)
        assert len(trt.built) == 1

    def test_what_the_parser_refuses(self, gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str]) -> None:
        trt.refusal = "Fancy: Plugin not found"
        with pytest.raises(
            OptionError,
            match=r"tensorrt: TensorRT cannot read net, node 'n1' \(Fancy\): it has no such operator",
        ):
            Upscaler(model(), source=spec(40, 30), device=gpu, engine="tensorrt")

    def test_what_float16_does_not_hold_is_run_by_another(
        self, gpu: Gpu, trt: FakeTensorRT, stand_in: list[str], tmp_path: Path
    ) -> None:
        b = Builder(1)
        b.add(PixelShuffle(2), b.conv(b.input, 1e6 * numbers(4, 1, 3, 3)))
        write_onnx(b.build("large"), path := tmp_path / "large.onnx")
        with Upscaler(str(path), source=spec(40, 30), device=gpu, engine="tensorrt", calls=2) as upscaler:
            [note] = upscaler.notes
            assert re.match(r"large: gray in fp16, after tensorrt: .* fp16 holds up to 65504", note)
            assert is_gray(upscaler(frame_of(upscaler.source)))
        assert trt.built == []

    def test_a_run_that_fails(
        self, gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "tests.cuda.fake_tensorrt.FakeContext.execute_async_v3", lambda self, stream: False
        )
        with pytest.raises(OptionError, match=r"TensorRT does not run net: .*choose another --engine"):
            Upscaler(model(), source=spec(40, 30), device=gpu)

    def test_a_gpu_that_is_no_target(self, gpu: Gpu, rtx: FakeTensorRT, model: Callable[..., str]) -> None:
        gpu.architecture = "sm_90"
        with pytest.raises(OptionError) as caught:
            Upscaler(model(), source=spec(40, 30), device=gpu)
        text = str(caught.value)
        assert "tensorrt: TensorRT does not load" in text or "tensorrt: TensorRT is not installed" in text
        assert (
            "tensorrt_rtx: TensorRT-RTX 1.7.1 runs on sm_80, sm_89, sm_120, not on sm_90; "
            "TensorRT does: pip install 'vsr-realtime[tensorrt]'; use --device cpu"
        ) in text

    def test_a_size_that_a_network_does_not_take(self, gpu: Gpu, trt: FakeTensorRT, tmp_path: Path) -> None:
        b = Builder(1)
        b.add(PixelShuffle(4), b.conv(b.add(PixelUnshuffle(2), b.input), numbers(16, 4, 3, 3)))
        write_onnx(b.build("blocks"), path := tmp_path / "blocks.onnx")
        with pytest.raises(OptionError, match="blocks takes sides that are multiples of 2, not 37x24"):
            Upscaler(str(path), source=spec(37, 24), device=gpu)

    def test_a_network_that_makes_another_size(
        self, gpu: Gpu, trt: FakeTensorRT, model: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "tests.cuda.fake_tensorrt.FakeContext.get_tensor_shape", lambda self, name: iter((1, 3, -1, 80))
        )
        with pytest.raises(OptionError, match="it makes 1x3x-1x80 of 1x3x30x40, 1x3x60x80 is wanted"):
            Upscaler(model(), source=spec(40, 30), device=gpu)


def test_tensorrt_rtx_rejects_in_words(
    tmp_path: Path, host: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real one, which has no GPU here to load an engine onto."""
    monkeypatch.delitem(sys.modules, "tensorrt_rtx")
    pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install 'vsr-realtime[rtx]'"
    )
    from vsr.device import cuda
    from vsr.engine.tensorrt.runtime import LoadedEngine, RejectedError

    if cuda.unavailable() is None:
        pytest.skip("there is a GPU")
    with pytest.raises(
        RejectedError,
        match=r"TensorRT-RTX 1\.\S+ does not take the engine of net on host: CUDA driver version",
    ) as caught:
        LoadedEngine(b"no engine", "net", library.load("rtx"), HostGpu(host))
    assert isinstance(caught.value, DeviceError)
