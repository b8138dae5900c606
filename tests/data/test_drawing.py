"""Drawings: each sample against a mean of many points of the shapes, and pairs that are the same twice."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from vsr.cli.main import main
from vsr.data.drawing.glyphs import LETTERS, letter_strokes, line_of_text
from vsr.data.drawing.raster import render, shrunk
from vsr.data.drawing.scenes import draw_scene
from vsr.data.drawing.shapes import (
    Gradient,
    Paint,
    Points,
    Region,
    Shape,
    Stroke,
    ellipse,
    hatch_lines,
    spline,
    tapered,
)
from vsr.data.lineart import LineArtOptions, draw_pair
from vsr.media.rgb import read_rgb8

_POINTS = 16
"""A side of a pixel, for the reference."""
BLACK, WHITE, RED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (1.0, 0.0, 0.0)


def reference(shapes: Sequence[Shape], background: Paint, size: int) -> npt.NDArray[np.float64]:
    """Return the picture of size x size by 256 points a pixel, each of one colour."""
    place = (np.arange(size * _POINTS) + 0.5) / _POINTS
    x, y = np.meshgrid(place, place)
    picture = colors(background, x, y)
    for shape in shapes:
        covered = inside(shape, x, y) if isinstance(shape, Region) else near(shape, x, y)
        picture = np.where(covered, colors(shape.paint, x, y), picture)
    means: npt.NDArray[np.float64] = picture.reshape(3, size, _POINTS, size, _POINTS).mean(axis=(2, 4))
    return means


def colors(paint: Paint, x: Points, y: Points) -> npt.NDArray[np.float64]:
    if not isinstance(paint, Gradient):
        return np.array(paint)[:, None, None] * np.ones_like(x)
    (ax, ay), (bx, by) = paint.start, paint.end
    share = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2)
    first, last = (np.array(each)[:, None, None] for each in (paint.first, paint.last))
    mixed: npt.NDArray[np.float64] = first + (last - first) * share.clip(0, 1)
    return mixed


def inside(region: Region, x: Points, y: Points) -> npt.NDArray[np.bool_]:
    odd = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(region.points, np.roll(region.points, -1, axis=0), strict=True):
        if ay != by:
            odd ^= ((ay <= y) != (by <= y)) & (x > ax + (y - ay) * (bx - ax) / (by - ay))
    return odd


def near(stroke: Stroke, x: Points, y: Points) -> npt.NDArray[np.bool_]:
    covered = np.zeros(x.shape, bool)
    for index in range(len(stroke.points) - 1):
        a, way = stroke.points[index], stroke.points[index + 1] - stroke.points[index]
        along = (((x - a[0]) * way[0] + (y - a[1]) * way[1]) / (way @ way)).clip(0, 1)
        width = stroke.widths[index] + (stroke.widths[index + 1] - stroke.widths[index]) * along
        covered |= np.hypot(x - a[0] - along * way[0], y - a[1] - along * way[1]) < width / 2
    return covered


BEND = spline(np.array([[6.0, 8], [50, 14], [34, 55], [9.3, 46]]), closed=True)
WEDGE = np.array([[3.0, 60], [61, 50.5]])
CASES: dict[str, list[Shape]] = {
    "box on the grid": [Region(np.array([[8.0, 8], [24, 8], [24, 40], [8, 40]]), BLACK)],
    "box off the grid": [
        Region(np.array([[8.3125, 8.625], [24.4375, 8.625], [24.4375, 40.1875], [8.3125, 40.1875]]), BLACK)
    ],
    "bent region": [Region(BEND, BLACK)],
    "crossing itself": [Region(np.array([[5.0, 5], [60, 55], [60, 9], [5, 50]]), BLACK)],
    "wedge": [Stroke(WEDGE, np.array([0.0, 7]), BLACK)],
    "tapered line": [Stroke(BEND, tapered(len(BEND), 2.5, 0.3, 0.6), BLACK)],
    "thinner than a pixel": [Stroke(WEDGE, np.array([0.5, 0.5]), BLACK)],
    "gradient": [Region(BEND, Gradient((1.0, 0.0, 0.2), (0.0, 1.0, 0.4), (10.0, 10.0), (40.0, 50.0)))],
    "over the edges": [
        Region(BEND * 2 - 40, BLACK),
        Stroke(WEDGE * 3 - 50, np.array([3.0, 9]), (1.0, 0.0, 0.0)),
    ],
    "one over the other": [Region(BEND, (0.9, 0.6, 0.5)), Stroke(BEND, np.full(len(BEND), 1.5), BLACK)],
}


@pytest.mark.parametrize("case", CASES)
def test_samples_are_means_over_pixels_at_both_sizes(case: str) -> None:
    picture = render(CASES[case], WHITE, 64, 64)
    expected = reference(CASES[case], WHITE, 64)
    off = np.abs(picture - expected) * 255
    assert off.max() < 8  # where edges meet in a cell; a point sample would be off by up to 255
    assert off.mean() < 0.12
    small = expected.reshape(3, 32, 2, 32, 2).mean(axis=(2, 4))
    assert np.abs(shrunk(picture, 2) - small).max() * 255 < 4


def test_a_box_on_the_grid_is_exact() -> None:
    picture = render(CASES["box on the grid"], WHITE, 64, 64)
    expected = np.ones((3, 64, 64))
    expected[:, 8:40, 8:24] = 0
    assert (picture == expected).all()


def test_the_small_picture_is_the_drawing_at_that_size() -> None:
    """Rendered anew from shapes of half the size, it is the same to the error of rendering."""
    blue = (0.2, 0.4, 0.9)
    small: list[Shape] = [Region(BEND / 2, blue), Stroke(WEDGE / 2, np.array([0.0, 3.5]), BLACK)]
    large: list[Shape] = [Region(BEND, blue), Stroke(WEDGE, np.array([0.0, 7]), BLACK)]
    anew, by_means = render(small, WHITE, 32, 32), shrunk(render(large, WHITE, 64, 64), 2)
    assert np.abs(by_means - anew).max() * 255 < 8


def test_blocks_leave_no_seams() -> None:
    region, line = BEND * 5, WEDGE * np.array([5, 4.5])
    shapes: list[Shape] = [Region(region, BLACK), Stroke(line, np.array([1.0, 30]), RED)]
    whole = render(shapes, WHITE, 300, 270)
    moved: list[Shape] = [
        Region(region - 200, BLACK),
        Stroke(line - 200, np.array([1.0, 30]), RED),
    ]
    assert np.abs(whole[:, 200:, 200:] - render(moved, WHITE, 100, 70)).max() < 1e-4


def test_hatching_stays_within() -> None:
    lines = hatch_lines(BEND, 4, 0.7)
    assert len(lines) > 8
    for first, last in lines:
        middle = (first + last) / 2
        assert inside(Region(BEND, BLACK), *middle[:, None, None]).all()
        assert np.arctan2(*(last - first)[::-1]) == pytest.approx(0.7)
    assert hatch_lines(ellipse((0, 0), (1, 1)), 5, 0) == []


@pytest.mark.parametrize("letter", LETTERS)
def test_letters_fill_their_box(letter: str) -> None:
    points = np.concatenate(letter_strokes(letter, 12))
    assert points.min() > -1.5
    assert points[:, 0].max() < 9.5
    assert 11 < points[:, 1].max() < 13


def test_text_ends_where_it_should() -> None:
    for seed in range(8):
        strokes = line_of_text(np.random.default_rng(seed), 20, 300)
        assert 200 < max(points[:, 0].max() for points in strokes) < 305


def test_drawings_have_lines_flat_colours_and_gradients() -> None:
    kinds = set()
    for number in range(12):
        scene = draw_scene(np.random.default_rng((1, number)), 256, 256)
        kinds |= {(type(shape), type(shape.paint)) for shape in scene.shapes}
        assert all(np.isfinite(shape.points).all() for shape in scene.shapes)
    assert {(Stroke, tuple), (Region, tuple), (Region, Gradient)} <= kinds


def test_a_drawing_is_of_its_seed_and_number() -> None:
    options = LineArtOptions(count=5, width=192, height=96, scale=3, seed=7)
    digests = [hashlib.sha256(draw_pair(options, number)[0].tobytes()).hexdigest() for number in (0, 1, 0)]
    assert digests[0] == digests[2] != digests[1]
    other = LineArtOptions(count=5, width=192, height=96, scale=3, seed=8)
    assert hashlib.sha256(draw_pair(other, 0)[0].tobytes()).hexdigest() != digests[0]
    large, small = draw_pair(options, 0)
    assert (large.shape, small.shape) == ((3, 96, 192), (3, 32, 64))
    means = large.reshape(3, 32, 3, 64, 3).mean(axis=(2, 4))
    assert np.abs(small - means).max() < 1  # each is rounded once, from what was not


def test_the_command_writes_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "art"
    command = ["data", "lineart", "--out", str(out), "--count", "2", "--size", "96x64", "--scale", "4"]
    assert main(command) == 0
    assert capsys.readouterr().out == f"2 drawings of 96x64 in {out}, 4 times smaller in {out / 'x4'}\n"
    with (out / "lineart.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["large"] for row in rows] == ["000000.png", "000001.png"]
    options = LineArtOptions(count=9, width=96, height=64, scale=4)
    for number, row in enumerate(rows):
        large, small = draw_pair(options, number)
        assert (read_rgb8(out / row["large"]) == large).all()
        assert (read_rgb8(out / row["small"]) == small).all()
    assert main(command) == 2
    assert "not empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "100x101"], "multiple of --scale 2"),
        (["--size", "8x8"], "16 to 8192"),
        (["--size", "big"], "write WxH like 512x512"),
        (["--scale", "1"], "2 to 8 times"),
        (["--count", "0"], "1 to 1,000,000"),
        (["--seed", "-3"], "--seed -3"),
    ],
)
def test_bad_input_is_a_sentence(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "lineart", "--out", str(tmp_path / "a"), "--count", "1", *arguments]) == 2
    shown = capsys.readouterr().err
    assert sentence in shown and shown.count("\n") == 1
    assert not list(tmp_path.iterdir())
