"""Two corners: a digit that may stand in either of two places (Dahl et al., 2017, section 5.1).

Squared error can only blur both; a distribution of each pixel, given those before it, chooses one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from vsr.train.networks import PixelRecursive  # noqa: E402

SIDE = 6
SEGMENTS = (
    "1110111", "0010010", "1011101", "1011011", "0111010",
    "1101011", "1101111", "1010010", "1111111", "1111011",
)  # fmt: skip
"""Of 0 to 9: top, upper left, upper right, middle, lower left, lower right, bottom."""
STEPS = 350
STROKES = (
    (slice(0, 1), slice(1, 4)),
    (slice(0, 3), slice(1, 2)),
    (slice(0, 3), slice(3, 4)),
    (slice(2, 3), slice(1, 4)),
    (slice(2, 5), slice(1, 2)),
    (slice(2, 5), slice(3, 4)),
    (slice(4, 5), slice(1, 4)),
)
"""Rows and columns of each."""


def digits() -> Any:
    """Return the ten digits, (10, 1, 6, 6) of 0 and 1."""
    pictures = np.zeros((10, 1, SIDE, SIDE), np.float32)
    for digit, segments in enumerate(SEGMENTS):
        for segment, stroke in zip(segments, STROKES, strict=True):
            if segment == "1":
                pictures[(digit, 0, *stroke)] = 1
    return torch.from_numpy(pictures)


def pairs(count: int, random: Any) -> tuple[Any, Any]:
    """Return digits, and pictures twice as large with each in its upper left or lower right corner."""
    small = digits()[torch.randint(10, (count,), generator=random)]
    large = torch.zeros(count, 1, 2 * SIDE, 2 * SIDE)
    is_first = torch.rand(count, generator=random) < 0.5
    large[is_first, :, :SIDE, :SIDE] = small[is_first]
    large[~is_first, :, SIDE:, SIDE:] = small[~is_first]
    return small, large


def corners(pictures: Any) -> Any:
    """Return how much ink is in the upper left and the lower right corner of each: (count, 2)."""
    return torch.stack(
        [pictures[:, :, :SIDE, :SIDE].sum((1, 2, 3)), pictures[:, :, SIDE:, SIDE:].sum((1, 2, 3))], 1
    )


@pytest.mark.slow
def test_squared_error_blurs_both_corners_and_the_pixelcnn_chooses_one() -> None:
    torch.manual_seed(4)
    random = torch.Generator().manual_seed(4)
    blurring = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(SIDE**2, 128), torch.nn.ReLU(), torch.nn.Linear(128, 4 * SIDE**2)
    )
    chooser = PixelRecursive(
        scale=2, channels=1, levels=2, blocks=1, width=8, prior_layers=4, prior_width=16, prior_hidden=32
    )
    for network, steps in ((blurring, 400), (chooser, STEPS)):
        optimizer = torch.optim.Adam(network.parameters(), 5e-3)
        for _ in range(steps):
            small, large = pairs(16, random)
            if network is blurring:
                loss = (blurring(small).reshape(large.shape) - large).square().mean()
            else:
                loss = chooser.loss(small, large)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    small = digits().repeat(2, 1, 1, 1)
    ink = small.sum((1, 2, 3))
    with torch.no_grad():
        blurred = corners(blurring(small).reshape(-1, 1, 2 * SIDE, 2 * SIDE)) / ink[:, None]
    assert ((blurred > 0.25) & (blurred < 0.75)).all()
    chosen = corners(chooser.eval().sample(small, random)) / ink[:, None]
    decided = (chosen.max(1).values > 0.6) & (chosen.min(1).values < 0.25)
    assert decided.float().mean() >= 0.8
    assert 2 <= int(chosen.argmax(1).sum()) <= 18  # now this corner, now that
