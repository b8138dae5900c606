"""The page of `vsr eval` and `vsr models compare`."""

from __future__ import annotations

from html import escape
from typing import Any

from vsr.page.axes import linear, logarithmic
from vsr.page.charts import points
from vsr.page.html import bullets, document, figure, folded, heading, number, paragraph, picture, table
from vsr.quality.evaluate import METRICS, Crop, Evaluation
from vsr.quality.text import fps_digits


def evaluation_page(evaluation: Evaluation) -> str:
    """Return the page for results."""
    facts = evaluation.to_json()
    count = number(facts["num_pictures"], 0)
    machine = facts["machine"]
    return document(
        "Upscalers compared",
        [
            f"<p>{count} picture{'s' if facts['num_pictures'] > 1 else ''}: {escape(facts['data'])}</p>",
            _means(facts),
            *_chart(facts),
            heading("Pictures"),
            paragraph(
                "Where the results differ most, pixel by pixel, with the PSNR of luma of the whole picture."
            ),
            *(_pictures(facts, crop) for crop in evaluation.crops),
            heading("Each picture"),
            *(_details(facts, metric) for metric in facts["metrics"]),
            heading("How it was measured"),
            bullets(_method(facts)),
            paragraph(f"vsr {facts['vsr']} on {machine['cpu']}, {machine['cores']} cores", soft=True),
        ],
    )


def _means(facts: dict[str, Any]) -> str:
    metrics = list(facts["metrics"])
    rows = [
        [
            escape(model["model"]),
            *(number(model["mean"][m], METRICS[m].digits, absent="equal") for m in metrics),
            number(model["parameters"], 0),
            number(model["macs_per_input_pixel"], 0),
            number(model["fps"], fps_digits(model["fps"])),
            escape(model["fps_input"]),
            escape(model["engine"] or ""),
        ]
        for model in facts["models"]
    ]
    head = ["", *(METRICS[m].head for m in metrics), "parameters", "MAC/px", "fps", "of", "engine"]
    best = [(_best(facts, metric), column + 1) for column, metric in enumerate(metrics)]
    return table(head, rows, best if len(rows) > 1 else ())


def _best(facts: dict[str, Any], metric: str) -> int:
    """Return the row of the best mean; None is that of equal pictures, above any."""
    worse = -1 if metric == "perceptual" else 1
    values = [model["mean"][metric] for model in facts["models"]]
    ranks = [float("inf") if value is None else worse * value for value in values]
    return ranks.index(max(ranks))


def _chart(facts: dict[str, Any]) -> list[str]:
    found = [
        (m["model"], m["fps"], m["mean"]["psnr_y"])
        for m in facts["models"]
        if m["mean"]["psnr_y"] is not None
    ]
    sizes = {model["fps_input"] for model in facts["models"]}
    if len(found) < 2 or len(sizes) > 1:  # speeds at different sizes do not belong in one chart
        return []
    across = logarithmic(f"frames a second of {sizes.pop()}", [fps for _, fps, _ in found])
    along = linear("PSNR of luma, dB", [quality for _, _, quality in found])
    return [heading("Quality and speed"), points(found, across, along)]


def _pictures(facts: dict[str, Any], crop: Crop) -> str:
    figures = [figure(picture(crop.original, f"{crop.picture}, original"), "original")]
    for model in facts["models"]:
        values = model["pictures"][crop.index]
        shown = picture(crop.results[model["model"]], f"{crop.picture} by {model['model']}")
        psnr = number(values["psnr_y"], 2, absent="equal", unit=" dB")
        figures.append(figure(shown, f"{escape(model['model'])}<br>{psnr}"))
    return f'<h3>{escape(crop.picture)}</h3><div class="tiles">{"".join(figures)}</div>'


def _details(facts: dict[str, Any], metric: str) -> str:
    models = facts["models"]
    names = [row["picture"] for row in models[0]["pictures"]]
    rows = [
        [
            escape(name),
            *(number(m["pictures"][i][metric], METRICS[metric].digits, absent="equal") for m in models),
        ]
        for i, name in enumerate(names)
    ]
    content = table(["", *(model["model"] for model in models)], rows)
    return folded(facts["metrics"][metric], content)


def _method(facts: dict[str, Any]) -> list[str]:
    return [
        "Models are given and give float32; luma (BT.601 limited) and R, G, B are rounded to 8 bits to be "
        f"compared, as MATLAB's uint8 does, without a border of {facts['border']} pixels.",
        "Scalers and networks of luma are given luma, chroma is then enlarged by bicubic; all others are "
        "given R, G, B.",
        *(f"{METRICS[metric].head}: {meaning}" for metric, meaning in facts["metrics"].items()),
        "MAC/px: multiply-adds of all convolutions for a pixel of the reduced picture.",
        "fps: of yuv420p video on the machine below, by processor time, without decoder and encoder.",
        *facts["notes"],
        *(f"{model['model']}: {note}" for model in facts["models"] for note in model["notes"]),
    ]
