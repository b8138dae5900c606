"""The pieces of a page: the document, tables, numbers, pictures. Text is escaped here."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from html import escape
from string import Template

import numpy as np
import numpy.typing as npt

from vsr.media.png import png_bytes

_DOCUMENT = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>$style</style>
</head>
<body>
<main>
<h1>$title</h1>
$body
</main>
</body>
</html>
"""
)
_STYLE = """
:root { color-scheme: light dark; --ink: #1a1c1f; --paper: #fff; --line: #d5d8dc; --soft: #5d646c;
  --s0: #0b62c4; --s1: #c2410c; --s2: #0f7a4b; --s3: #7a35b8; --s4: #99680a; --s5: #b3175b; --s6: #0e7490; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ea; --paper: #15171a; --line: #3a3f45; --soft: #a0a7af;
    --s0: #6cb0ff; --s1: #ff9a62; --s2: #5fd39a; --s3: #c79bf2; --s4: #e3b750; --s5: #ff8ab8; --s6: #5ecbe0;
  } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
main { max-width: 72rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.2; } h2 { font-size: 1.15rem; margin-top: 2rem; }
h1, h2, h3, p, li, figcaption, td:first-child { overflow-wrap: anywhere; }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; white-space: normal; }
td:first-child { min-width: min(14rem, 35vw); } th { font-weight: 600; vertical-align: bottom; }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--paper); padding-left: 0; }
td.best { font-weight: 700; } summary { cursor: pointer; margin: .5rem 0; }
svg { display: block; width: 100%; min-width: 30rem; max-width: 44rem; height: auto; margin: .5rem 0 1rem; }
svg text { fill: var(--soft); font-size: 12px; }
svg .axis { stroke: var(--line); fill: none; }
svg .plot, svg .bound { fill: none; stroke-width: 1.5; vector-effect: non-scaling-stroke; }
svg .bound { stroke: var(--soft); stroke-dasharray: 5 4; }
svg .mark { fill: none; stroke: var(--ink); stroke-width: 1.5; }
svg .column { fill: var(--s0); stroke: var(--paper); stroke-width: .5; }
.bars { width: 100%; max-width: 44rem; } .bars td { white-space: normal; }
.bars td:nth-child(2) { width: 55%; min-width: 6rem; }
.text th, .text td { text-align: left; white-space: normal; min-width: 7rem; overflow-wrap: anywhere; }
.track { position: relative; height: 1.1rem; } .bar { position: absolute; inset: 0 auto 0 0; }
.limit { position: absolute; inset: -.2rem auto -.2rem; border-left: 2px dashed var(--soft); }
.spread { position: absolute; top: 35%; bottom: 35%; background: var(--ink); border: 1px solid var(--paper); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .75rem; }
.frames { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: .75rem; }
figure { margin: 0; } img { display: block; width: 100%; height: auto; }
.tiles img { image-rendering: pixelated; }
.slider { position: relative; --cut: 50%; overflow: hidden; isolation: isolate; cursor: ew-resize;
  touch-action: pan-y; user-select: none; } .window { max-height: 90vh; overflow: auto; }
.slider.enlarged { image-rendering: pixelated; }
.slider img + img { position: absolute; inset: 0; height: 100%; clip-path: inset(0 0 0 var(--cut)); }
.slider::after { content: ""; position: absolute; top: 0; bottom: 0; left: var(--cut);
  border-left: 2px solid #fff; mix-blend-mode: difference; }
.slider.difference { filter: brightness(8); } .slider.difference img + img { clip-path: none;
  mix-blend-mode: difference; }
.slider.difference::after, .slider.difference .label { display: none; }
.label { position: absolute; top: .4rem; padding: .1rem .4rem; max-width: 45%; overflow-wrap: anywhere;
  font-size: .8rem; color: #fff; background: #000a; pointer-events: none; }
.at-left { left: .4rem; } .at-right { right: .4rem; }
@media (max-width: 30rem) { th, td { padding: .25rem .35rem; } }
.controls { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin: .75rem 0; }
.controls input { flex: 1 1 100%; } select { font: inherit; max-width: 100%; }
"""
SERIES_COLORS = 7
"""How many colours charts have; further series begin again."""


def document(title: str, parts: Iterable[str]) -> str:
    """Return the whole page; `parts` are HTML."""
    return _DOCUMENT.substitute(title=escape(title), style=_STYLE, body="\n".join(parts))


def paragraph(text: str, *, soft: bool = False) -> str:
    """Return a paragraph of text."""
    return f'<p class="soft">{escape(text)}</p>' if soft else f"<p>{escape(text)}</p>"


def heading(text: str) -> str:
    """Return a heading of the second level."""
    return f"<h2>{escape(text)}</h2>"


def number(value: float | None, digits: int = 2, *, absent: str = "-", unit: str = "") -> str:
    """Return a number of the JSON, shown with that many decimals; None is shown as `absent`."""
    if value is None:
        return escape(absent)
    return f'<data value="{json.dumps(value)}">{value:,.{digits}f}{escape(unit)}</data>'


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    best: Iterable[tuple[int, int]] = (),
    *,
    kind: str = "",
) -> str:
    """Return a table that scrolls by itself where it is too wide.

    `head` is text, cells are HTML; `best` are the (row, column) of cells that stand out; `kind` is its class.
    """
    stand_out = set(best)
    lines = [
        "<tr>"
        + "".join(
            f'<td class="best">{cell}</td>' if (r, c) in stand_out else f"<td>{cell}</td>"
            for c, cell in enumerate(row)
        )
        + "</tr>"
        for r, row in enumerate(rows)
    ]
    heads = "".join(f"<th>{escape(text)}</th>" for text in head)
    opening = f'<table class="{kind}">' if kind else "<table>"
    return f'<div class="wide">{opening}<tr>{heads}</tr>{"".join(lines)}</table></div>'


def folded(summary: str, content: str) -> str:
    """Return HTML that is shown once its summary, a text, is clicked."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def bullets(texts: Iterable[str]) -> str:
    """Return a list of texts; nothing of none."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""


def picture(rgb: npt.NDArray[np.uint8], alternative: str, *, identity: str = "") -> str:
    """Return a picture, (H, W, 3) R G B, with the text that stands for it, and an id where one is given."""
    data = base64.b64encode(png_bytes(rgb.transpose(2, 0, 1))).decode()
    height, width = rgb.shape[:2]
    name = f' id="{escape(identity)}"' if identity else ""
    return (
        f'<img{name} width="{width}" height="{height}" alt="{escape(alternative)}" '
        f'src="data:image/png;base64,{data}">'
    )


def figure(content: str, caption: str) -> str:
    """Return a figure of HTML with a caption in HTML."""
    return f"<figure>{content}<figcaption>{caption}</figcaption></figure>"
