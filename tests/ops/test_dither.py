"""Ordered dithering: means stay, patterns move, and numbers decide."""

import numpy as np
import pytest

from tests.ops.pictures import noise, spec
from vsr.color import Range
from vsr.errors import OptionError
from vsr.frame import pixel_format
from vsr.ops.dither import SIDE, Dither, seed, thresholds


@pytest.mark.parametrize("number", range(0, 400, 7))
def test_thresholds_are_each_place_once(number: int) -> None:
    found = thresholds((SIDE, SIDE), number, np.float32)
    np.testing.assert_array_equal(np.sort(found, axis=None) * 128, np.arange(-63, 64, 2))


def test_the_pattern_repeats_in_space_and_moves_in_time() -> None:
    whole = thresholds((24, 40), 5, np.float32)
    np.testing.assert_array_equal(whole, np.tile(whole[:SIDE, :SIDE], (3, 5)))
    frames = {thresholds((SIDE, SIDE), seed(frame, 0), np.float32).tobytes() for frame in range(64)}
    assert len(frames) >= 32


@pytest.mark.parametrize("target", ["yuv420p", "yuv420p10le"])
def test_areas_keep_their_mean(target: str) -> None:
    source = spec(32, 32, "yuv420p16le")
    dither = Dither(source, pixel_format(target))
    unit = 1 << (16 - dither.output.format.depth)
    for code in (unit * 40, unit * 40 + unit // 3, unit * 40 + unit // 2, unit * 41 - 1):
        planes = tuple(np.full_like(plane, code) for plane in noise(source))
        for plane in dither.reference(planes, frame=3):
            assert abs(plane.mean() - code / unit) <= 1 / 128
            assert plane.max() - plane.min() <= 1


@pytest.mark.parametrize("value_range", [Range.LIMITED, Range.FULL])
def test_black_and_white_stay_as_they_are(value_range: Range) -> None:
    source = spec(16, 16, "gray10le", range=value_range)
    dither = Dither(source, pixel_format("gray"))
    pairs = ((64, 16), (940, 235)) if value_range is Range.LIMITED else ((0, 0), (1023, 255))
    for code, want in pairs:
        (plane,) = dither.reference((np.full((16, 16), code, np.uint16),))
        assert (plane == want).all()


@pytest.mark.parametrize("name", ["yuv444p", "yuv420p12le", "yuv420p16le", "gray", "gbrp"])
def test_other_formats_are_refused(name: str) -> None:
    with pytest.raises(OptionError, match="the same components with fewer bits"):
        Dither(spec(8, 8, "yuv420p12le"), pixel_format(name))
