"""How figures are named and written on the page: from their names in the file, whichever suite wrote them."""

from __future__ import annotations

import math

from vsr.page.html import number

_ENDS = {
    "_percent": "%", "_per_second": "/s", "_seconds": "s", "_ms": "ms", "_mb": "MB",
    "_bytes": "bytes", "_db": "dB",
}  # fmt: skip
"""Units that end a figure's name, and what is written for them."""
_WORDS = {
    "gmac": "GMAC", "gb": "GB", "mb": "MB", "cpu": "CPU", "gpu": "GPU", "rss": "RSS", "psnr": "PSNR",
    "ssim": "SSIM", "xpsnr": "XPSNR", "db": "dB",
}  # fmt: skip


def head(name: str) -> str:
    """Return a figure's name for people: "gmac_per_second" is "GMAC/s", "p95_ms" is "p95, ms"."""
    for end, unit in _ENDS.items():
        if name.endswith(end):
            words = _spoken(name.removesuffix(end))
            return words + unit if unit.startswith("/") else f"{words}, {unit}"
    return _spoken(name)


def figure(value: float | None) -> str:
    """Return a figure as HTML, with about four digits that count."""
    return number(value, 0 if value is None else digits(value))


def digits(*values: float) -> int:
    """Return with how many decimals these are written, so that the largest has four digits that count."""
    most = max((abs(value) for value in values), default=0.0)
    if most == 0 or all(value == round(value) for value in values):
        return 0
    return min(6, max(0, 3 - math.floor(math.log10(most))))


def _spoken(name: str) -> str:
    return " ".join(_WORDS.get(word, word) for word in name.split("_"))
