"""Bytes that a run copies in host memory beside its own work."""

from pathlib import Path

from tests.make_media import Clip, Picture, make, png
from vsr.options import UpscaleOptions
from vsr.pipeline.job import Job
from vsr.pipeline.report import Report


def upscaled(source: Path, result: Path) -> Report:
    with Job(str(source), str(result), UpscaleOptions(model="bilinear", scale=2, overwrite=True)) as job:
        return job.run()


def test_planes_are_handed_on_as_they_are(tmp_path: Path) -> None:
    clip = make(tmp_path / "in.mkv", Clip(picture=Picture(frames=5)))
    assert upscaled(clip, tmp_path / "out.mkv").copied_bytes == 0


def test_packed_samples_are_unpacked_and_packed_again(tmp_path: Path) -> None:
    (tmp_path / "in.png").write_bytes(png(32, 16))
    report = upscaled(tmp_path / "in.png", tmp_path / "out.png")
    assert report.copied_bytes == 3 * 32 * 16 + 3 * 64 * 32
    assert report.to_json()["copied_bytes"] == report.copied_bytes
