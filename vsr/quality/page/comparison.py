"""The page of `vsr compare`."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from vsr.page.charts import lines
from vsr.page.html import bullets, document, figure, heading, number, paragraph, picture, table
from vsr.quality.compare import Comparison
from vsr.quality.meter import METRICS
from vsr.quality.shown import Shown

_PLOTS = ("xpsnr_y", "psnr_y", "ssim_y")
_SCRIPT = """
<script>
const slider = document.querySelector(".slider"), [left, right] = slider.querySelectorAll("img");
const [frame, a, b] = ["frame", "left", "right"].map(name => document.getElementById(name));
function show() {
  for (const [img, side] of [[left, a], [right, b]]) {
    const source = document.getElementById(`p${frame.value}-${side.value}`);
    if (source) { img.src = source.src; img.alt = source.alt; }
  }
}
for (const control of [frame, a, b]) control.addEventListener("change", show);
document.getElementById("cut").addEventListener("input", event =>
  slider.style.setProperty("--cut", event.target.value + "%"));
show();
</script>
"""


def comparison_page(comparison: Comparison) -> str:
    """Return the page for results."""
    facts = comparison.to_json()
    return document(
        "Videos compared",
        [
            f"<p>Against {escape(facts['reference'])}: {number(facts['num_frames'], 0)} frames of "
            f"{escape(facts['size'])}, compared as {escape(facts['format'])}</p>",
            *(_summary(facts, result) for result in facts["results"]),
            heading("Over time"),
            *_plots(facts),
            *(_slider(comparison) if comparison.shown else []),
            heading("How it was measured"),
            bullets(_method(facts)),
            paragraph(f"vsr {facts['vsr']}", soft=True),
        ],
    )


def _summary(facts: dict[str, Any], result: dict[str, Any]) -> str:
    rows = []
    for metric in facts["metrics"]:
        worst, shown = result["worst"][metric], METRICS[metric]
        rows.append(
            [
                escape(shown.head),
                number(result["whole"][metric], shown.digits, absent="equal"),
                number(worst["value"], shown.digits, absent="equal"),
                f"{number(worst['frame'], 0)} at {number(worst['seconds'], 3, unit=' s')}",
            ]
        )
    return heading(_short(result["video"])) + table(["", "whole", "worst", "frame"], rows)


def _plots(facts: dict[str, Any]) -> list[str]:
    plots = []
    for metric in _PLOTS:
        series = [
            (
                _short(result["video"]),
                [
                    (frame["seconds"], None if found is None else found[metric])
                    for frame in facts["frames"]
                    for found in [frame["results"][index]]
                ],
            )
            for index, result in enumerate(facts["results"])
        ]
        plots.append(lines(series, "seconds", facts["metrics"][metric]))
    return plots


def _slider(comparison: Comparison) -> list[str]:
    names = [comparison.reference, *(result.name for result in comparison.results)]
    options = "".join(
        f'<option value="{each.frame}">frame {each.frame}</option>' for each in comparison.shown
    )
    sides = [
        "".join(
            f'<option value="{index}"{" selected" if index == chosen else ""}>{escape(_short(name))}</option>'
            for index, name in enumerate(names)
        )
        for chosen in (0, len(names) - 1)
    ]
    first = comparison.shown[0]
    height, width = next(iter(first.pictures.values())).shape[:2]
    blank = f'<img width="{width}" height="{height}" alt="">'
    controls = (
        f'<select id="frame" aria-label="frame">{options}</select>'
        f'<select id="left" aria-label="left">{sides[0]}</select>'
        f'<select id="right" aria-label="right">{sides[1]}</select>'
        '<input id="cut" type="range" min="0" max="100" value="50" aria-label="where the pictures meet">'
    )
    return [
        heading("Frames"),
        f'<div class="slider">{blank}{blank}</div><div class="controls">{controls}</div>',
        *(_frame(comparison, each, names) for each in comparison.shown),
        _SCRIPT,
    ]


def _frame(comparison: Comparison, shown: Shown, names: list[str]) -> str:
    figures = []
    place = shown.frame - comparison.first_frame
    for index, name in enumerate(names):
        if name not in shown.pictures:
            continue
        caption = escape(_short(name))
        if index:
            found = comparison.to_json()["frames"][place]["results"][index - 1]
            caption += f"<br>XPSNR {number(found['xpsnr_y'], 2, absent='equal', unit=' dB')}"
        image = picture(
            shown.pictures[name], f"{_short(name)}, frame {shown.frame}", identity=f"p{shown.frame}-{index}"
        )
        figures.append(figure(image, caption))
    at = number(comparison.seconds[place], 3, unit=" s")
    return f'<h3>Frame {number(shown.frame, 0)} at {at}</h3><div class="frames">{"".join(figures)}</div>'


def _method(facts: dict[str, Any]) -> list[str]:
    return [
        "Frames are matched by their times, counted from each video's first frame, to a tick of both time "
        "bases.",
        "Whole: of the mean squared error of all frames; of XPSNR, of the mean of its roots; of SSIM, the "
        "mean.",
        "The frames shown are those of the lowest XPSNR, half a second apart at least, and those asked for; "
        "of large frames the part that has most of the error.",
        *(f"{METRICS[metric].head}: {meaning}" for metric, meaning in facts["metrics"].items()),
        *facts["notes"],
    ]


def _short(name: str) -> str:
    return Path(name).name
