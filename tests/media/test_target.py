"""Where results may go: what exists stays unless it is given up, and names are names."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import vsr
from tests.make_media import Clip, Picture, make, png
from vsr.errors import DecodeError, EncodeError, OptionError, VsrError
from vsr.media.images import StandardInput, as_path, ffmpeg_url, files_of, is_sequence, is_url, sequence_url
from vsr.media.reader import Reader
from vsr.media.target import resolve
from vsr.media.writer import Writer
from vsr.pipeline.job import Job


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make(tmp_path / "in.mkv", Clip(picture=Picture(frames=3)))


def images(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_bytes(png())


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# -- sequences


def test_a_sequence_is_not_written_over_unasked(tmp_path: Path, clip: Path) -> None:
    images(tmp_path, "f2.png", "f3.png")
    before = content(tmp_path)
    with pytest.raises(OptionError, match=r"2 files of this pattern exist; add -y"):
        vsr.upscale(clip, tmp_path / "f%d.png", model="lanczos3")
    assert content(tmp_path) == before
    vsr.upscale(clip, tmp_path / "f%d.png", overwrite=True, model="lanczos3")
    assert (tmp_path / "f2.png").read_bytes() != before["f2.png"]


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("f%03d.png", "f%03d.png"),
        ("f%03d.png", "./f%03d.png"),
        ("f002.png", "f%03d.png"),
        ("f%03d.png", "f001.png"),
        ("f%03d.png", "link/f%03d.png"),
        ("f%03d.png", "hard%d.png"),
    ],
)
def test_a_source_sequence_is_never_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, result: str
) -> None:
    monkeypatch.chdir(tmp_path)
    images(tmp_path, "f001.png", "f002.png")
    (tmp_path / "link").symlink_to(".")
    (tmp_path / "hard1.png").hardlink_to("f001.png")
    before = content(tmp_path)
    with pytest.raises(OptionError, match="same file"):
        vsr.upscale(source, result, overwrite=True, model="lanczos3")
    assert content(tmp_path) == before


def test_only_names_that_ffmpeg_makes_match(tmp_path: Path) -> None:
    images(tmp_path, "f1.png", "f02.png", "f003.png", "f1000.png", "fx.png", "gf1.png")
    matches = {
        pattern: sorted(path.name for path in files_of(str(tmp_path / pattern)))
        for pattern in ("f%d.png", "f%03d.png", "f%2d.png")
    }
    assert matches == {
        "f%d.png": ["f1.png", "f1000.png"],
        "f%03d.png": ["f003.png", "f1000.png"],
        "f%2d.png": ["f02.png", "f1000.png"],
    }


# -- names


@pytest.mark.parametrize(
    ("name", "path", "url"),
    [
        ("in.mkv", "in.mkv", "file:in.mkv"),
        ("file:in.mkv", "in.mkv", "file:in.mkv"),
        ("file:///videos/in.mkv", "/videos/in.mkv", "file:/videos/in.mkv"),
        ("Movie: part.mkv", "Movie: part.mkv", "file:Movie: part.mkv"),
        ("a:b://c.mkv", "a:b://c.mkv", "file:a:b://c.mkv"),
        ("https://example.org/a.mkv", "https://example.org/a.mkv", "https://example.org/a.mkv"),
        ("concat:a.ts|b.ts", "concat:a.ts|b.ts", "concat:a.ts|b.ts"),
    ],
)
def test_what_ffmpeg_is_given(name: str, path: str, url: str) -> None:
    assert (as_path(name), ffmpeg_url(name)) == (path, url)


def test_a_file_comes_before_a_scheme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_url("data: one.mkv")
    Path("data: one.mkv").touch()
    assert not is_url("data: one.mkv")


def test_only_the_last_number_counts() -> None:
    assert sequence_url("100% d%d/S%d_%%_%03d.png") == "file:100%% d%%d/S%%d_%%_%03d.png"


NAMES = ["Movie: part.mkv", "http:x.mkv", "100% %d.mkv", "a?b*{c}[d].mkv", "-x.mkv"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_read(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    clip.rename(name)
    with Reader(name) as reader:
        assert sum(1 for _ in reader) == 3
    with Reader(f"file:{name}") as reader:
        assert sum(1 for _ in reader) == 3


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_written(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    vsr.upscale(clip, name, threads=1, model="lanczos3")
    assert {path.name for path in tmp_path.iterdir()} == {"in.mkv", name}
    with Reader(f"./{name}") as reader:
        assert reader.video.width == 128


@pytest.mark.parametrize("name", ["a: 1.png", "50% off.png", "x%03d.png", "y%%.png", "d%d/z[1].png"])
def test_any_image_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(exist_ok=True)
    images(tmp_path, name)
    assert not is_sequence(name)
    with Reader(name) as reader:
        assert sum(1 for _ in reader) == 1
    shutil.move(name, "in.png")
    Path(name).write_bytes(b"old")
    vsr.upscale("in.png", name, overwrite=True, model="lanczos3")
    assert Path(name).read_bytes().startswith(b"\x89PNG")


def test_a_sequence_in_a_folder_with_percent(tmp_path: Path) -> None:
    folder = tmp_path / "a%d: 5%"
    folder.mkdir()
    images(folder, "f7.png", "f8.png")
    with Reader(folder / "f%d.png") as reader:
        assert sum(1 for _ in reader) == 2
    vsr.upscale(folder / "f%d.png", folder / "g%d.png", model="lanczos3")
    assert {path.name for path in folder.iterdir()} == {"f7.png", "f8.png", "g1.png", "g2.png"}


@pytest.mark.parametrize("prefix", ["file:", "file://"])
def test_a_file_url_is_no_way_around(clip: Path, prefix: str) -> None:
    before = clip.read_bytes()
    for source, result in ((f"{prefix}{clip}", str(clip)), (str(clip), f"{prefix}{clip}")):
        with pytest.raises(OptionError):
            vsr.upscale(source, result, overwrite=True, model="lanczos3")
    assert clip.read_bytes() == before


def test_closed_streams_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.__stdout__", None)
    with pytest.raises(EncodeError, match="standard output: it is closed"):
        resolve("-", None, overwrite=False, source="in.mkv")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DecodeError, match="standard input: it is closed"):
        StandardInput()


# -- images


@pytest.mark.parametrize(("name", "words"), [("out%d.xyz", "'.xyz'"), ("out", "without suffix")])
def test_an_unknown_kind_of_image(tmp_path: Path, clip: Path, name: str, words: str) -> None:
    with pytest.raises(OptionError, match=rf"{words} is no kind of image; use one of \.png, "):
        vsr.upscale(clip, tmp_path / name, format="image2", model="lanczos3")


def test_permissions_of_the_folder_hold(tmp_path: Path, clip: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(EncodeError, match="no permission"):
        vsr.upscale(clip, folder / "out.mkv", model="lanczos3")


@pytest.mark.parametrize("frames", [3, None], ids=["stated", "unstated"])
def test_a_video_is_not_put_into_one_image(tmp_path: Path, frames: int | None) -> None:
    clip = make(tmp_path / ("in.mp4" if frames else "in.mkv"), Clip(picture=Picture(frames=3)))
    (tmp_path / "out.png").write_bytes(b"old")
    with pytest.raises(OptionError, match=r"more than one frame; write to .*out%05d\.png, or cut"):
        vsr.upscale(clip, tmp_path / "out.png", overwrite=True, model="lanczos3")
    assert (tmp_path / "out.png").read_bytes() == b"old"
    report = vsr.upscale(
        clip, tmp_path / "out.png", overwrite=True, start="0.04", duration="0.04", model="lanczos3"
    )
    assert report.statistics.frames_done == 1
    with Reader(tmp_path / "out.png") as reader:
        assert reader.video.width == 128


# -- headers


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("out.mov", {"encoder": "libvpx-vp9"}),
        ("out.mp4", {"encoder": "rawvideo"}),
        ("out", {"encoder": "libx264", "format": "flv", "encoder_options": ("sc_threshold=0",)}),
    ],
)
def test_an_existing_file_outlives_a_refused_header(
    tmp_path: Path, clip: Path, name: str, options: dict[str, Any]
) -> None:
    (tmp_path / name).write_bytes(b"old")
    try:
        Job(
            str(clip), str(tmp_path / name), vsr.UpscaleOptions(model="lanczos3", overwrite=True, **options)
        ).close()
    except OptionError as error:
        assert name in str(error) or "cannot carry" in str(error)
    assert (tmp_path / name).read_bytes() == b"old"


def test_a_refused_header_is_said_while_planning(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(OptionError, match=r"out\.mov: mov refuses these streams \(.*vp9.*\); use \.mkv"):
        Job(str(clip), str(tmp_path / "out.mov"), vsr.UpscaleOptions(encoder="libvpx-vp9", model="lanczos3"))
    assert not (tmp_path / "out.mov").exists()


def test_an_empty_file_does_not_stay(tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the real header be refused after all."""
    monkeypatch.setattr(Writer, "_try_header", lambda self: None)
    with pytest.raises(VsrError):
        vsr.upscale(clip, tmp_path / "out.mov", encoder="libvpx-vp9", model="lanczos3")
    assert not (tmp_path / "out.mov").exists()
