"""TensorRT on a GPU: what it runs, the CPU gives.

Skipped where there is no GPU or no TensorRT for it; with VSR_REQUIRE_GPU=1 that is a failure.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cuda.conftest import real_gpu
from tests.cuda.engines import assert_it_gives_the_cpus_frames, frame_of, is_gray, psnr
from tests.ops.pictures import spec
from vsr.device.cuda.gpu import Gpu
from vsr.engine.tensorrt import KINDS, load
from vsr.errors import DeviceError
from vsr.upscaler import Upscaler

pytestmark = pytest.mark.gpu


def problem_of(name: str, gpu: Gpu) -> str | None:
    try:
        return load(KINDS[name]).problem_on(gpu.architecture)
    except DeviceError as error:
        return str(error)


@pytest.fixture
def gpu() -> Gpu:
    return real_gpu()


@pytest.fixture(params=list(KINDS))
def engine(request: pytest.FixtureRequest, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An engine that runs on this GPU, with a cache of its own."""
    monkeypatch.setenv("VSR_CACHE_DIR", str(tmp_path / "cache"))
    problems = {name: problem_of(name, gpu) for name in KINDS}
    if all(problems.values()) and os.environ.get("VSR_REQUIRE_GPU") == "1":
        pytest.fail("; ".join(map(str, problems.values())))
    name: str = request.param
    if problems[name]:
        pytest.skip(str(problems[name]))
    return name


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("name", "target"), [("yuv420p", None), ("yuv420p10le", None), ("yuv422p", "gbrp10le")]
)
def test_frames_are_those_of_the_cpu(
    gpu: Gpu,
    engine: str,
    model: Callable[..., str],
    channels: int,
    precision: str,
    name: str,
    target: str | None,
) -> None:
    given = {"device": gpu, "engine": engine, "precision": precision}
    steps = assert_it_gives_the_cpus_frames(model(channels), spec(333, 217, name), target, given)
    assert f"in {precision}" in steps


def test_contexts_run_at_once(gpu: Gpu, engine: str, model: Callable[..., str]) -> None:
    source, file = spec(333, 217), model()
    frames = [frame_of(source, seed) for seed in range(30)]
    wanted = Upscaler(file, source=source, engine="reference")
    with (
        Upscaler(file, source=source, device=gpu, engine=engine, calls=2) as given,
        ThreadPoolExecutor(2) as pool,
    ):
        results = list(pool.map(given, frames))
    for frame, result in zip(frames, results, strict=True):
        assert psnr(result, wanted(frame)) >= 60


def test_it_changes_over_when_the_engine_is_built(
    gpu: Gpu, engine: str, model: Callable[..., str], stand_in: list[str]
) -> None:
    source, file = spec(333, 217), model()
    said: list[str] = []
    frame = frame_of(source)
    wanted = Upscaler(file, source=source, engine="reference")(frame)
    with Upscaler(file, source=source, device=gpu, engine=engine, calls=2, say=said.append) as given:
        assert given.notes == (f"net: {engine} in fp16, gray until its engine is built",)
        assert is_gray(given(frame))
        count = 1
        while not said:
            result = given(frame)
            count += 1
            assert said or is_gray(result)
        assert psnr(given(frame), wanted) >= 60
        assert f"then {engine} from frame {count}" in said[0]
    with Upscaler(file, source=source, device=gpu, engine=engine, say=said.append) as given:
        assert psnr(given(frame), wanted) >= 60, "from the first frame on: it is in the cache"
        assert len(said) == 1
