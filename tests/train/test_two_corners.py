"""Two corners: a digit that may stand in either of two places (Dahl et al., 2017, section 5.1).

Squared error can only blur both; a distribution of each pixel, given those before it, chooses one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch")
datasets = pytest.importorskip("sklearn.datasets")

from vsr.train.networks import PixelRecursive  # noqa: E402

SIDE = 8
STEPS = 500
NEVER_SEEN = 60


def digits() -> Any:
    """Return the 1797 handwritten digits of UCI's test set, (1797, 1, 8, 8), ink 1 on 0."""
    return torch.from_numpy(datasets.load_digits().images[:, None] >= 8).float()


def pairs(known: Any, count: int, random: Any) -> tuple[Any, Any]:
    """Return digits, and pictures twice as large with each in its upper left or lower right corner."""
    small = known[torch.randint(len(known), (count,), generator=random)]
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


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Layers this small gain nothing from threads, which wait for one another where others compute, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_squared_error_blurs_both_corners_and_the_pixelcnn_chooses_one() -> None:
    torch.manual_seed(4)
    random = torch.Generator().manual_seed(4)
    blurring = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(SIDE**2, 128), torch.nn.ReLU(), torch.nn.Linear(128, 4 * SIDE**2)
    )
    chooser = PixelRecursive(
        scale=2, channels=1, levels=2, blocks=1, width=8, prior_layers=3, prior_width=16, prior_hidden=16
    )
    known, small = digits().split([len(digits()) - NEVER_SEEN, NEVER_SEEN])
    for network in (blurring, chooser):
        optimizer = torch.optim.Adam(network.parameters(), 8e-3 if network is chooser else 2e-3)
        for _ in range(STEPS):
            given, large = pairs(known, 8, random)
            if network is blurring:
                loss = (blurring(given).reshape(large.shape) - large).square().mean()
            else:
                loss = chooser.loss(given, large)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    ink = small.sum((1, 2, 3))
    with torch.no_grad():
        blurred = corners(blurring(small).reshape(-1, 1, 2 * SIDE, 2 * SIDE)) / ink[:, None]
    assert ((blurred > 0.25) & (blurred < 0.75)).all()
    chosen = corners(chooser.eval().sample(small, random)) / ink[:, None]
    decided = (chosen.max(1).values > 0.6) & (chosen.min(1).values < 0.25)
    assert decided.float().mean() >= 0.8
    assert 0.03 < chosen.argmax(1).float().mean() < 0.97  # now this corner, now that
