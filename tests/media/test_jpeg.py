"""JPEG files of frames, read back by FFmpeg's decoder."""

from __future__ import annotations

import io

import av
import numpy as np
import numpy.typing as npt
import pytest

from vsr.color import ColorSpec, Matrix, Range
from vsr.frame import Frame, empty_frame, pixel_format
from vsr.media.jpeg import JpegEncoder
from vsr.ops.matrices import from_rgb

SOFT = 6
"""What coding may change in an even area, of 255."""
RED, BLUE = (0.9, 0.2, 0.3), (0.1, 0.3, 0.8)


def read(data: bytes) -> npt.NDArray[np.uint8]:
    """Return R G B (H, W, 3), as browsers understand JFIF: BT.601, full range."""
    with av.open(io.BytesIO(data), "r", format="jpeg_pipe") as container:
        picture = next(container.decode(video=0))
        assert picture.format.name == "yuvj420p"
        return np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)


def halves(name: str, color: ColorSpec, width: int = 64, height: int = 48) -> Frame:
    """A frame of RED to the left and BLUE to the right."""
    frame = empty_frame(width, height, pixel_format(name), color=color)
    codes = from_rgb(frame.format, color) @ np.array([[*RED, 1], [*BLUE, 1]]).T
    for plane, (left, right) in zip(frame.planes, np.rint(codes), strict=False):
        middle = plane.shape[1] // 2
        plane[:, :middle], plane[:, middle:] = left, right
    if frame.format.alpha:
        frame.planes[-1][...] = frame.format.max_value // 2
    return frame


def check_halves(picture: npt.NDArray[np.uint8]) -> None:
    quarter = picture.shape[1] // 4
    for part, wanted in ((picture[:, :quarter], RED), (picture[:, -quarter:], BLUE)):
        error = np.abs(part.reshape(-1, 3).mean(axis=0) - np.array(wanted) * 255)
        assert error.max() <= SOFT, f"{wanted}: {error}"


@pytest.mark.parametrize("range_", [Range.LIMITED, Range.FULL])
@pytest.mark.parametrize("matrix", [Matrix.BT709, Matrix.BT470BG, Matrix.BT2020_NCL])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuva444p"])
def test_colours_are_what_they_were(name: str, matrix: Matrix, range_: Range) -> None:
    frame = halves(name, ColorSpec(matrix=matrix, range=range_))
    check_halves(read(JpegEncoder(max_width=640, quantizer=2)(frame)))


@pytest.mark.parametrize("name", ["gbrp", "gbrap", "gbrp10le"])
def test_colours_of_rgb(name: str) -> None:
    frame = halves(name, ColorSpec(matrix=Matrix.RGB, range=Range.FULL))
    check_halves(read(JpegEncoder(max_width=640, quantizer=2)(frame)))


def test_gray() -> None:
    frame = empty_frame(32, 32, pixel_format("gray"), color=ColorSpec(range=Range.LIMITED))
    frame.planes[0][...] = 126
    assert np.abs(read(JpegEncoder(max_width=640, quantizer=2)(frame)).astype(int) - 128).max() <= 3


@pytest.mark.parametrize(
    ("size", "want"), [((64, 48), (64, 48)), ((200, 100), (80, 40)), ((161, 3), (80, 1)), ((1, 1), (1, 1))]
)
def test_wide_frames_are_shrunk(size: tuple[int, int], want: tuple[int, int]) -> None:
    frame = halves("yuv420p", ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED), *size)
    height, width, _ = read(JpegEncoder(max_width=80, quantizer=4)(frame)).shape
    assert (width, height) == want


def test_each_frame_gives_its_own_file_though_the_size_changes() -> None:
    encoder = JpegEncoder(max_width=640, quantizer=3)
    color = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED)
    for width in (64, 64, 32, 64):
        picture = read(encoder(halves("yuv420p", color, width)))
        assert picture.shape[1] == width
        check_halves(picture)
