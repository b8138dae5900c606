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
_CAPTION = ("xpsnr_y", "psnr_y", "ssim_y")
"""What stands below a frame."""
_SCRIPT = """
<script>
const slider = document.querySelector(".slider"), [left, right] = slider.querySelectorAll("img");
const [frame, a, b, view, zoom, cut] =
  ["frame", "left", "right", "view", "zoom", "cut"].map(name => document.getElementById(name));
function show() {
  for (const [img, side, label] of [[left, a, ".at-left"], [right, b, ".at-right"]]) {
    const source = document.getElementById(`p${frame.value}-${side.value}`);
    img.style.visibility = source ? "visible" : "hidden";
    for (const name of source ? ["src", "alt", "width", "height"] : [])
      img.setAttribute(name, source.getAttribute(name));
    slider.querySelector(label).textContent =
      side.selectedOptions[0].text + (source ? "" : ": it has no such frame");
  }
  slider.classList.toggle("difference", view.value == "difference");
  slider.classList.toggle("enlarged", zoom.value != "fit");
  slider.style.width = zoom.value == "fit" ? "" : `${left.getAttribute("width") * zoom.value}px`;
  slider.style.setProperty("--cut", cut.value + "%");
}
for (const control of [frame, a, b, view, zoom, cut]) control.addEventListener("input", show);
slider.addEventListener("pointermove", event => {
  if (event.buttons) {
    cut.value = 100 * (event.clientX - slider.getBoundingClientRect().left) / slider.clientWidth;
    show();
  }
});
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
            *([paragraph("Circles: the frames below.", soft=True)] if comparison.shown else []),
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
        meaning = facts["metrics"][metric]
        plot = lines(series, "seconds", meaning, _marks(facts, metric))
        plots.append(plot or paragraph(f"{meaning}: all frames are equal."))
    return plots


def _marks(facts: dict[str, Any], metric: str) -> list[tuple[str, float, float]]:
    """Return where on a plot the frames are that the page shows."""
    shown = {each["frame"] for each in facts["shown"]}
    frames = [frame for frame in facts["frames"] if frame["frame"] in shown]
    return [
        (f"frame {frame['frame']}", frame["seconds"], found[metric])
        for frame in frames
        for found in frame["results"]
        if found is not None and found[metric] is not None
    ]


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
    blank = f'<img width="{width}" height="{height}" alt="" draggable="false">'
    labels = '<span class="label at-left"></span><span class="label at-right"></span>'
    controls = (
        f'<select id="frame" aria-label="frame">{options}</select>'
        f'<select id="left" aria-label="left">{sides[0]}</select>'
        f'<select id="right" aria-label="right">{sides[1]}</select>'
        f"{_choice('view', {'cut': 'both, up to the line', 'difference': 'difference, 8 times'})}"
        f"{_choice('zoom', {'fit': 'as wide as the page', '1': '1:1', '2': '2:1', '4': '4:1'})}"
        '<input id="cut" type="range" min="0" max="100" step="any" value="50" '
        'aria-label="where the pictures meet">'
    )
    return [
        heading("Frames"),
        f'<div class="wide window"><div class="slider">{blank}{blank}{labels}</div></div>'
        f'<div class="controls">{controls}</div>',
        *(_frame(comparison, each, names) for each in comparison.shown),
        _SCRIPT,
    ]


def _choice(identity: str, texts: dict[str, str]) -> str:
    options = "".join(f'<option value="{value}">{text}</option>' for value, text in texts.items())
    return f'<select id="{identity}" aria-label="{identity}">{options}</select>'


def _frame(comparison: Comparison, shown: Shown, names: list[str]) -> str:
    figures = []
    place = shown.frame - comparison.first_frame
    for index, name in enumerate(names):
        if name not in shown.pictures:
            continue
        caption = escape(_short(name))
        if index:
            found = comparison.to_json()["frames"][place]["results"][index - 1]
            for metric in _CAPTION:
                head, digits = METRICS[metric].head, METRICS[metric].digits
                caption += f"<br>{head} {number(found[metric], digits, absent='equal')}"
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
