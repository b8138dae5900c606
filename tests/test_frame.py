"""Pixel formats and frames: names, shapes, memory."""

from fractions import Fraction
from itertools import product

import av
import numpy as np
import pytest

from vsr.color import ColorSpec, Matrix
from vsr.errors import OptionError
from vsr.frame import Family, Frame, empty_frame, format_name, pixel_format

SUBSAMPLINGS = {"444": (0, 0), "440": (0, 1), "422": (1, 0), "420": (1, 1), "411": (2, 0), "410": (2, 2)}


def all_formats() -> list[tuple[Family, int, tuple[int, int], bool]]:
    """Everything that PixelFormat can say and FFmpeg has a name for."""
    wanted: list[tuple[Family, int, tuple[int, int], bool]] = []
    families: list[Family] = ["yuv", "gray", "rgb"]
    for family, depth, chroma, alpha in product(
        families, (8, 9, 10, 12, 14, 16), SUBSAMPLINGS.values(), (False, True)
    ):
        if (family != "yuv" and chroma != (0, 0)) or (family == "gray" and alpha):
            continue
        try:
            av.VideoFormat(format_name(family, depth, chroma, alpha=alpha))
        except ValueError:
            continue
        wanted.append((family, depth, chroma, alpha))
    return wanted


FORMATS = all_formats()


def test_the_list_is_not_empty() -> None:
    assert len(FORMATS) > 45


@pytest.mark.parametrize(("family", "depth", "chroma", "alpha"), FORMATS)
def test_names_go_round(family: Family, depth: int, chroma: tuple[int, int], alpha: bool) -> None:
    name = format_name(family, depth, chroma, alpha=alpha)
    fmt = pixel_format(name)
    assert fmt.name == name
    assert (fmt.family, fmt.depth, fmt.alpha) == (family, depth, alpha)
    assert (fmt.log2_chroma_w, fmt.log2_chroma_h) == chroma
    assert fmt.dtype == (np.uint8 if depth == 8 else np.uint16)
    assert fmt.max_value == 2**depth - 1
    assert fmt.num_planes == {"gray": 1, "yuv": 3, "rgb": 3}[family] + alpha


@pytest.mark.parametrize(("family", "depth", "chroma", "alpha"), FORMATS)
@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 5), (64, 48), (427, 239)])
def test_planes_have_ffmpegs_shapes(
    family: Family, depth: int, chroma: tuple[int, int], alpha: bool, width: int, height: int
) -> None:
    fmt = pixel_format(format_name(family, depth, chroma, alpha=alpha))
    reference = av.VideoFrame(width, height, fmt.name)
    assert len(reference.planes) == fmt.num_planes
    shapes = [fmt.plane_shape(i, width, height) for i in range(fmt.num_planes)]
    assert shapes == [(p.height, p.width) for p in reference.planes]
    assert fmt.frame_bytes(width, height) == sum(h * w for h, w in shapes) * fmt.dtype.itemsize


def test_jpeg_names_are_the_same_layout() -> None:
    assert pixel_format("yuvj420p") == pixel_format("yuv420p")
    assert pixel_format("yuvj420p").name == "yuv420p"


@pytest.mark.parametrize(
    "name", ["nv12", "rgb24", "yuv420p10be", "yuv420p10", "pal8", "ya8", "", "yuv999p", "gray16"]
)
def test_what_is_not_planar_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="planar"):
        pixel_format(name)


@pytest.mark.parametrize("name", ["yuv420p", "yuv410p", "yuva444p10le", "gbrap16le", "gray12le"])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (33, 17), (128, 64)])
def test_an_empty_frame_is_aligned_and_its_own(name: str, width: int, height: int) -> None:
    fmt = pixel_format(name)
    frame = empty_frame(width, height, fmt, pts=9, time_base=Fraction(1, 3))
    assert (frame.width, frame.height) == (width, height)
    assert frame.pts_seconds == 3.0
    for index, plane in enumerate(frame.planes):
        assert plane.shape == fmt.plane_shape(index, width, height)
        assert plane.dtype == fmt.dtype
        assert plane.ctypes.data % 64 == 0
        assert plane.strides[0] % 64 == 0
        plane[:] = index
    assert [int(plane[-1, -1]) for plane in frame.planes] == list(range(fmt.num_planes))


def make(name: str) -> Frame:
    frame = empty_frame(6, 4, pixel_format(name))
    for index, plane in enumerate(frame.planes):
        plane[:] = 10 * (index + 1)
    return frame


def test_to_numpy_orders_rgb() -> None:
    array = make("gbrp").to_numpy()
    assert array.shape == (4, 6, 3)
    assert array[0, 0].tolist() == [30, 10, 20]
    assert make("gbrap").to_numpy()[0, 0].tolist() == [30, 10, 20, 40]


def test_to_numpy_of_yuv_and_gray() -> None:
    assert make("yuv444p").to_numpy()[0, 0].tolist() == [10, 20, 30]
    assert make("yuva444p10le").to_numpy()[1, 1].tolist() == [10, 20, 30, 40]
    assert make("gray").to_numpy().shape == (4, 6)


def test_to_numpy_is_a_copy() -> None:
    for name in ("gray", "gbrp"):
        frame = make(name)
        frame.to_numpy()[:] = 0
        assert int(frame.planes[0][0, 0]) == 10


def test_to_numpy_refuses_planes_of_different_sizes() -> None:
    with pytest.raises(OptionError, match="yuv420p"):
        make("yuv420p").to_numpy()


def test_frames_compare_by_identity_and_default_to_no_colour() -> None:
    assert make("gray") != make("gray")
    assert make("gray").color == ColorSpec()
    assert make("gray").color.matrix is Matrix.UNSPECIFIED


@pytest.mark.parametrize("name", ["gbrpf32le", "gbrapf32le", "grayf32le"])
def test_formats_of_float32(name: str) -> None:
    fmt = pixel_format(name)
    assert (fmt.name, fmt.is_float, fmt.max_value) == (name, True, 1)
    assert fmt.dtype == np.float32
    assert format_name(fmt.family, fmt.depth, alpha=fmt.alpha) == name


@pytest.mark.parametrize("name", ["yuv444pf32le", "gbrpf32le10", "gbrpf32"])
def test_no_other_formats_of_float32(name: str) -> None:
    with pytest.raises(OptionError, match="pixel format"):
        pixel_format(name)
