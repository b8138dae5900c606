"""PSNR on whole pictures by the papers' protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vsr.errors import OptionError
from vsr.media.rgb import read_rgb8
from vsr.ops.scalers import SCALERS
from vsr.quality import metrics
from vsr.quality.metrics import PEAK, as_samples, modulo_cropped, without_border, ycbcr
from vsr.train.degrade import Degradation, degraded, luma, resized
from vsr.train.pictures import floats

MOST_DB = 150.0


@dataclass(frozen=True)
class Pair:
    """A picture and what the network is given of it: (1, channels, height, width), 0..1."""

    name: str
    small: Tensor
    large: Tensor
    border: int
    """Samples on each side of the large one that do not count."""


def load_pairs(
    files: list[Path], scale: int, planes: str, how: Degradation, seed: int, *, enlarged: bool = False
) -> list[Pair]:
    """Return pairs of whole pictures; where `enlarged`, the small one is made as large again by bicubic.

    Plain luma is rounded to 8 bits before it is made smaller, as in the papers. Raises OptionError for a
    picture of which the border leaves nothing.
    """
    pairs = []
    for index, path in enumerate(files):
        rgb = floats(modulo_cropped(read_rgb8(path), scale))
        if min(rgb.shape[1:]) <= 2 * scale:
            raise OptionError(
                f"{path} is too small to measure by: of its sides {scale} samples at each end do not count; "
                f"leave it out, pictures have {3 * scale} samples a side or more"
            )
        if (
            planes == "luma"
            and how == Degradation(scaler=how.scaler, share=how.share)
            and how.scaler in SCALERS
        ):
            large = (np.rint(luma(rgb) * 255) / 255).astype(np.float32)
            small = resized(large, large.shape[1] // scale, large.shape[2] // scale, how.scaler)
        else:
            small = degraded(rgb, scale, how, np.random.default_rng((seed, index)))
            large, small = (luma(rgb), luma(small)) if planes == "luma" else (rgb, small)
        if enlarged:
            small = resized(small, large.shape[1], large.shape[2], "bicubic")
        pairs.append(Pair(path.stem, torch.from_numpy(small)[None], torch.from_numpy(large)[None], scale))
    return pairs


def psnr(result: Tensor, truth: Tensor, border: int) -> float:
    """Return dB over samples of 8 bits, `border` on each side left out; R, G, B count as their luma.

    Both are (1, 1 or 3, height, width), 0..1. Equal pictures have MOST_DB: JSON has no infinity.
    """
    given, known = (picture[0].numpy().astype(np.float64) * PEAK for picture in (result, truth))
    made = as_samples(given)
    if len(made) == 3:
        made, known = ycbcr(made)[0], ycbcr(known)[0]
    return min(metrics.psnr(without_border(known, border), without_border(made, border)), MOST_DB)


@torch.no_grad()
def mean_psnr(network: Callable[[Tensor], Tensor], pairs: list[Pair]) -> float:
    """Return the mean of the pictures' PSNR in dB."""
    return sum(psnr(network(pair.small), pair.large, pair.border) for pair in pairs) / len(pairs)
