"""The kernels on a GPU, through CuPy: the samples are those of the CPU's reference.

Skipped where there is no GPU; with VSR_REQUIRE_GPU=1 that is a failure.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.ops.filters import FLOAT, drawn, filter_of, floats
from tests.ops.pictures import drawing, noise, run, spec
from vsr.color import Matrix, Range
from vsr.device import cuda
from vsr.device.cuda import kernels as cuda_kernels
from vsr.device.cuda.launch import DTYPES, THREADS, Kind, Launch, Memory, View, view
from vsr.frame import PictureSpec, Plane, pixel_format
from vsr.ops.anime4k import Anime4k
from vsr.ops.convert import Convert
from vsr.ops.cuda.anime4k import CudaAnime4k
from vsr.ops.cuda.convert import CudaConvert
from vsr.ops.cuda.dither import CudaDither
from vsr.ops.cuda.filters import CudaFilter
from vsr.ops.cuda.highlights import CudaHighlights
from vsr.ops.cuda.lowering import CudaOperation
from vsr.ops.cuda.resize import CudaResize
from vsr.ops.dither import Dither
from vsr.ops.resize import Resize
from vsr.ops.scalers import SCALERS
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.ops.shader_filters.table import FILTERS

pytestmark = pytest.mark.gpu
SIZES = [((1, 1), (3, 2)), ((97, 41), (194, 82)), ((640, 360), (1280, 720)), ((500, 301), (77, 40))]


@pytest.fixture(autouse=True)
def a_gpu() -> None:
    missing = cuda.unavailable()
    if missing and os.environ.get("VSR_REQUIRE_GPU") == "1":
        pytest.fail(missing)
    if missing:
        pytest.skip(missing)


class CupyMemory:
    """Tables and planes in CuPy arrays, kept as long as this lives."""

    def __init__(self) -> None:
        self._cupy: Any = import_module("cupy")
        self._kept: list[Any] = []
        self._modules: list[Any] = []

    def put(self, values: npt.NDArray[Any]) -> View:
        array = self._cupy.asarray(np.ascontiguousarray(values))
        self._kept.append(array)
        return view(array, int(array.data.ptr))

    def table(self, values: npt.NDArray[Any]) -> int:
        array = self._cupy.asarray(values)
        self._kept.append(array)
        return int(array.data.ptr)

    def plane(self, width: int, height: int, kind: Kind) -> View:
        return self.put(np.zeros((height, width), DTYPES[kind]))

    def get(self, index: int) -> npt.NDArray[Any]:
        """Return one of the last planes; -1 is the one put last."""
        values: npt.NDArray[Any] = self._kept[index].get()
        return values

    def execute(self, launches: Sequence[Launch]) -> None:
        cupy = self._cupy
        architecture = f"sm_{cupy.cuda.Device().compute_capability}"
        for launch in launches:
            module = cupy.cuda.function.Module()
            self._modules.append(module)  # it is unloaded when it is dropped, whether its kernels run or not
            module.load(cuda_kernels.compiled(launch.source, architecture, pytest.fail))
            module.get_function(launch.kernel)((*launch.blocks, 1), (THREADS, 1, 1), (launch.job,))
        cupy.cuda.Device().synchronize()


def run_on_gpu(
    make: Callable[[Memory], CudaOperation], planes: Sequence[Plane], output: PictureSpec
) -> list[npt.NDArray[Any]]:
    memory, fmt = CupyMemory(), output.format
    operation = make(memory)
    sources = [memory.put(plane) for plane in planes]
    shapes = [fmt.plane_shape(index, output.width, output.height) for index in range(fmt.num_planes)]
    targets = [memory.put(np.zeros(shape, fmt.dtype)) for shape in shapes]
    memory.execute(operation.launches(sources, targets))
    return [memory.get(index - fmt.num_planes) for index in range(fmt.num_planes)]


def assert_equal(got: Sequence[npt.NDArray[Any]], wanted: Sequence[Plane]) -> None:
    for one, want in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, want)


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le", "yuv422p12le", "yuv410p", "gbrp", "gray16le"])
@pytest.mark.parametrize("matrix", [Matrix.BT709, Matrix.BT2020_NCL, Matrix.YCGCO])
def test_conversions(name: str, matrix: Matrix) -> None:
    source = spec(333, 217, name, matrix=Matrix.RGB if name == "gbrp" else matrix)
    color = replace(source.color, matrix=Matrix.RGB, range=Range.FULL)
    into = Convert(source, pixel_format("gbrpf32le"), color)
    back = Convert(into.output, source.format, source.color)
    planes = noise(source)
    values = into.reference(planes)
    assert_equal(run_on_gpu(lambda memory: CudaConvert(into, memory), planes, into.output), values)
    got = run_on_gpu(lambda memory: CudaConvert(back, memory), values, source)
    assert_equal(got, back.reference(values))


@pytest.mark.parametrize("scaler", list(SCALERS))
@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le", "gbrpf32le"])
@pytest.mark.parametrize("sizes", SIZES)
def test_resizes(scaler: str, name: str, sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    source = spec(*sizes[0], name)
    resize = Resize(source, *sizes[1], scaler=scaler)
    planes = noise(source)
    got = run_on_gpu(lambda memory: CudaResize(resize, memory), planes, resize.output)
    assert_equal(got, resize.reference(planes))


@pytest.mark.parametrize("name", ["yuv420p", "yuva444p10le", "gbrp", "gray"])
@pytest.mark.parametrize("sizes", SIZES)
def test_anime4k(name: str, sizes: tuple[tuple[int, int], tuple[int, int]]) -> None:
    source = spec(*sizes[0], name)
    operation = Anime4k(source, *sizes[1])
    planes = drawing(source)
    got = run_on_gpu(lambda memory: CudaAnime4k(operation, memory), planes, operation.output)
    assert_equal(got, operation.reference(planes))


@pytest.mark.parametrize("names", [("yuv420p10le", "yuv420p"), ("yuv444p16le", "yuv444p10le")])
def test_dithering(names: tuple[str, str]) -> None:
    source = spec(333, 217, names[0])
    dither = Dither(source, pixel_format(names[1]))
    planes = noise(source)
    got = run_on_gpu(lambda memory: CudaDither(dither), planes, dither.output)
    assert_equal(got, dither.reference(planes))


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("size", [(1, 1), (67, 45), (320, 181)])
def test_shader_filters(name: str, size: tuple[int, int]) -> None:
    operation = filter_of(name, size)
    for planes in (floats(operation.source), drawn(operation.source)):
        got = run_on_gpu(lambda memory: CudaFilter(operation, memory), planes, operation.output)
        assert_equal(got, run(operation, planes))


@pytest.mark.parametrize("window", [(2, 2), (0, 0), (31, 31)])
@pytest.mark.parametrize("size", [(1, 1), (67, 45), (320, 181)])
def test_highlights(window: tuple[int, int], size: tuple[int, int]) -> None:
    source = spec(*size, FLOAT)
    operation = ClampHighlights(source, before=window[0], after=window[1])
    planes, memory = floats(source), CupyMemory()
    kernels = CudaHighlights(source, source, *window, memory)
    sources = [memory.put(plane) for plane in planes]
    targets = [memory.put(np.zeros_like(plane)) for plane in planes]
    memory.execute([*kernels.measured(sources), *kernels.clamped(sources, targets)])
    assert_equal([memory.get(index - 3) for index in range(3)], run(operation, planes))
