"""From a picture to the smaller one that a user would have: every degradation, with one interface."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.errors import OptionError
from vsr.frame import PictureSpec, pixel_format
from vsr.media.roundtrip import CODECS, round_trip
from vsr.ops.convert import Convert
from vsr.ops.scalers import SCALERS, Scaler, filter_bank
from vsr.registry import nearest

Planes = npt.NDArray[np.float32]
CHROMA = ("", "420", "422", "440", "411", "410")
_LUMA = np.array([65.481, 128.553, 24.966]) / 255
_SUBSAMPLE = "subsample"
_GAUSSIAN_REACH = 3
"""In standard deviations: 0.3 % of the weight lies beyond."""
_FILM_FRAMES = 5
_FILM_SHIFT = 3
"""Samples by which frames of a film are apart at most: some of it is then predicted, as in a real one."""


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """What happens to a picture on its way to the user, in the order of the fields. Raises OptionError."""

    blur: float = 0.0
    """Standard deviation of a Gaussian, in samples of the large picture; 0 is none."""
    scaler: str = "bicubic"
    """What makes it smaller: bicubic (Keys' cubic with antialiasing and mirrored borders, which is MATLAB's
    imresize), area (box: the mean of what a sample covers), subsample, or another of vsr's scalers. Subsample
    is the second half of the papers' "blur and subsample": the blurred picture in the middle of each block;
    without blur one sample of each block, the first after its middle."""
    noise: float = 0.0
    """The most that grain deviates, of 255; each picture gets between none and this. White and normal, alike
    in R, G and B."""
    chroma: str = ""
    """420, 422, 440, 411 or 410: the picture is kept as Y'CbCr of 8 bits (ITU-R BT.601, limited range, chroma
    to the left) with that subsampling. Empty: it is not."""
    codec: str = ""
    """h264, hevc or vp9, by x264, x265 and libvpx: the picture is the middle frame of a short film that pans
    over it. Chroma is then 420."""
    crf: tuple[int, int] = (18, 32)
    """The least and the most of the codec's constant rate factor: each picture gets one of them."""
    share: float = 1.0
    """How much of the training data it makes, beside the others."""

    def __post_init__(self) -> None:
        if self.scaler != _SUBSAMPLE and self.scaler not in SCALERS:
            known = [*SCALERS, _SUBSAMPLE]
            hint = nearest(self.scaler, known)
            raise OptionError(f"unknown scaler {self.scaler!r}; available: {', '.join(known)}.{hint}")
        if self.chroma not in CHROMA:
            allowed = ", ".join(CHROMA[1:])
            raise OptionError(f"chroma is {self.chroma!r}; allowed are {allowed}, or nothing for none")
        if self.blur and not 0.2 <= self.blur <= 20:
            raise OptionError(f"blur is {self.blur}; allowed is 0.2 to 20 samples, or 0 for none")
        if not 0 <= self.noise <= 255:
            raise OptionError(f"noise is {self.noise}; allowed is 0 to 255")
        if not 0 <= self.share < float("inf"):
            raise OptionError(f"share is {self.share}; give a number that is not negative")
        if self.codec:
            self._check_codec()

    def _check_codec(self) -> None:
        most, (least, last) = CODECS[self.codec].max_crf, self.crf
        if not 0 <= least <= last <= most:
            raise OptionError(f"crf is {least}-{last}; for {self.codec} it is 0 to {most}, the lesser first")
        if self.chroma not in ("", "420"):
            raise OptionError(
                f"chroma {self.chroma} with codec {self.codec}: it codes 420 here; leave one out"
            )


def parse_degradation(pairs: Iterable[tuple[str, str]]) -> Degradation:
    """Return what ("crf", "18-32") and other fields by name say. Raises OptionError."""
    plain = Degradation()
    kinds: dict[str, Any] = {e.name: type(getattr(plain, e.name)) for e in fields(plain) if e.name != "share"}
    values: dict[str, Any] = {}
    for key, text in pairs:
        if key not in kinds:
            hint = nearest(key, list(kinds))
            raise OptionError(f"unknown degradation {key!r}; there are {', '.join(kinds)}.{hint}")
        try:
            values[key] = _range(text) if kinds[key] is tuple else kinds[key](text)
        except ValueError:
            example = "23 or 18-32" if kinds[key] is tuple else "0.8"
            raise OptionError(f"{key} is {text!r}; give a number like {example}") from None
    if "crf" in values and not values.get("codec"):
        raise OptionError(
            f"crf is how strongly a codec codes, and there is none; add codec={' or '.join(CODECS)}"
        )
    return Degradation(**values)


def _range(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    return int(first), int(last if dash else first)


def luma(rgb: npt.NDArray[np.generic]) -> Planes:
    """Return (1, height, width) of (3, height, width) in 0..1: ITU-R BT.601, limited range, over 255.

    That of MATLAB's rgb2ycbcr, which the papers' figures use.
    """
    return (16 / 255 + np.tensordot(_LUMA, rgb.astype(np.float64), axes=1)).astype(np.float32)[None]


def resized(planes: Planes, height: int, width: int, scaler: str) -> Planes:
    """Return planes (channels, height, width) in another size; bicubic is MATLAB's imresize."""
    return _scaled(planes, height, width, SCALERS[scaler])


def degraded(rgb: Planes, scale: int, how: Degradation, rng: np.random.Generator) -> Planes:
    """Return R, G, B (3, height, width) in 0..1, `scale` times smaller; sides are multiples of the scale.

    All that is random is drawn from `rng`. What a codec or subsampled chroma gave comes back as R, G, B in
    float32, chroma by bilinear interpolation, and may leave 0..1 a little, as Y'CbCr does; its luma is what
    was coded. The rest is not rounded to 8 bits.
    """
    small = _smaller(rgb, scale, how)
    if how.noise:
        small = small + rng.normal(0, rng.uniform(0, how.noise) / 255, small.shape).astype(np.float32)
    small = small.clip(0, 1)
    if how.codec:
        return _coded(small, how, rng)
    return _subsampled(small, how.chroma) if how.chroma else small


def _smaller(rgb: Planes, scale: int, how: Degradation) -> Planes:
    height, width = rgb.shape[1:]
    if how.scaler == _SUBSAMPLE and how.blur:
        # Where the scale is even, a block's middle lies between samples: one of the blurred picture's, taken
        # beside it, would move the picture.
        return _scaled(rgb, height // scale, width // scale, _gaussian(how.blur))
    if how.scaler == _SUBSAMPLE:
        return rgb[:, scale // 2 :: scale, scale // 2 :: scale]
    if how.blur:
        rgb = _scaled(rgb, height, width, _gaussian(how.blur))
    return resized(rgb, height // scale, width // scale, how.scaler)


def _scaled(planes: Planes, height: int, width: int, scaler: Scaler) -> Planes:
    rows = filter_bank(scaler, planes.shape[1], height)
    columns = filter_bank(scaler, planes.shape[2], width)
    return np.stack([columns.apply(rows.apply(plane, 0), 1) for plane in planes]).astype(np.float32)


def _gaussian(sigma: float) -> Scaler:
    """Return a filter of weights exp(-d^2 / 2 sigma^2), d in samples of what it is applied to."""
    radius = _GAUSSIAN_REACH * sigma
    return Scaler(
        "Gaussian",
        lambda ratio: radius,
        lambda distance, ratio: np.where(
            np.abs(distance) < radius, np.exp(-0.5 * (distance / sigma) ** 2), 0.0
        ),
    )


def _subsampled(small: Planes, chroma: str) -> Planes:
    """Return what 8 bits of Y'CbCr with subsampled chroma leave of a picture."""
    forth, back = _conversions(small.shape[2], small.shape[1], f"yuv{chroma}p")
    return np.stack(back.reference(forth.reference(tuple(small[[1, 2, 0]]))))[[2, 0, 1]]


def _coded(small: Planes, how: Degradation, rng: np.random.Generator) -> Planes:
    """Return what a codec leaves of a picture in the middle of a film that pans over it.

    An odd last row or column stays as it was: 420 has even sides.
    """
    height, width = (side - side % 2 for side in small.shape[1:])
    step = rng.integers(-_FILM_SHIFT, _FILM_SHIFT + 1, 2)
    film = [
        np.roll(small, tuple(step * (number - _FILM_FRAMES // 2)), (1, 2))[:, :height, :width]
        for number in range(_FILM_FRAMES)
    ]
    forth, back = _conversions(width, height, "yuv420p")
    frames = [forth.reference(tuple(frame[[1, 2, 0]])) for frame in film]
    crf = int(rng.integers(how.crf[0], how.crf[1] + 1))
    middle = round_trip(frames, codec=how.codec, crf=crf)[_FILM_FRAMES // 2]
    result = small.copy()
    result[:, :height, :width] = np.stack(back.reference(middle))[[2, 0, 1]]
    return result


def _conversions(width: int, height: int, name: str) -> tuple[Convert, Convert]:
    """Return the steps from R, G, B in float32 to a format of Y'CbCr and back."""
    yuv = ColorSpec(matrix=Matrix.SMPTE170M, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
    rgb = ColorSpec(matrix=Matrix.RGB, range=Range.FULL)
    large = PictureSpec(width=width, height=height, format=pixel_format("gbrpf32le"), color=rgb)
    forth = Convert(large, pixel_format(name), yuv)
    return forth, Convert(forth.output, pixel_format("gbrpf32le"), rgb)
