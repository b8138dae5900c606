"""Pictures, degradations, tiles and the papers' protocol."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.train.scenes import fill, scene  # noqa: E402
from vsr.errors import OptionError  # noqa: E402
from vsr.media.png import png_bytes  # noqa: E402
from vsr.media.rgb import read_rgb8  # noqa: E402
from vsr.train.data import load_tiles  # noqa: E402
from vsr.train.degrade import Degradation, degraded, luma, resized  # noqa: E402
from vsr.train.evaluate import Pair, load_pairs, mean_psnr, psnr  # noqa: E402
from vsr.train.networks.layers import Bicubic  # noqa: E402
from vsr.train.pictures import floats, picture_files  # noqa: E402
from vsr.train.recipe import DataOptions  # noqa: E402

SET5 = Path(__file__).parents[3] / "shared/data/test/Set5"


@pytest.mark.skipif(not SET5.is_dir(), reason="../shared/data/test/Set5 is not here")
@pytest.mark.parametrize(("scale", "published"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_bicubic_on_set5_is_as_published(scale: int, published: float) -> None:
    pairs = load_pairs(picture_files(SET5), scale, "luma", Degradation(), 1)
    assert round(mean_psnr(Bicubic(scale), pairs), 2) == published
    assert round(mean_psnr(lambda large: large, _enlarged(scale)), 2) == published


def _enlarged(scale: int) -> list[Pair]:
    return load_pairs(picture_files(SET5), scale, "luma", Degradation(), 1, enlarged=True)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_bicubic_layer_is_the_scaler(scale: int) -> None:
    planes = floats(scene(1, 20, 17))
    expected = resized(planes, 20 * scale, 17 * scale, "bicubic")
    made = Bicubic(scale)(torch.from_numpy(planes)[None])[0].numpy()
    np.testing.assert_allclose(made, expected, atol=2e-6)


def test_pictures_come_back_as_written(tmp_path: Path) -> None:
    picture = scene(4, 31, 45)
    (tmp_path / "a.png").write_bytes(png_bytes(picture))
    assert np.array_equal(read_rgb8(tmp_path / "a.png"), picture)
    (tmp_path / "b.png").write_bytes(png_bytes(picture[:1]))
    assert np.array_equal(read_rgb8(tmp_path / "b.png"), np.repeat(picture[:1], 3, axis=0))


def test_luma_is_that_of_bt601() -> None:
    colours = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32).T[:, None]
    assert (luma(colours) * 255).ravel().tolist() == pytest.approx([16, 235, 81.481, 144.553, 40.966])


def test_degradations_do_what_they_say() -> None:
    rgb = floats(scene(2, 64, 96))
    rng = np.random.default_rng(0)
    box = degraded(rgb, 2, Degradation(scaler="area"), rng)
    np.testing.assert_allclose(box, rgb.reshape(3, 32, 2, 48, 2).mean(axis=(2, 4)), atol=1e-6)
    every = degraded(rgb, 4, Degradation(scaler="subsample"), rng)
    assert np.array_equal(every, rgb[:, 2::4, 2::4])
    soft = degraded(rgb, 2, Degradation(blur=2.0), rng)
    assert np.abs(np.diff(soft, axis=2)).mean() < 0.6 * np.abs(np.diff(box, axis=2)).mean()
    grained = degraded(rgb, 2, Degradation(scaler="area", noise=20), np.random.default_rng(3)) - box
    assert 0.005 < grained.std() < 0.08


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9"])
def test_codecs_lose_more_at_worse_quality_and_move_nothing(codec: str) -> None:
    rgb = floats(scene(2, 130, 98))  # 65x49: odd, and narrower than the codecs are given
    clean = luma(degraded(rgb, 2, Degradation(), np.random.default_rng(0)))
    worse = (10, 45) if codec != "vp9" else (5, 60)
    errors = []
    for crf in worse:
        coded = luma(degraded(rgb, 2, Degradation(codec=codec, crf=(crf, crf)), np.random.default_rng(0)))
        assert coded.shape == clean.shape
        errors.append(float(np.square(coded - clean).mean()))
        shifted = float(np.square(coded[:, :-1] - clean[:, 1:]).mean())
        assert errors[-1] < shifted
    assert 1e-7 < errors[0] < errors[1] / 2


def test_tiles_are_pairs_of_the_same_place(tmp_path: Path) -> None:
    fill(tmp_path / "pictures")
    options = DataOptions(
        folders=("pictures",), tile=10, degradations=(Degradation(scaler="area"), Degradation(share=3))
    )
    tiles = load_tiles(options, 2, tmp_path, 1)
    assert tiles.small.shape[1:] == (1, 10, 10)
    assert tiles.large.shape[1:] == (1, 20, 20)
    assert [share for _, _, share in tiles.groups] == [1.0, 3.0]
    first, last, _ = tiles.groups[0]
    means = tiles.large[first:last].float().unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5)) / 255
    torch.testing.assert_close(tiles.small[first:last].float(), means, atol=4e-3, rtol=0)


def test_batches_are_turned_alike_and_follow_the_seed(tmp_path: Path) -> None:
    fill(tmp_path / "pictures")
    options = DataOptions(folders=("pictures",), tile=10, degradations=(Degradation(scaler="area"),))
    tiles = load_tiles(options, 2, tmp_path, 1)
    one, other = (torch.Generator().manual_seed(5) for _ in range(2))
    turned = set()
    for _ in range(12):
        small, large = tiles.batch(6, one)
        same = tiles.batch(6, other)
        assert torch.equal(small, same[0]) and torch.equal(large, same[1])
        means = large.unfold(2, 2, 2).unfold(3, 2, 2).mean(dim=(4, 5))
        torch.testing.assert_close(small, means, atol=4e-3, rtol=0)
        turned.add(small.is_contiguous())
    assert turned == {True, False}


def test_enlarged_tiles_are_as_large_as_the_truth(tmp_path: Path) -> None:
    fill(tmp_path / "pictures")
    options = DataOptions(folders=("pictures",), tile=12, enlarged=(2, 3))
    tiles = load_tiles(options, 1, tmp_path, 1)
    assert tiles.small.shape == tiles.large.shape
    assert len(tiles.groups) == 2
    errors = [
        float((tiles.small[a:b].float() - tiles.large[a:b] / 255).square().mean()) for a, b, _ in tiles.groups
    ]
    assert 0 < errors[0] < errors[1]


def test_held_out_pictures_are_not_trained_on(tmp_path: Path) -> None:
    fill(tmp_path / "pictures", count=11)
    tiles = [
        load_tiles(DataOptions(folders=("pictures",), tile=16, held_out=held), 2, tmp_path, 1)
        for held in (False, True)
    ]
    assert 0.7 < len(tiles[1].small) / len(tiles[0].small) < 0.9


def test_there_is_something_to_train_on_and_to_measure_by(tmp_path: Path) -> None:
    fill(tmp_path / "pictures", count=1)
    with pytest.raises(
        OptionError, match=r"held out are all pictures of pictures: .*leave data\.held_out away"
    ):
        load_tiles(DataOptions(folders=("pictures",), tile=16, held_out=True), 2, tmp_path, 1)
    files = picture_files(fill(tmp_path / "tiny", height=5, width=9))
    with pytest.raises(OptionError, match=r"0\.png is too small to measure by.*6 samples a side or more"):
        load_pairs(files, 2, "luma", Degradation(), 1)
    files = picture_files(fill(tmp_path / "small", height=6, width=9))
    assert mean_psnr(Bicubic(2), load_pairs(files, 2, "luma", Degradation(), 1)) > 5
    (tmp_path / "small" / "folder.png").mkdir()
    assert picture_files(tmp_path / "small") == files


def test_pictures_that_are_smaller_than_a_tile_are_named(tmp_path: Path) -> None:
    fill(tmp_path / "pictures")
    fill(tmp_path / "small", count=1, height=30, width=90)
    tiles = load_tiles(DataOptions(folders=("pictures", "small"), tile=16), 2, tmp_path, 1)
    assert tiles.unused == (tmp_path / "small" / "0.png",)


def test_folders_without_pictures_and_small_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="is no folder"):
        picture_files(tmp_path / "none")
    with pytest.raises(OptionError, match="has no images"):
        picture_files(tmp_path)
    fill(tmp_path / "pictures", height=30, width=30)
    with pytest.raises(OptionError, match=r"has 32 samples a side .*choose a smaller data\.tile"):
        load_tiles(DataOptions(folders=("pictures",), tile=16), 2, tmp_path, 1)


def test_psnr_leaves_out_the_border_and_takes_colours_as_luma() -> None:
    truth = torch.full((1, 1, 10, 10), 128 / 255)
    made = truth.clone()
    made[..., 0, :] = 1
    assert psnr(made, truth, 1) > 100
    made[..., 5, 5] += 8 / 255
    assert psnr(made, truth, 1) == pytest.approx(10 * np.log10(255**2 / (8**2 / 64)), abs=1e-3)
    red = torch.zeros(1, 3, 4, 4)
    changed = red.clone()
    changed[:, 0] = 51 / 255
    assert psnr(changed, red, 1) == pytest.approx(20 * np.log10(255 / (51 * 65.481 / 255)), abs=1e-3)
