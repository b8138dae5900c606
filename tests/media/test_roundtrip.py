"""A film through a codec in memory."""

import numpy as np
import pytest

from vsr.errors import OptionError
from vsr.frame import Plane
from vsr.media.roundtrip import CODECS, round_trip


def noise(width: int, height: int, frames: int = 5) -> list[tuple[Plane, ...]]:
    rng = np.random.default_rng(width)
    shapes = ((height, width), (height // 2, width // 2), (height // 2, width // 2))
    return [tuple(rng.integers(0, 256, shape, np.uint8) for shape in shapes) for _ in range(frames)]


def film(frames: int = 7) -> list[tuple[Plane, ...]]:
    """Return frames of 4:2:0 that move, each of another brightness."""
    y, x = np.mgrid[:48, :64]
    pictures: list[tuple[Plane, ...]] = []
    for number in range(frames):
        luma = (60 + 15 * number + 30 * np.sin((x + 2 * number) / 6) * np.cos(y / 9)).astype(np.uint8)
        pictures.append((luma, np.full((24, 32), 100 + number, np.uint8), np.full((24, 32), 140, np.uint8)))
    return pictures


@pytest.mark.parametrize("codec", CODECS)
def test_every_frame_comes_back_in_order_and_alike(codec: str) -> None:
    frames = film()
    back = round_trip(frames, codec=codec, crf=12)
    assert len(back) == len(frames)
    for before, after in zip(frames, back, strict=True):
        for one, other in zip(before, after, strict=True):
            assert one.shape == other.shape
            assert np.abs(one.astype(int) - other).mean() < 2.5
    again = round_trip(frames, codec=codec, crf=12)
    assert all(
        (a == b).all()
        for one, other in zip(back, again, strict=True)
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize(
    "size", [(2, 2), (16, 16), (32, 64), (48, 48), (36, 24), (96, 64), (130, 90)], ids=str
)
@pytest.mark.parametrize("codec", CODECS)
def test_it_is_the_same_each_time_at_any_size(codec: str, size: tuple[int, int]) -> None:
    """Of noise, on which x264 and x265 otherwise differ from run to run, or crash, at some of these sizes."""
    frames = noise(*size)
    first = round_trip(frames, codec=codec, crf=25)
    assert [[plane.shape for plane in picture] for picture in first] == [
        [plane.shape for plane in picture] for picture in frames
    ]
    for _ in range(6):
        again = round_trip(frames, codec=codec, crf=25)
        for one, other in zip(first, again, strict=True):
            assert all((a == b).all() for a, b in zip(one, other, strict=True))


def test_an_encoder_that_is_not_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: str) -> None:
        raise ValueError

    monkeypatch.setattr("av.CodecContext.create", missing)
    with pytest.raises(OptionError, match="this FFmpeg has no libx264; choose another codec than h264"):
        round_trip(film(1), codec="h264", crf=20)
