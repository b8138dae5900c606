"""The PixelCNN sees only what comes before, and sampling row by row is the whole network."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vsr.train.networks import PixelRecursive  # noqa: E402


def small(channels: int = 3) -> PixelRecursive:
    torch.manual_seed(3)
    return PixelRecursive(
        channels=channels, levels=4, blocks=1, width=6, prior_layers=3, prior_width=12, prior_hidden=24
    ).eval()


@pytest.mark.parametrize(("channel", "y", "x"), [(0, 0, 0), (1, 3, 2), (2, 5, 6), (0, 4, 0), (2, 2, 6)])
def test_a_sub_pixel_depends_on_those_before_it_and_no_other(channel: int, y: int, x: int) -> None:
    network = small()
    picture = torch.rand(1, 3, 6, 7, requires_grad=True)
    logits = network.prior(picture)[0].unflatten(0, (3, 4))
    logits[channel, :, y, x].square().sum().backward()
    order = torch.arange(6 * 7 * 3).reshape(6, 7, 3).permute(2, 0, 1)
    seen = picture.grad[0] != 0
    before = order < order[channel, y, x]
    assert not seen[~before].any()
    if y > 0:
        assert seen[:, y - 1, x].all()
    assert seen[:channel, y, x].all()


def test_what_is_cached_gives_the_whole_networks_logits() -> None:
    network = small()
    picture = torch.rand(2, 3, 6, 7)
    with torch.no_grad():
        whole = network.prior(picture)
        rows = network.prior.begin(picture)
        for y in range(6):
            network.prior.begin_row(rows, y)
            for x in range(7):
                torch.testing.assert_close(network.prior.at(rows, picture, y, x), whole[..., y, x])
            network.prior.end_row(rows, picture, y)


def test_samples_follow_the_seed_and_have_the_networks_levels() -> None:
    network = small()
    pictures = torch.rand(2, 3, 2, 2)
    one, same, other = (network.sample(pictures, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.shape == (2, 3, 8, 8)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    torch.testing.assert_close((one * 3).round() / 3, one)


def test_the_joint_loss_is_more_than_the_single_one() -> None:
    network = small()
    pair = torch.rand(2, 3, 2, 2), torch.rand(2, 3, 8, 8)
    joint, single = network.loss(*pair), network.loss(*pair, joint=False)
    assert joint > single + 0.5
