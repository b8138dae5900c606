"""The split: no picture in two, near the shares, the same for the same seed."""

import pytest

from vsr.data.splits import assign, parse_shares
from vsr.errors import OptionError

SHARES = (0.8, 0.1, 0.1)


def test_shares_are_met_and_depend_on_the_seed_alone() -> None:
    counts = [3 + index % 7 for index in range(200)]
    splits = assign(counts, [], SHARES, 1)
    for index, share in enumerate(SHARES):
        tiles = sum(count for count, split in zip(counts, splits, strict=True) if split == index)
        assert tiles / sum(counts) == pytest.approx(share, abs=0.02)
    assert splits == assign(counts, [], SHARES, 1)
    assert splits != assign(counts, [], SHARES, 2)


def test_pictures_that_hang_together_stay_together() -> None:
    links = [(4, 1), (1, 9), (9, 4), (2, 2), (7, 8)]
    for seed in range(20):
        splits = assign([1] * 10, links, (1, 1, 1), seed)
        assert splits[1] == splits[4] == splits[9]
        assert splits[7] == splits[8]
    assert len({tuple(assign([1] * 10, links, (1, 1, 1), seed)) for seed in range(20)}) > 10


def test_a_share_of_nothing_gets_nothing() -> None:
    assert set(assign([1] * 30, [], (0.5, 0, 0.5), 3)) == {0, 2}


@pytest.mark.parametrize("text", ["80/20", "a/b/c", "1/2/3/4", "-1/1/1", "0/0/0", "nan/1/1", "inf/1/1", ""])
def test_what_is_no_split_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"like 80/10/10"):
        parse_shares(text)


def test_shares_add_up_to_one() -> None:
    assert parse_shares("8/1/1") == pytest.approx(SHARES)
