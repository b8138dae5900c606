"""Letters made of strokes of our own, and signs that look like ideographs."""

from __future__ import annotations

import numpy as np

from vsr.data.drawing.shapes import Points, spline

_HEIGHT, _STEP = 6.0, 5.4
"""Of a letter, and from one to the next, in the units of its strokes; it is 4 wide."""
# A stroke is a row of points, x and y as digits, y down; one that begins with ~ is bent.
_STROKES = {
    "A": "06 20 46|14 34", "B": "00 06|~00 30 41 32 03|~03 33 45 36 06", "C": "~41 20 03 26 45",
    "D": "00 06|~00 30 43 36 06", "E": "40 00 06 46|03 33", "F": "40 00 06|03 33",
    "G": "~41 20 03 26 45 43|43 23", "H": "00 06|40 46|03 43", "I": "20 26", "J": "~40 44 36 16 04",
    "K": "00 06|40 03 46", "L": "00 06 46", "M": "06 00 23 40 46", "N": "06 00 46 40", "O": "~20 03 26 43 20",
    "P": "06 00|~00 30 42 33 03", "Q": "~20 03 26 43 20|24 46", "R": "06 00|~00 30 41 33 03|23 46",
    "S": "~41 20 01 13 33 45 26 05", "T": "00 40|20 26", "U": "~00 04 26 44 40", "V": "00 26 40",
    "W": "00 16 22 36 40", "X": "00 46|40 06", "Y": "00 23 40|23 26", "Z": "00 40 06 46",
    "0": "~20 03 26 43 20|31 15", "1": "02 20 26", "2": "~01 20 41 23 06|06 46", "3": "~00 30 42 23 44 26 05",
    "4": "36 30 04 44", "5": "40 00 02|~02 32 44 26 05", "6": "~31 03 26 44 23 04", "7": "00 40 16",
    "8": "~20 01 23 45 26 05 23 41 20", "9": "~42 23 01 20 42 35 16", "!": "20 24|25 26",
    "?": "~01 20 41 23 24|25 26",
}  # fmt: skip
LETTERS = "".join(_STROKES)


def letter_strokes(letter: str, size: float) -> list[Points]:
    """Return the strokes of a letter that is `size` pixels high, from its upper left corner."""
    strokes = []
    for text in _STROKES[letter].split("|"):
        points = np.array([[float(pair[0]), float(pair[1])] for pair in text.lstrip("~").split()])
        scaled = points * (size / _HEIGHT)
        strokes.append(spline(scaled) if text.startswith("~") else scaled)
    return strokes


def ideograph_strokes(rng: np.random.Generator, size: float) -> list[Points]:
    """Return the strokes of a sign that nobody reads: bars, posts and sweeps in a square."""
    bars = np.sort(rng.uniform(0.05, 0.95, rng.integers(2, 5)))
    posts = rng.uniform(0.1, 0.9, rng.integers(1, 4))
    strokes = [np.array([[left, y], [right, y - 0.03]]) for y in bars for left, right in [_span(rng)]]
    strokes += [np.array([[x, top], [x, bottom]]) for x in posts for top, bottom in [_span(rng)]]
    for side in (-1, 1):
        if rng.random() < 0.6:
            bend = np.array([[0.5, 0.35], [0.5 + side * 0.15, 0.65], [0.5 + side * 0.45, 0.95]])
            strokes.append(spline(bend * size) / size)
    return [stroke * size for stroke in strokes]


def _span(rng: np.random.Generator) -> tuple[float, float]:
    return float(rng.uniform(0, 0.3)), float(rng.uniform(0.7, 1))


def line_of_text(rng: np.random.Generator, size: float, width: float) -> list[Points]:
    """Return the strokes of words of letters or of ideographs, `size` high, that fill a width in pixels."""
    strokes: list[Points] = []
    ideographs, x = rng.random() < 0.4, 0.0
    step = size * 1.15 if ideographs else size * _STEP / _HEIGHT
    while x + step <= width:
        if rng.random() > 0.15:  # else the space between two words
            letter = LETTERS[int(rng.integers(len(LETTERS)))]
            sign = ideograph_strokes(rng, size) if ideographs else letter_strokes(letter, size)
            strokes += [points + np.array([x, 0.0]) for points in sign]
        x += step
    return strokes
