"""Degradations: against their formulas, in place, the same for the same seed."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from vsr.errors import OptionError
from vsr.media.rgb import read_rgb8
from vsr.train.degrade import CHROMA, Degradation, degraded, luma, parse_degradation, resized

SET5 = Path(__file__).parents[3] / "shared/data/test/Set5"
Planes = npt.NDArray[np.float32]


def picture(height: int = 48, width: int = 72) -> Planes:
    """Return smooth waves of all hues, none near 0 or 1."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [0.5 + 0.3 * np.sin(x / a + c) * np.cos(y / b) for a, b, c in ((5, 7, 0), (9, 6, 2), (7, 11, 4))]
    return np.stack(waves).astype(np.float32)


def apply(how: Degradation, planes: Planes, scale: int = 2, seed: int = 1) -> Planes:
    return degraded(planes, scale, how, np.random.default_rng(seed))


def test_area_is_the_mean() -> None:
    means = picture().reshape(3, 16, 3, 24, 3).mean(axis=(2, 4))
    assert np.abs(apply(Degradation(scaler="area"), picture(), 3) - means).max() < 1e-6


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_blur_and_subsample_is_the_sum_of_the_formula_about_the_middle(scale: int) -> None:
    rgb, sigma = picture(), 0.8 * scale
    small = apply(Degradation(blur=sigma, scaler="subsample"), rgb, scale)
    row, column = 6, 9
    y, x = ((each + 0.5) * scale - 0.5 for each in (row, column))
    down, across = (((np.arange(size) - place) / sigma) ** 2 for size, place in ((48, y), (72, x)))
    weights = np.exp(-0.5 * (down[:, None] + across))
    expected = (rgb * weights).sum(axis=(1, 2)) / weights.sum()
    assert small[:, row, column] == pytest.approx(expected, abs=1e-3)


def test_blur_comes_before_the_scaler() -> None:
    rgb = picture()
    place = np.arange(-9, 10)
    kernel = np.exp(-0.5 * (place / 1.5) ** 2) / np.exp(-0.5 * (place / 1.5) ** 2).sum()
    padded = np.pad(rgb, ((0, 0), (9, 9), (9, 9)), "symmetric")
    rows = np.apply_along_axis(np.convolve, 1, padded, kernel, "valid")
    soft = np.apply_along_axis(np.convolve, 2, rows, kernel, "valid")
    expected = soft.reshape(3, 24, 2, 36, 2).mean(axis=(2, 4))
    assert np.abs(apply(Degradation(blur=1.5, scaler="area"), rgb) - expected).max() < 2e-3


def test_subsample_alone_takes_samples() -> None:
    assert (apply(Degradation(scaler="subsample"), picture(), 3) == picture()[:, 1::3, 1::3]).all()


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    "how",
    [
        Degradation(),
        Degradation(scaler="area"),
        Degradation(scaler="lanczos3"),
        Degradation(blur=2),
        Degradation(blur=2, scaler="subsample"),
    ],
    ids=lambda how: f"{how.blur} {how.scaler}",
)
def test_none_moves_the_picture(how: Degradation, scale: int) -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 96, dtype=np.float32), (3, 96, 96))
    expected = ramp.reshape(3, 96 // scale, scale, 96 // scale, scale).mean(axis=(2, 4))
    small = apply(how, np.ascontiguousarray(ramp), scale)
    edge = 24 // scale + 2
    assert np.abs(small - expected)[:, edge:-edge, edge:-edge].max() < 1e-5


def test_noise_has_its_deviation_and_is_white() -> None:
    flat = np.full((3, 256, 256), 0.5, np.float32)
    deviations = [
        float((apply(Degradation(noise=20), flat, seed=seed) - 0.5).std() * 255) for seed in range(30)
    ]
    assert 0 <= min(deviations) < 4 and 16 < max(deviations) <= 20.3
    grain = apply(Degradation(noise=20), flat, seed=int(np.argmax(deviations))) - 0.5
    assert abs(float((grain[:, 1:] * grain[:, :-1]).mean() / grain.var())) < 0.02


@pytest.mark.parametrize("chroma", CHROMA[1:])
def test_subsampling_keeps_luma_and_blurs_colour(chroma: str) -> None:
    rgb = np.random.default_rng(3).uniform(0.3, 0.7, (3, 46, 70)).astype(np.float32)
    plain, small = apply(Degradation(), rgb), apply(Degradation(chroma=chroma), rgb)
    assert np.abs(luma(small) - luma(plain)).max() * 255 < 0.51  # rounding to 8 bits
    colors = [float((each - each.mean(axis=0)).std()) for each in (plain, small)]
    assert colors[1] < 0.9 * colors[0]
    gray = np.repeat(rgb[:1], 3, axis=0)
    assert np.abs(apply(Degradation(chroma=chroma), gray) - apply(Degradation(), gray)).max() * 255 < 2


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9"])
def test_codecs_lose_more_at_worse_quality(codec: str) -> None:
    rgb = picture(96, 128) + np.random.default_rng(2).normal(0, 0.03, (3, 96, 128)).astype(np.float32)
    plain = apply(Degradation(), rgb)
    losses = []
    for crf in (10, 28, 45):
        how = Degradation(codec=codec, crf=(crf, crf))
        small = apply(how, rgb)
        assert (small == apply(how, rgb)).all()
        losses.append(float(np.square(luma(small) - luma(plain)).mean()))
    assert losses == sorted(losses)
    assert 10 * math.log10(1 / losses[0]) > 38
    assert losses[2] > 2 * losses[0]


def test_a_codec_leaves_an_odd_last_row_and_column() -> None:
    rgb = picture(46, 70)
    how = Degradation(codec="h264", crf=(40, 40))
    small, plain = apply(how, rgb), apply(Degradation(), rgb)
    assert small.shape == (3, 23, 35)
    assert (small[:, 22] == plain[:, 22]).all() and (small[:, :, 34] == plain[:, :, 34]).all()
    assert (small[:, :22, :34] != plain[:, :22, :34]).any()


def test_quality_and_grain_are_drawn_from_the_seed() -> None:
    rgb = picture(96, 128)
    how = Degradation(noise=5, codec="h264", crf=(10, 50))
    assert (apply(how, rgb, seed=1) == apply(how, rgb, seed=1)).all()
    assert (apply(how, rgb, seed=1) != apply(how, rgb, seed=2)).any()


@pytest.mark.skipif(not SET5.is_dir(), reason="../shared/data/test/Set5 is not here")
@pytest.mark.parametrize(("scale", "expected"), [(2, 33.66), (3, 30.39), (4, 28.42)])
def test_bicubic_on_set5_is_that_of_the_papers(scale: int, expected: float) -> None:
    """Rounded to 8 bits as MATLAB does, enlarged again, Y, `scale` pixels left out at the border."""
    found = []
    for path in sorted(SET5.glob("*.png")):
        rgb = read_rgb8(path)
        height, width = (side - side % scale for side in rgb.shape[1:])
        large = np.rint(luma(rgb[:, :height, :width] / 255) * 255).astype(np.float32)
        small = np.rint(resized(large, height // scale, width // scale, "bicubic"))
        again = np.rint(resized(small, height, width, "bicubic")).clip(0, 255)
        error = (again - large)[:, scale:-scale, scale:-scale].astype(np.float64)
        found.append(10 * math.log10(255**2 / np.square(error).mean()))
    assert np.mean(found) == pytest.approx(expected, abs=0.02)


def test_it_is_read_from_pairs() -> None:
    pairs = [("scaler", "area"), ("noise", "3"), ("codec", "vp9"), ("crf", "20-60")]
    assert parse_degradation(pairs) == Degradation(scaler="area", noise=3, codec="vp9", crf=(20, 60))
    assert parse_degradation([("codec", "h264"), ("crf", "23")]).crf == (23, 23)
    with pytest.raises(OptionError, match="there is none; add codec=h264 or hevc or vp9"):
        parse_degradation([("crf", "23")])
    assert parse_degradation([]) == Degradation()


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        (("scaler", "bicubik"), "Did you mean 'bicubic'"),
        (("codec", "h265"), "available: h264, hevc, vp9"),
        (("chroma", "421"), "allowed are 420"),
        (("blur", "0.1"), "0.2 to 20"),
        (("blur", "nan"), "0.2 to 20"),
        (("noise", "-1"), "0 to 255"),
        (("noise", "nan"), "0 to 255"),
        (("noise", "much"), "a number like 0.8"),
        (("crf", "18-"), "23 or 18-32"),
        (("share", "2"), "unknown degradation 'share'"),
        (("nois", "2"), "Did you mean 'noise'"),
    ],
)
def test_bad_values_are_a_sentence(pair: tuple[str, str], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        parse_degradation([pair])


def test_what_contradicts_is_refused() -> None:
    with pytest.raises(OptionError, match="0 to 51"):
        Degradation(codec="h264", crf=(20, 52))
    assert Degradation(codec="vp9", crf=(20, 52)).crf == (20, 52)
    with pytest.raises(OptionError, match="the lesser first"):
        Degradation(codec="h264", crf=(30, 20))
    with pytest.raises(OptionError, match="it codes 420"):
        Degradation(codec="h264", chroma="422")
