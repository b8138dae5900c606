"""Pictures from folders and videos: which files, which frames."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.make_media import Clip, Picture, make
from vsr.data.sources import CutFinder, find_files, pictures_of
from vsr.errors import DecodeError, OptionError
from vsr.frame import Frame, pixel_format
from vsr.media.png import png_bytes
from vsr.train.degrade import resized


def image(path: Path, side: int = 32) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_bytes(np.random.default_rng(1).integers(0, 256, (3, side, side), np.uint8)))
    return path


def test_files_at_any_depth_once_and_in_order(tmp_path: Path) -> None:
    b, a = image(tmp_path / "b.png"), image(tmp_path / "sub" / "a.PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    film = make(tmp_path / "film.mkv")
    assert find_files([tmp_path, b]) == [b, film, a]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nothing", "no such file"),
        ("empty", "no images and no videos"),
        ("x.txt", "neither an image nor a video"),
    ],
)
def test_what_is_no_source_is_refused(name: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.txt").write_text("no picture")
    with pytest.raises(OptionError, match=sentence):
        find_files([tmp_path / name])


def test_an_image_is_one_picture(tmp_path: Path) -> None:
    [picture] = pictures_of(image(tmp_path / "a.png"), 5)
    assert picture.rgb.shape == (3, 32, 32)
    assert (picture.seconds, picture.scene) == (None, 0)


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        (0, [(0, 0), (0.7, 1), (1.9, 2)]),
        (1, [(0, 0), (0.7, 1), (1.7, 1), (1.9, 2)]),
        (0.5, [(0, 0), (0.5, 0), (0.7, 1), (1.2, 1), (1.7, 1), (1.9, 2), (2.4, 2)]),
    ],
)
def test_a_video_gives_a_frame_at_each_cut_and_others_in_time(
    every: float, expected: list[tuple[float, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = make(tmp_path / "film.mkv", Clip(picture=Picture(frames=26, rate=Fraction(10))))
    monkeypatch.setattr(CutFinder, "is_cut", lambda self, frame: frame.pts_seconds in (0.7, 1.9))
    found = list(pictures_of(film, every))
    assert [(picture.seconds, picture.scene) for picture in found] == expected
    assert all(picture.rgb.shape == (3, 48, 64) for picture in found)


def gray(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], name: str) -> Frame:
    fmt = pixel_format(name)
    return Frame(planes=((values * fmt.max_value).astype(fmt.dtype),), format=fmt)


@pytest.mark.parametrize("name", ["gray", "gray10le"])
def test_cuts_are_found_and_pans_are_not(name: str) -> None:
    """Four scenes, each of which moves all the time: the first slowly, the last fast."""
    rng = np.random.default_rng(3)
    cuts, found = CutFinder(), []
    for scene, speed in enumerate((1, 3, 8, 24)):
        coarse = rng.random((1, 3, 20), np.float32)
        world = resized(coarse, 120, 800, "bilinear")[0].astype(np.float64)
        for step in range(20):
            found += [(scene, step)] * cuts.is_cut(gray(world[:, step * speed :][:, :200], name))
    assert found == [(1, 0), (2, 0), (3, 0)]


def test_a_damaged_video_gives_what_it_has_and_then_says_so(tmp_path: Path) -> None:
    film = make(tmp_path / "film.mkv", Clip(picture=Picture(frames=50)))
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    pictures = pictures_of(film, 0.4)
    assert next(pictures).seconds == 0
    with pytest.raises(DecodeError, match=r"film\.mkv: "):
        list(pictures)
