"""The command from folders to tiles: what is kept, what is dropped and why, and where it lies."""

import csv
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from vsr.cli.main import main
from vsr.data.splits import SPLITS
from vsr.data.tiles import TileOptions, cut, prepare_tiles
from vsr.errors import OptionError
from vsr.media.png import png_bytes
from vsr.media.rgb import read_rgb8
from vsr.train.degrade import Degradation

SIDE = 32


def patches(seed: int, rows: int = 2, columns: int = 3) -> npt.NDArray[np.uint8]:
    """Return a picture of coarse random patches, `rows` by `columns` tiles and some pixels more."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, rows * 8, columns * 8), np.uint8)
    return np.pad(coarse.repeat(4, axis=1).repeat(4, axis=2), ((0, 0), (0, 5), (0, 7)))


def save(folder: Path, **pictures: npt.NDArray[np.uint8]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rgb in pictures.items():
        (folder / f"{name}.png").write_bytes(png_bytes(rgb))
    return folder


def manifest(out: Path) -> list[dict[str, str]]:
    with (out / "tiles.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_cut_gives_whole_tiles_at_their_places() -> None:
    rgb = patches(1)
    for stride in (SIDE, 20):
        found = [
            (tile, place)
            for tiles, places in cut(rgb, SIDE, stride)
            for tile, place in zip(tiles, places, strict=True)
        ]
        assert [place for _, place in found] == [
            (x, y) for y in range(0, 69 - SIDE + 1, stride) for x in range(0, 103 - SIDE + 1, stride)
        ]
        for tile, (x, y) in found:
            assert (tile == rgb[:, y : y + SIDE, x : x + SIDE]).all()
    assert not list(cut(rgb, 70, 70))


def test_each_tile_has_its_fate(tmp_path: Path) -> None:
    first, second = patches(1), patches(2)
    second[:, :SIDE, :SIDE] = 200  # flat
    second[:, SIDE : 2 * SIDE, :SIDE] = np.linspace(30, 230, SIDE).astype(np.uint8)  # smooth
    second[:, :SIDE, SIDE : 2 * SIDE] = first[:, :SIDE, SIDE : 2 * SIDE]  # there before
    pictures = save(tmp_path / "in", first=first, second=second, tiny=first[:, :20, :20])
    outcome = prepare_tiles([pictures], tmp_path / "out", TileOptions(size=SIDE, min_gradient=7))
    assert outcome.counts() == {"cut": 12, "flat": 1, "smooth": 1, "duplicate": 1, "kept": 9}
    assert [path.name for path in outcome.too_small] == ["tiny.png"]
    rows = manifest(tmp_path / "out")
    assert [row["dropped"] for row in rows[6:9]] == ["flat", "duplicate", ""]
    assert rows[9]["dropped"] == "smooth"
    assert rows[7]["detail"] == f"0 bits from {rows[1]['file']}"
    for row in rows:
        assert (row["file"] == "") == (row["dropped"] != "")
        if row["file"]:
            x, y = int(row["x"]), int(row["y"])
            source = read_rgb8(Path(row["source"]))
            assert (read_rgb8(tmp_path / "out" / row["file"]) == source[:, y : y + SIDE, x : x + SIDE]).all()
    written = {f"{path.parent.name}/{path.name}" for path in (tmp_path / "out").glob("*/*.png")}
    assert written == {row["file"] for row in rows if row["file"]}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [*SPLITS, "tiles.csv", "report.html"]
    )


def test_no_picture_is_in_two_splits_and_neither_are_pictures_that_share_a_tile(tmp_path: Path) -> None:
    pictures = {f"p{index:02d}": patches(index) for index in range(24)}
    pictures["p20"][:, :SIDE, :SIDE] = pictures["p03"][:, :SIDE, :SIDE]
    save(tmp_path / "in", **pictures)
    for seed in (1, 2, 3):
        out = tmp_path / f"out{seed}"
        prepare_tiles([tmp_path / "in"], out, TileOptions(size=SIDE, seed=seed, split=(0.5, 0.25, 0.25)))
        splits: dict[str, set[str]] = {}
        for row in manifest(out):
            if row["split"]:
                splits.setdefault(Path(row["source"]).stem, set()).add(row["split"])
        assert all(len(each) == 1 for each in splits.values())
        assert splits["p20"] == splits["p03"]
        assert set().union(*splits.values()) == set(SPLITS)


def test_it_is_the_same_twice(tmp_path: Path) -> None:
    save(tmp_path / "in", **{f"p{index}": patches(index) for index in range(8)})
    options = TileOptions(size=SIDE, scale=2, degradation=Degradation(noise=9, codec="h264"))
    for name in ("one", "two"):
        prepare_tiles([tmp_path / "in"], tmp_path / name, options)
    files = sorted(
        path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()
    )
    assert sum(path.suffix == ".png" for path in files) == 2 * 48
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_the_smaller_tile_is_the_degraded_one(tmp_path: Path) -> None:
    save(tmp_path / "in", a=patches(1))
    options = TileOptions(size=SIDE, scale=4, degradation=Degradation(scaler="area"))
    prepare_tiles([tmp_path / "in"], tmp_path / "out", options)
    for path in (tmp_path / "out").glob("*/*.png"):
        means = read_rgb8(path).reshape(3, 8, 4, 8, 4).mean(axis=(2, 4))
        assert np.abs(read_rgb8(path.parent / "x4" / path.name) - means).max() <= 0.5


def test_the_report_stands_alone(tmp_path: Path) -> None:
    flat = np.full((3, SIDE, SIDE), 9, np.uint8)
    save(tmp_path / "in", a=patches(1), b=patches(1), **{"<c> & d": flat})
    prepare_tiles([tmp_path / "in"], tmp_path / "out", TileOptions(size=SIDE))
    page = (tmp_path / "out" / "report.html").read_text()
    assert all(f"Dropped: {reason}" in page for reason in ("flat", "smooth", "duplicate"))
    assert "color-scheme: light dark" in page
    assert "&lt;c&gt; &amp; d.png" in page and "<c>" not in page
    sources = re.findall(r"(?:src|href)=\"([^\"]{0,22})", page)
    assert len(sources) == 6 + 6 * 2 + 1  # kept, duplicates with their twins, flat
    assert set(sources) == {"data:image/png;base64,"}


def test_what_cannot_be_read_is_said_and_is_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "in", a=patches(1))
    (tmp_path / "in" / "bad.png").write_text("no picture")
    assert main(["data", "tiles", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--size", "32"]) == 3
    shown = capsys.readouterr()
    assert "bad.png: " in shown.err
    assert shown.out.startswith("6 cut, 0 flat, 0 smooth, 0 duplicate, 6 kept\n")
    assert "bad.png" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--size", "8"], "16 to 4096"),
        (["--size", "512"], "no picture has 512 pixels both ways; choose a smaller --size"),
        (["--stride", "-1"], "--stride -1"),
        (["--every", "nan"], "--every nan"),
        (["--max-distance", "101"], "0 to 100 percent"),
        (["--max-cluster", "0"], "--max-cluster 0"),
        (["--max-cluster", "0.001"], "no tile was kept of 6 (6 flat, 0 smooth, 0 duplicate)"),
        (["--min-gradient", "-1"], "--min-gradient -1"),
        (["--split", "1/2"], "like 80/10/10"),
        (["--scale", "5"], "divides --size 32"),
        (["--seed", "-1"], "--seed -1"),
        (["--degrade", "noise=3"], "add --scale 2"),
        (["--scale", "2", "--degrade", "nose=3"], "Did you mean 'noise'?"),
        (["--scale", "2", "--degrade", "codec=h264", "--degrade", "crf=60"], "0 to 51"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_a_sentence_and_leaves_nothing(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path / "in", a=patches(1))
    command = ["data", "tiles", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--size", "32"]
    assert main([*command, *arguments]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err and shown.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    save(tmp_path / "in", a=patches(1))
    out = save(tmp_path / "out", mine=patches(2))
    with pytest.raises(OptionError, match="not empty"):
        prepare_tiles([tmp_path / "in"], out, TileOptions(size=SIDE))
    with pytest.raises(OptionError, match="that is a file"):
        prepare_tiles([tmp_path / "in"], out / "mine.png", TileOptions(size=SIDE))
    with pytest.raises(OptionError, match=r"cannot be made \(Not a directory\); choose another place"):
        prepare_tiles([tmp_path / "in"], out / "mine.png" / "tiles", TileOptions(size=SIDE))
    (tmp_path / "empty").mkdir()
    prepare_tiles([tmp_path / "in"], tmp_path / "empty", TileOptions(size=SIDE))
    assert (tmp_path / "empty" / "tiles.csv").exists()


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(*numbers: int) -> None:
        raise KeyboardInterrupt

    save(tmp_path / "in", a=patches(1))
    with pytest.raises(KeyboardInterrupt):
        prepare_tiles([tmp_path / "in"], tmp_path / "out", TileOptions(size=SIDE), interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
