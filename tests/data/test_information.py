"""What tells tiles that teach nothing from those that do."""

import numpy as np
import pytest

from vsr.data.information import gradient, largest_cluster


def test_the_cluster_is_the_densest_of_all_places() -> None:
    rng = np.random.default_rng(1)
    tiles = rng.integers(0, 256, (4, 3, 16, 16), np.uint8)
    tiles[1] = rng.normal((100, 30, 220), 4, (16, 16, 3)).clip(0, 255).transpose(2, 0, 1).astype(np.uint8)
    for tile, share in zip(tiles, largest_cluster(tiles), strict=True):
        bins = np.zeros((18, 18, 18))  # a border of empty bins all around
        np.add.at(bins, tuple(tile.reshape(3, -1) // 16 + 1), 1)
        windows = np.lib.stride_tricks.sliding_window_view(bins, (3, 3, 3))
        assert share == windows.sum(axis=(3, 4, 5)).max() / 256


@pytest.mark.parametrize("level", [0, 15, 16, 127, 128, 255])
def test_a_flat_colour_with_grain_is_one_cluster_wherever_it_lies(level: int) -> None:
    grain = np.random.default_rng(2).integers(-8, 9, (1, 3, 32, 32))
    assert largest_cluster(np.clip(level + grain, 0, 255).astype(np.uint8)) == [1]


def test_the_gradient_of_a_ramp_and_of_an_edge() -> None:
    ramp = np.broadcast_to(np.arange(32, dtype=np.uint8) * 2, (1, 3, 32, 32))
    edge = np.broadcast_to(np.where(np.arange(32) < 16, 0, 93).astype(np.uint8), (1, 3, 32, 32))
    assert gradient(ramp) == pytest.approx([2])
    assert gradient(edge.swapaxes(2, 3)) == pytest.approx([93 / np.sqrt(31)])
    assert gradient(np.full((1, 3, 8, 8), 7, np.uint8)) == [0]
