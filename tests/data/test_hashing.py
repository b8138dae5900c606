"""The perceptual hash against its definition, and the search against one that compares all with all."""

import numpy as np
import numpy.typing as npt
import pytest

from vsr.data.hashing import HASH_BITS, Hashes, Seen, distances, perceptual_hashes


def pictures(count: int, side: int = 128) -> npt.NDArray[np.uint8]:
    """Return pictures of coarse random patches: like nothing else, and not noise."""
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (count, 3, 16, 16), np.uint8)
    return coarse.repeat(side // 16, axis=2).repeat(side // 16, axis=3)


def bits_of(hashes: Hashes) -> npt.NDArray[np.uint8]:
    return np.unpackbits(hashes.view(np.uint8), axis=1)


def test_the_bits_are_those_of_the_definition() -> None:
    side = 104
    tile = np.random.default_rng(1).integers(0, 256, (1, 3, side, side), np.uint8)
    luma = np.tensordot((0.299, 0.587, 0.114), tile[0].astype(np.float64), axes=1)
    means = luma.reshape(52, 2, 52, 2).mean(axis=(1, 3))
    expected = np.empty((13, 13))
    place = (np.arange(52) + 0.5) * np.pi / 52
    for v in range(13):
        for u in range(13):
            expected[v, u] = (means * np.outer(np.cos(v * place), np.cos(u * place))).sum()
    frequencies = expected.reshape(-1)
    bits = bits_of(perceptual_hashes(tile))[0]
    assert (bits[:HASH_BITS] == (frequencies > np.median(frequencies[1:]))).all()
    assert not bits[HASH_BITS:].any()


def test_it_survives_what_happens_to_pictures_and_tells_others_apart() -> None:
    tiles = pictures(40)
    hashes = perceptual_hashes(tiles)
    grain = np.random.default_rng(2).normal(0, 3, tiles.shape)
    changed = np.clip(tiles * 0.9 + 8 + grain, 0, 255).astype(np.uint8)
    apart = distances(hashes, perceptual_hashes(changed))
    assert np.diag(apart).max() <= 8
    others = apart[~np.eye(len(tiles), dtype=bool)]
    assert others.min() > 40


@pytest.mark.parametrize("side", [16, 50, 128])
def test_any_size_has_a_hash(side: int) -> None:
    tiles = np.random.default_rng(3).integers(0, 256, (2, 3, side, side), np.uint8)
    assert perceptual_hashes(tiles).shape == (2, 3)


def test_no_tiles_have_no_hashes() -> None:
    assert perceptual_hashes(np.empty((0, 3, 128, 128), np.uint8)).shape == (0, 3)


def near_hashes(count: int) -> Hashes:
    """Return hashes many of which are a few bits from others, before and after them."""
    rng = np.random.default_rng(4)
    bits = rng.integers(0, 2, (count, 192), np.uint8)
    bits[:, HASH_BITS:] = 0
    for index in rng.choice(count, count // 2, replace=False):
        bits[index] = bits[rng.integers(count)]
        bits[index, rng.choice(HASH_BITS, rng.integers(0, 13), replace=False)] ^= 1
    return np.packbits(bits, axis=1).view(np.uint64)


def test_the_search_is_that_of_all_with_all() -> None:
    hashes = near_hashes(700)  # more than two blocks
    bits = bits_of(hashes).astype(np.int64)
    kept: list[int] = []
    for index, row in enumerate(bits):
        if not kept or (row != bits[kept]).sum(axis=1).min() > 8:
            kept.append(index)
    seen = Seen(8)
    twins, found = seen.add(hashes[:300])
    more = seen.add(hashes[300:])
    twins, found = np.concatenate([twins, more[0]]), np.concatenate([found, more[1]])
    assert (np.flatnonzero(twins < 0) == kept).all()
    assert len(seen) == len(kept) < 600
    for index in np.flatnonzero(twins >= 0).tolist():
        assert (bits[index] != bits[kept[twins[index]]]).sum() == found[index] <= 8


def test_what_is_kept_grows_beyond_its_first_memory() -> None:
    rng = np.random.default_rng(6)
    hashes = rng.integers(0, 2**63, (2500, 3)).astype(np.uint64)
    seen = Seen(8)
    assert (seen.add(hashes)[0] < 0).all()
    twins, bits = seen.add(hashes)
    assert (twins == np.arange(2500)).all()
    assert not bits.any()
