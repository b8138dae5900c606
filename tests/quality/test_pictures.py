"""Folders, videos and tiles as pictures to be enlarged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.make_media import Clip, Picture, make
from tests.quality.samples import drawing, folder_of, write_png
from vsr.errors import DecodeError, OptionError
from vsr.frame import empty_frame, pixel_format
from vsr.media.png import png_bytes
from vsr.media.rgb import RGB_COLOR, frame_rgb, read_rgb
from vsr.quality.pictures import Pictures, resized, spread


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (64, 33)])
def test_what_is_written_as_png_is_read_back(size: tuple[int, int], tmp_path: Path) -> None:
    rgb = drawing(*size)
    path = write_png(tmp_path / "p.png", rgb)
    np.testing.assert_array_equal(np.rint(read_rgb(path) * 255).transpose(1, 2, 0), rgb)
    assert png_bytes(rgb.transpose(2, 0, 1)).startswith(b"\x89PNG")


def test_a_folder_in_order_cropped_to_whole_blocks(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set", (50, 31), (48, 30))
    (folder / "notes.txt").write_text("no picture")
    found = list(Pictures(str(folder), scale=3))
    assert [p.name for p in found] == ["p0", "p1"]
    assert [p.high.shape for p in found] == [(3, 30, 48), (3, 30, 48)]
    assert [p.low.shape for p in found] == [(3, 10, 16), (3, 10, 16)]
    np.testing.assert_array_equal(found[0].low, resized(found[0].high, 16, 10))
    assert len(list(Pictures(str(folder), scale=3))) == 2, "it can be read again"


def test_one_image_is_a_set_too(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, (40, 40))
    assert [p.name for p in Pictures(str(folder / "p0.png"), scale=2)] == ["p0"]


@pytest.mark.parametrize(
    ("count", "limit", "wanted"), [(3, None, [0, 1, 2]), (3, 5, [0, 1, 2]), (9, 3, [1, 4, 7]), (4, 1, [2])]
)
def test_limits_are_spread(count: int, limit: int | None, wanted: list[int]) -> None:
    assert spread(count, limit) == wanted


def test_tiles_that_hold_something(tmp_path: Path) -> None:
    rgb = drawing(70, 45)
    rgb[:20, :20] = 90
    write_png(tmp_path / "p.png", rgb)
    found = list(Pictures(str(tmp_path), scale=2, tile=21))
    assert [p.name for p in found] == ["p 20,0", "p 40,0", "p 0,20", "p 20,20", "p 40,20"]
    assert {p.high.shape for p in found} == {(3, 20, 20)}
    np.testing.assert_array_equal(np.rint(found[3].high * 255).transpose(1, 2, 0), rgb[20:40, 20:40])
    assert len(list(Pictures(str(tmp_path), scale=2, tile=21, limit=2))) == 2
    with pytest.raises(OptionError, match="no tile of 80x80 pixels"):
        list(Pictures(str(tmp_path), scale=2, tile=80))


def test_frames_of_a_video_at_equal_distances(tmp_path: Path) -> None:
    clip = make(tmp_path / "c.mkv", Clip(picture=Picture(codec="ffv1", frames=12)))
    found = list(Pictures(str(clip), scale=2, limit=3))
    assert [p.name for p in found] == ["frame 2", "frame 6", "frame 10"]
    assert not np.array_equal(found[0].high, found[1].high)
    assert len(list(Pictures(str(clip), scale=2))) == 10


def test_what_is_transparent_lies_over_white() -> None:
    frame = empty_frame(5, 4, pixel_format("gbrap"))
    for plane in frame.planes[:3]:
        plane[...] = 100
    for alpha, wanted in ((255, 100 / 255), (0, 1.0), (51, 20 / 255 + 0.8)):
        frame.planes[3][...] = alpha
        np.testing.assert_allclose(frame_rgb(frame, RGB_COLOR), wanted, atol=1e-6)


def test_reduced_pictures_of_a_folder(tmp_path: Path) -> None:
    high = folder_of(tmp_path / "high", (40, 40), (44, 41))
    low = tmp_path / "low"
    write_png(low / "p0.png", drawing(20, 20, 7))
    write_png(low / "p1x2.png", drawing(22, 20, 8))
    found = list(Pictures(str(high), scale=2, low=str(low)))
    np.testing.assert_array_equal(np.rint(found[1].low * 255).transpose(1, 2, 0), drawing(22, 20, 8))
    with pytest.raises(OptionError, match=r"p0\.png is 20x20, .* for scale 3 it must be 13x13"):
        list(Pictures(str(high), scale=3, low=str(three(tmp_path))))


def three(folder: Path) -> Path:
    """A folder of reduced pictures of the wrong size."""
    for name in ("p0", "p1"):
        write_png(folder / "three" / f"{name}.png", drawing(20, 20))
    return folder / "three"


def test_refusals(tmp_path: Path) -> None:
    high = folder_of(tmp_path / "high", (40, 40))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(OptionError, match="holds no images"):
        Pictures(str(empty), scale=2)
    with pytest.raises(OptionError, match=r"has no p0 or p0x2 for p0\.png"):
        Pictures(str(high), scale=2, low=str(other(tmp_path)))
    with pytest.raises(OptionError, match="tiles are cut without"):
        Pictures(str(high), scale=2, low=str(high), tile=16)
    with pytest.raises(OptionError, match="--limit is 0"):
        Pictures(str(high), scale=2, limit=0)
    with pytest.raises(OptionError, match="--tile is 3; give 4 pixels or more"):
        Pictures(str(high), scale=2, tile=3)
    with pytest.raises(OptionError, match="too small for scale 4"):
        list(Pictures(str(write_png(tmp_path / "thin.png", drawing(3, 40))), scale=4))
    with pytest.raises(DecodeError, match="no such file"):
        list(Pictures(str(tmp_path / "absent.mkv"), scale=2))


def other(folder: Path) -> Path:
    """A folder of pictures with other names."""
    write_png(folder / "other" / "q.png", drawing(20, 20))
    return folder / "other"
