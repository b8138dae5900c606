"""The pieces of pages: numbers, tables, axes, charts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vsr.page import axes, charts
from vsr.page.html import number, table


def test_pieces() -> None:
    assert number(None, absent="equal") == "equal"
    assert number(1234.567, 1) == '<data value="1234.567">1,234.6</data>'
    assert '<td class="best">2</td>' in table(["", "x"], [["a", "1"], ["b", "2"]], [(1, 1)])


@pytest.mark.parametrize("make_axis", [axes.linear, axes.logarithmic])
@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0], [0.02, 71.0], [1e-4, 9e5], [10.0, 100.0]])
def test_axes_hold_their_values(make_axis: Callable[[str, list[float]], Any], values: list[float]) -> None:
    axis = make_axis("x", values)
    assert all(-1e-9 <= axis.place(value) <= 1 + 1e-9 for value in values)
    assert list(axis.ticks) == sorted(set(axis.ticks)) and 2 <= len(axis.ticks) <= 12
    assert axis.place(axis.ticks[0]) == pytest.approx(0) and axis.place(axis.ticks[-1]) == pytest.approx(1)


def test_lines_break_where_nothing_was_measured() -> None:
    chart = charts.lines([("a", [(0.0, 1.0), (1.0, None), (2.0, 3.0), (3.0, 2.0)])], "seconds", "dB")
    assert re.findall(r'class="plot"[^>]*d="([^"]*)"', chart)[0].count("M") == 2
    assert charts.lines([("a", [(0.0, None)])], "seconds", "dB") == ""


def test_labels_do_not_lie_on_each_other() -> None:
    near = [(f"model {n}", 100.0 + n, 30 + 0.001 * n) for n in range(4)]
    chart = charts.points(near, axes.logarithmic("fps", [1.0, 1000.0]), axes.linear("dB", [20.0, 40.0]))
    tops = [float(y) for y in re.findall(r'<text x="[\d.]+" y="([\d.]+)"[^>]*>model', chart)]
    assert len(tops) == 4
    assert np.diff(sorted(tops)).min() >= 12.9
