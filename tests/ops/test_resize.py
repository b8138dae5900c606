"""Resizing: the kernels against the reference, the reference against independent formulas."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.pictures import (
    DEPTHS,
    LOCATIONS,
    SUBSAMPLINGS,
    assert_kernel_is_reference,
    noise,
    run,
    spec,
)
from vsr.color import ChromaLocation, Range
from vsr.errors import OptionError
from vsr.frame import PictureSpec, Plane, pixel_format
from vsr.ops.resize import MAX_SIDE, Resize, suits_integers
from vsr.ops.scalers import SCALERS, FilterBank, filter_bank

TARGETS = ((320, 240), (240, 180), (640, 360), (242, 154), (80, 60), (67, 59))
SET5 = Path(__file__).parents[3] / "shared/data/test/Set5"


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ((64, 36), (128, 72)),
        ((50, 31), (75, 47)),
        ((33, 17), (99, 51)),
        ((97, 61), (31, 20)),
        ((40, 9), (7, 90)),
    ],
)
@pytest.mark.parametrize("depth", ["", "10le"])
def test_kernel_is_the_reference(
    isa: str, scaler: str, source: tuple[int, int], target: tuple[int, int], depth: str
) -> None:
    picture = spec(*source, "yuv420p" + depth)
    assert_kernel_is_reference(Resize(picture, *target, scaler=scaler), noise(picture))


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(1, 90)] * 4),
    scaler=st.sampled_from(list(SCALERS)),
    name=st.sampled_from(SUBSAMPLINGS),
    depths=st.tuples(st.sampled_from(DEPTHS), st.sampled_from(DEPTHS)),
    locations=st.tuples(*[st.sampled_from(LOCATIONS)] * 2),
    ranges=st.tuples(*[st.sampled_from([Range.LIMITED, Range.FULL])] * 2),
    threads=st.integers(1, 3),
)
def test_any_size_depth_subsampling_range_and_location(
    sizes: tuple[int, int, int, int],
    scaler: str,
    name: str,
    depths: tuple[str, str],
    locations: tuple[ChromaLocation, ChromaLocation],
    ranges: tuple[Range, Range],
    threads: int,
) -> None:
    names = [name + depth for depth in depths]
    source = spec(*sizes[:2], names[0], chroma_location=locations[0], range=ranges[0])
    resize = Resize(
        source,
        *sizes[2:],
        scaler=scaler,
        target_format=pixel_format(names[1]),
        target_color=replace(source.color, chroma_location=locations[1], range=ranges[1]),
    )
    assert_kernel_is_reference(resize, noise(source), threads)


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("depth", DEPTHS)
def test_results_stay_within_one_value_of_float64(scaler: str, depth: str) -> None:
    source = spec(160, 120, "yuv420p" + depth)
    for target in TARGETS:
        for error in errors(Resize(source, *target, scaler=scaler), noise(source)):
            assert np.abs(error).max() <= 1
            assert abs(error.mean()) < 0.02


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("target", TARGETS)
def test_integers_are_not_biased_on_gradients(scaler: str, target: tuple[int, int]) -> None:
    """Gradients have many exact halves, which tell where rounding leans."""
    source = spec(160, 120, "gray")
    resize = Resize(source, *target, scaler=scaler)
    for planes in (gradients(source), waves(source)):
        (error,) = errors(resize, planes)
        assert np.abs(error).max() <= 1
        assert abs(error.mean()) < 0.02


def errors(resize: Resize, planes: tuple[Plane, ...]) -> list[npt.NDArray[np.int64]]:
    """How far the reference is off exact arithmetic."""
    pairs = zip(resize.reference(planes), resize.reference(planes, np.float64), strict=True)
    return [got.astype(np.int64) - exact.astype(np.int64) for got, exact in pairs]


def gradients(source: PictureSpec) -> tuple[Plane, ...]:
    """Slow slopes in both directions."""
    planes = noise(source)
    for plane in planes:
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        plane[...] = source.format.max_value * (0.2 + 0.6 * (x + y / 2) / (1.5 * max(plane.shape)))
    return planes


def waves(source: PictureSpec) -> tuple[Plane, ...]:
    """Soft light and shade."""
    planes = noise(source)
    for plane in planes:
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        value = 0.5 + 0.2 * np.sin(x / 37.3) + 0.2 * np.cos(y / 27.9 + x / 101.7)
        plane[...] = np.rint(source.format.max_value * value)
    return planes


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("target", TARGETS)
def test_flat_areas_stay_exactly_flat(isa: str, scaler: str, target: tuple[int, int]) -> None:
    source = spec(160, 120, "gray")
    resize = Resize(source, *target, scaler=scaler)
    for value in range(256):
        (plane,) = run(resize, (np.full((120, 160), value, np.uint8),))
        assert (plane == value).all()


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("target", TARGETS)
def test_the_worst_pictures_do_not_overflow(isa: str, scaler: str, target: tuple[int, int]) -> None:
    """Black and white by the signs of an output's weights: no picture reaches further beyond 0 and 255."""
    source = spec(160, 120, "gray")
    resize = Resize(source, *target, scaler=scaler)
    columns = filter_bank(SCALERS[scaler], 160, target[0])
    rows = filter_bank(SCALERS[scaler], 120, target[1])
    for at in (0.0, 0.25, 0.5, 0.503, 0.51):
        x, y = int(at * target[0]), int(at * target[1])
        signs = np.outer(_signs(rows, y), _signs(columns, x))
        for picture in (signs >= 0, signs <= 0, np.random.default_rng(0).random(signs.shape) < 0.5):
            planes = (np.where(picture, 255, 0).astype(np.uint8),)
            assert_kernel_is_reference(resize, planes)
            (error,) = errors(resize, planes)
            assert np.abs(error).max() <= 1


def _signs(bank: FilterBank, output: int) -> npt.NDArray[np.float64]:
    signs = np.ones(bank.size_in)
    start = bank.start[output]
    signs[start : start + bank.taps] = np.sign(bank.weights[output])
    return signs


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("size", [(3840, 2160), (2880, 1620), (960, 540), (480, 270)])
def test_all_scalers_suit_integers(scaler: str, size: tuple[int, int]) -> None:
    columns = filter_bank(SCALERS[scaler], 1920, size[0])
    rows = filter_bank(SCALERS[scaler], 1080, size[1])
    assert suits_integers(columns, rows)
    assert (columns.integers.weights.sum(axis=1) == 1 << 14).all()


def test_what_does_not_suit_integers_is_resized_in_float32(isa: str) -> None:
    long = filter_bank(SCALERS["lanczos3"], 4000, 10)
    assert not suits_integers(long, long)
    harsh = FilterBank(np.zeros(9, np.int32), np.tile([2.0, -1.0], (9, 1)), 2)
    assert not suits_integers(harsh, harsh)
    source = spec(4000, 2, "gray")
    assert_kernel_is_reference(Resize(source, 10, 2), noise(source))


@pytest.mark.parametrize("target", [(1, 1), (1, 50), (50, 1), (16, 3)])
@pytest.mark.parametrize("source", [(1, 1), (1, 7), (7, 1), (2, 3)])
@pytest.mark.parametrize("scaler", SCALERS)
def test_tiny_pictures(isa: str, scaler: str, source: tuple[int, int], target: tuple[int, int]) -> None:
    picture = spec(*source)
    resize = Resize(picture, *target, scaler=scaler)
    assert_kernel_is_reference(resize, noise(picture))
    flat = tuple(np.full_like(plane, 77) for plane in noise(picture))
    assert all((plane == 77).all() for plane in run(resize, flat))


def test_bytes_beyond_the_rows_stay_untouched(isa: str) -> None:
    for name, width in (("gray", 37), ("gray10le", 21), ("gray", 64), ("gray", 1030)):
        source = spec(19, 11, name)
        resize = Resize(source, width, 23)
        memory = np.full((25, width + 40), 201, source.format.dtype)
        resize(noise(source), [memory[1:24, 20 : 20 + width]])
        inside = np.zeros(memory.shape, bool)
        inside[1:24, 20 : 20 + width] = True
        assert (memory[~inside] == 201).all()


def test_strided_views_in_and_out(isa: str) -> None:
    source = spec(31, 20, "gray")
    resize = Resize(source, 62, 40)
    big = np.random.default_rng(1).integers(0, 256, (50, 80), np.uint8)
    for view in (big[5:25, 7:38], big[45:5:-2, 7:38], big[5:25, 7:38].copy()):
        assert_kernel_is_reference(resize, (view,))


@pytest.mark.parametrize("name", ["gray", "gray10le"])
@pytest.mark.parametrize("width", [1408, 1391])
def test_large_planes_that_are_written_past_the_caches(isa: str, name: str, width: int) -> None:
    source = spec(width // 2, 400, name)
    assert_kernel_is_reference(Resize(source, width, 800, scaler="bicubic"), noise(source), threads=2)


@pytest.mark.parametrize("name", ["gray", "gray10le"])
def test_large_planes_whose_rows_lie_anywhere(isa: str, name: str) -> None:
    """Rows at every distance from a multiple of 64 bytes, and rows of every such length."""
    source = spec(700, 400, name)
    resize = Resize(source, 1400, 800, scaler="bilinear")
    planes = noise(source)
    (want,) = resize.reference(planes)
    size = want.itemsize
    memory = np.zeros(801 * 1500 * size + 64, np.uint8)
    base = -memory.ctypes.data % 64
    for offset in range(0, 64, size):
        for pitch in (1408 * size, 1408 * size + offset):
            target = memory[base + offset :][: 800 * pitch].view(want.dtype).reshape(800, pitch // size)
            target[:, 1400:] = 77
            resize(planes, (target[:, :1400],))
            np.testing.assert_array_equal(target[:, :1400], want)
            assert (target[:, 1400:] == 77).all()


@pytest.mark.parametrize("threads", [1, 2, 3, 64])
@pytest.mark.parametrize("name", ["yuv422p", "yuv422p10le"])
def test_threads_do_not_change_the_result(threads: int, name: str) -> None:
    source = spec(129, 65, name)
    assert_kernel_is_reference(Resize(source, 300, 131), noise(source), threads)


def test_one_object_serves_several_threads() -> None:
    source = spec(320, 180)
    resize = Resize(source, 640, 360)
    pictures = [noise(source, seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda planes: run(resize, planes), pictures * 2))
    for planes, result in zip(pictures * 2, results, strict=True):
        for got, want in zip(result, resize.reference(planes), strict=True):
            np.testing.assert_array_equal(got, want)


def test_same_size_is_a_copy_and_depth_is_kept_exactly() -> None:
    source = spec(35, 21)
    planes = noise(source)
    for got, want in zip(run(Resize(source, 35, 21), planes), planes, strict=True):
        np.testing.assert_array_equal(got, want)
    deeper = Resize(source, 35, 21, target_format=pixel_format("yuv420p10le"))
    for got, want in zip(run(deeper, planes), planes, strict=True):
        np.testing.assert_array_equal(got, want.astype(np.uint16) * 4)


@pytest.mark.parametrize(
    ("ranges", "source", "want"),
    [
        ((Range.LIMITED, Range.FULL), (16, 128, 240), (0, 512, 1023)),
        ((Range.FULL, Range.LIMITED), (255, 128, 255), (940, 512, 958)),
        ((Range.FULL, Range.FULL), (255, 128, 0), (1023, 512, 0)),
        ((Range.LIMITED, Range.LIMITED), (235, 128, 16), (940, 512, 64)),
    ],
)
def test_ranges(
    isa: str, ranges: tuple[Range, Range], source: tuple[int, int, int], want: tuple[int, int, int]
) -> None:
    picture = spec(20, 4, "yuv444p", range=ranges[0])
    resize = Resize(
        picture,
        40,
        8,
        target_format=pixel_format("yuv444p10le"),
        target_color=replace(picture.color, range=ranges[1]),
    )
    planes = tuple(np.full((4, 20), value, np.uint8) for value in source)
    assert [int(plane[3, 17]) for plane in run(resize, planes)] == list(want)


def test_gray_alpha_and_yuv() -> None:
    source = spec(20, 10, "gray")
    luma, cb, cr, alpha = run(
        Resize(source, 40, 20, target_format=pixel_format("yuva420p10le")), noise(source)
    )
    assert (cb == 512).all() and (cr == 512).all() and (alpha == 1023).all() and luma.max() > 600
    back = spec(20, 10, "yuva420p")
    planes = noise(back)
    (gray,) = run(Resize(back, 40, 20, target_format=pixel_format("gray")), planes)
    np.testing.assert_array_equal(gray, run(Resize(back, 40, 20), planes)[0])


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", SUBSAMPLINGS)
@pytest.mark.parametrize("locations", [(a, b) for a in LOCATIONS for b in LOCATIONS])
def test_chroma_does_not_shift_against_luma(
    name: str, scale: int, locations: tuple[ChromaLocation, ChromaLocation]
) -> None:
    """A linear ramp in luma coordinates stays that ramp, whatever the siting on either side."""
    source = spec(160, 160, name + "16le", chroma_location=locations[0])
    resize = Resize(
        source,
        160 * scale,
        160 * scale,
        scaler="bicubic",
        target_color=replace(source.color, chroma_location=locations[1]),
    )
    planes = tuple((_ramp(source, plane, 1.0) * 128).astype(np.uint16) for plane in range(3))
    for plane, got in enumerate(run(resize, planes)):
        want = _ramp(resize.output, plane, scale)
        inner = tuple(slice(side // 6, side - side // 6) for side in got.shape)
        assert np.abs(got[inner] / 128 - want[inner]).max() < 0.02


def _ramp(picture: PictureSpec, plane: int, scale: float) -> npt.NDArray[np.float64]:
    """x + y/2 in luma coordinates of the source, at the places of a plane's samples."""
    fmt = picture.format
    height, width = fmt.plane_shape(plane, picture.width, picture.height)
    x, y = np.arange(width, dtype=float), np.arange(height, dtype=float)
    if fmt.is_chroma(plane):
        offset = picture.color.chroma_offset(fmt.log2_chroma_w, fmt.log2_chroma_h)
        x, y = x * 2**fmt.log2_chroma_w + offset[0], y * 2**fmt.log2_chroma_h + offset[1]
    result: npt.NDArray[np.float64] = (
        ((x + 0.5) / scale - 0.5)[None, :] + ((y + 0.5) / scale - 0.5)[:, None] / 2 + 4
    )
    return result


def imresize(image: npt.NDArray[np.float64], scale: float) -> npt.NDArray[np.float64]:
    """MATLAB's bicubic imresize of one plane, written from its definition, one weight at a time."""
    for axis in (0, 1):
        size = image.shape[axis]
        out = math.ceil(size * scale)
        matrix = np.zeros((out, size))
        shrink = min(scale, 1.0)
        for i in range(out):
            centre = (i + 1) / scale + 0.5 * (1 - 1 / scale)  # 1-based
            for j in range(math.floor(centre - 2 / shrink), math.ceil(centre + 2 / shrink) + 1):
                x = abs(shrink * (centre - j))
                near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
                weight = near if x <= 1 else far if x <= 2 else 0.0
                mirrored = (j - 1) % (2 * size)
                matrix[i, mirrored if mirrored < size else 2 * size - 1 - mirrored] += weight
        matrix /= matrix.sum(axis=1, keepdims=True)
        image = np.moveaxis(np.tensordot(matrix, image, (1, axis)), 0, axis)
    return image


@pytest.mark.parametrize("scale", [2.0, 3.0, 4.0, 1 / 2, 1 / 3, 1 / 4, 1.5])
def test_bicubic_is_matlab_imresize(scale: float) -> None:
    image = np.random.default_rng(2).integers(0, 256, (48, 60)).astype(float)
    want = imresize(image, scale)
    bank = SCALERS["bicubic"]
    columns = filter_bank(bank, 60, want.shape[1])
    rows = filter_bank(bank, 48, want.shape[0])
    np.testing.assert_allclose(rows.apply(columns.apply(image, 1), 0), want, atol=1e-9)


@pytest.mark.skipif(not SET5.is_dir(), reason="the Set5 images are not here")
@pytest.mark.parametrize(("scale", "want"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_set5_bicubic(scale: int, want: float) -> None:
    """The papers' number: Y channel, borders of `scale` samples left out."""
    scores = [_bicubic_psnr(path, scale) for path in sorted(SET5.glob("*.png"))]
    assert len(scores) == 5
    assert abs(np.mean(scores) - want) < 0.01


def _bicubic_psnr(path: Path, scale: int) -> float:
    import av

    with av.open(str(path)) as container:
        rgb = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(float)
    high = rgb[: rgb.shape[0] // scale * scale, : rgb.shape[1] // scale * scale]
    luma = np.rint(16 + high @ [65.481, 128.553, 24.966] / 255).astype(np.uint8)
    height, width = luma.shape
    source = spec(width, height, "gray")
    (low,) = run(Resize(source, width // scale, height // scale, scaler="bicubic"), (luma,))
    low_spec = spec(width // scale, height // scale, "gray")
    (result,) = run(Resize(low_spec, width, height, scaler="bicubic"), (low,))
    inner = (slice(scale, -scale), slice(scale, -scale))
    error = np.mean((luma[inner].astype(float) - result[inner]) ** 2)
    return float(10 * np.log10(255**2 / error))


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize(("size_in", "size_out"), [(1, 1), (1, 9), (9, 1), (7, 3), (100, 333), (333, 100)])
def test_banks_lie_within_and_sum_to_one(scaler: str, size_in: int, size_out: int) -> None:
    bank = filter_bank(SCALERS[scaler], size_in, size_out)
    assert bank.start.min() >= 0 and (bank.start + bank.taps).max() <= size_in
    assert (np.diff(bank.start) >= 0).all()
    np.testing.assert_allclose(bank.weights.sum(axis=1), 1, atol=1e-12)


def test_refusals_say_what_to_do() -> None:
    with pytest.raises(OptionError, match="lanczos3"):
        Resize(spec(8, 8), 16, 16, scaler="lanczos")
    for size in ((0, 8), (8, MAX_SIDE + 1)):
        with pytest.raises(OptionError, match="allowed is 1 to"):
            Resize(spec(8, 8), *size)
    with pytest.raises(OptionError, match="Convert"):
        Resize(spec(8, 8), 16, 16, target_format=pixel_format("gbrp"))
    with pytest.raises(OptionError, match="guessed"):
        Resize(spec(8, 8, chroma_location=ChromaLocation.UNSPECIFIED), 16, 16)
    with pytest.raises(OptionError, match="guessed"):
        deeper = pixel_format("yuv420p10le")
        Resize(spec(8, 8, range=Range.UNSPECIFIED), 16, 16, target_format=deeper)
