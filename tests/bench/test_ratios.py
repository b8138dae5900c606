"""CI's ratios: what they count, and what they say. Their true values are CI's own to measure."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench import ratios
from vsr.bench.worker import Prepared
from vsr.device import cpu


def spinning(seconds: float) -> Callable[[], Prepared]:
    """Calls that take so much processor time, and sleep as long."""

    def once() -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass
        time.sleep(seconds)

    return lambda: Prepared(once=once)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratios, "ROUNDS", 2)
    monkeypatch.setattr(ratios, "TURN_SECONDS", 0.05)
    one = ratios.Ratio(
        what="a", ours=spinning(2e-3), other=spinning(6e-3), measured="3", bound=2.0
    )  # fmt: skip
    monkeypatch.setattr(ratios, "RATIOS", (one, replace(one, what="b", bound=9.0)))
    monkeypatch.setattr(cpu, "isa", lambda: "avx2")


@pytest.mark.usefixtures("made_up")
def test_what_is_missed_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert 2.5 < ratios.of(ratios.RATIOS[0]) < 3.5
    assert ratios.main() == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("a: ") and first.endswith("bound 2, measured 3: holds")
    assert second.endswith("bound 9, measured 3: MISSED")


@pytest.mark.usefixtures("made_up")
def test_without_simd_nothing_is_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cpu, "isa", lambda: "plain")
    assert ratios.main() == 0
    assert "nothing is compared" in capsys.readouterr().out


def test_both_sides_of_the_true_ones_run() -> None:
    for ratio in ratios.RATIOS:
        ratio.ours().once()
        ratio.other().once()
