"""Events a second."""

from __future__ import annotations

import pytest

from vsr.streaming.rates import Rate


def counted(rate_hz: float, seconds: float) -> Rate:
    rate = Rate()
    for index in range(round(rate_hz * seconds) + 1):
        rate.count(index / rate_hz)
    return rate


@pytest.mark.parametrize("rate_hz", [2.0, 29.97, 240.0, 1000.0])
@pytest.mark.parametrize("part", [0.0, 0.5, 0.99])
def test_a_steady_rate_is_exact_whenever_it_is_read(rate_hz: float, part: float) -> None:
    rate = counted(rate_hz, 10)
    last = round(rate_hz * 10) / rate_hz
    assert rate.read(last + part / rate_hz) == pytest.approx(rate_hz, rel=1e-6)


def test_it_falls_as_soon_as_nothing_comes() -> None:
    rate = counted(30, 10)
    assert [rate.read(10 + away) for away in (1.0, 2.0, 2.9)] == pytest.approx([20, 10, 1], abs=1)
    assert rate.read(13.1) == 0


def test_of_nothing_it_is_zero() -> None:
    assert Rate().read(5) == counted(30, 0).read(0) == 0
