"""The papers' protocol: pictures reduced, enlarged by each model, and compared with what they were.

Luma (BT.601 limited) and R, G, B are rounded to 8 bits on both sides, as MATLAB's uint8 does, and a border of
`scale` samples is left out. What a model is given and gives is float32, and never rounded.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vsr._version import __version__
from vsr.device import cpu
from vsr.errors import OptionError
from vsr.media.encoder_settings import parse_pairs
from vsr.options import MAX_THREADS, EvalOptions
from vsr.quality.metrics import (
    PEAK,
    SSIM_WINDOW,
    Metric,
    Values,
    as_samples,
    psnr,
    ssim,
    ssim_single_window,
    without_border,
    ycbcr,
)
from vsr.quality.perceptual import LEAST_SIDE, Features, PerceptualDistance, distance, weights_path
from vsr.quality.pictures import Picture, Pictures, spread
from vsr.quality.subject import Cost, Settings, Speed, Subject, read_subjects
from vsr.quality.text import fps_digits, text_table

Samples = npt.NDArray[np.uint8]


METRICS: Mapping[str, Metric] = {
    "psnr_y": Metric("PSNR Y", 2, "PSNR of luma, dB"),
    "ssim_y": Metric("SSIM Y", 4, "SSIM of luma, 11x11 Gaussian"),
    "psnr_rgb": Metric("PSNR RGB", 2, "PSNR of R, G, B, dB"),
    "ssim_rgb": Metric("SSIM RGB", 4, "SSIM of R, G, B, the mean of three"),
    "ssim_window": Metric("SSIM one", 4, "SSIM of luma over one window, the whole picture"),
    "perceptual": Metric("perceptual", 4, "distance by VGG16's features, smaller is better"),
}
_SHOWN, _CROP = 6, 96
"""How many pictures are shown, and the side of what is cut from each, in pixels."""


@dataclass(frozen=True, kw_only=True)
class ModelResult:
    """What was measured of one model."""

    name: str
    engine: str
    notes: tuple[str, ...]
    cost: Cost | None
    speed: Speed
    values: dict[str, list[float]]
    """Of each metric one number a picture, in the pictures' order."""

    def mean(self, metric: str) -> float:
        """Return the mean over the pictures, as papers take it."""
        return float(np.mean(self.values[metric]))

    def to_json(self, pictures: list[str]) -> dict[str, Any]:
        """Return it for programs. A PSNR of equal pictures, which is infinite, is null."""
        return {
            "model": self.name,
            "engine": self.engine or None,
            "notes": list(self.notes),
            "parameters": self.cost.parameters if self.cost else None,
            "macs_per_input_pixel": round(self.cost.macs_per_pixel, 1) if self.cost else None,
            "fps": round(self.speed.fps, 2),
            "fps_input": f"{self.speed.width}x{self.speed.height}",
            "mean": {metric: _rounded(self.mean(metric)) for metric in self.values},
            "pictures": [
                {"picture": name, **{m: _rounded(values[index]) for m, values in self.values.items()}}
                for index, name in enumerate(pictures)
            ],
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Crop:
    """A place in a picture as it was, and as each model made it: (H, W, 3) R G B."""

    index: int
    """The picture's number, from 0."""
    picture: str
    left: int
    top: int
    original: Samples
    results: dict[str, Samples]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All results on all pictures."""

    data: str
    scale: int
    pictures: list[str]
    models: list[ModelResult]
    notes: tuple[str, ...] = ()
    crops: list[Crop] = field(default_factory=list)

    @property
    def metrics(self) -> list[str]:
        """Those that were measured, in order."""
        return list(self.models[0].values)

    def lines(self) -> list[str]:
        """Return a table of the means, and the notes, for people."""
        head = ["", *(METRICS[m].head for m in self.metrics), "parameters", "MAC/px", "fps", "of", "engine"]
        rows = [[*_cells(model), model.engine] for model in self.models]
        said = [f"note  {model.name}: {note}" for model in self.models for note in model.notes]
        return [
            f"{len(self.pictures)} picture{'s' if len(self.pictures) > 1 else ''}: {self.data}",
            *text_table(head, rows),
            *(f"note  {note}" for note in self.notes),
            *said,
        ]

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "vsr": __version__,
            "data": self.data,
            "scale": self.scale,
            "num_pictures": len(self.pictures),
            "border": self.scale,
            "machine": {"cpu": cpu.model_name(), "cores": cpu.usable_cores(), "isa": cpu.isa()},
            "metrics": {metric: METRICS[metric].meaning for metric in self.metrics},
            "notes": list(self.notes),
            "models": [model.to_json(self.pictures) for model in self.models],
            "crops": [
                {"picture": c.picture, "left": c.left, "top": c.top, "side": len(c.original)}
                for c in self.crops
            ],
        }


def _cells(model: ModelResult) -> list[str]:
    """Return what is known of a model as text, but for its engine."""
    means = [f"{model.mean(metric):.{METRICS[metric].digits}f}" for metric in model.values]
    cost = (f"{model.cost.parameters:,}", f"{model.cost.macs_per_pixel:,.0f}") if model.cost else ("-", "-")
    speed = model.speed
    return [
        model.name,
        *means,
        *cost,
        f"{speed.fps:.{fps_digits(speed.fps)}f}",
        f"{speed.width}x{speed.height}",
    ]


Tell = Callable[[int, str], None]
"""Told the number of pictures that are done, and what is next: a picture's name, or the speed."""


def evaluate(texts: list[str], options: EvalOptions, tell: Tell = lambda done, name: None) -> Evaluation:
    """Return what the models make of the pictures. Raises OptionError, DecodeError and DeviceError."""
    settings = _settings(options)
    subjects = read_subjects(texts, options.scale, settings)
    scale = subjects[0].scale
    path = weights_path(options.vgg)
    vgg = PerceptualDistance(path, threads=settings.threads) if path else None
    pictures = Pictures(options.data, scale=scale, low=options.lr, limit=options.limit, tile=options.tile)
    bench = _Bench(subjects, vgg, settings.threads)
    crops: list[Crop] = []
    size = (0, 0)
    for picture in pictures:
        tell(len(bench.names), picture.name)
        crops.append(bench.add(picture, scale, options.tile))
        size = size if any(size) else (picture.low.shape[2], picture.low.shape[1])
    tell(len(bench.names), "speed")
    models = [
        ModelResult(
            name=subject.name,
            engine=subject.engine,
            notes=subject.notes,
            cost=subject.cost(*size),
            speed=subject.speed(),
            values=bench.values[subject.name],
        )
        for subject in subjects
    ]
    notes = () if vgg else ("no perceptual distance: name VGG16's weights by --vgg or VSR_VGG16",)
    shown = [crops[index] for index in spread(len(crops), _SHOWN)]
    return Evaluation(
        data=pictures.sentence, scale=scale, pictures=bench.names, models=models, notes=notes, crops=shown
    )


def _settings(options: EvalOptions) -> Settings:
    if not 0 <= options.threads <= MAX_THREADS:
        raise OptionError(f"--threads is {options.threads}; give 0 for one a core, or up to {MAX_THREADS}")
    return Settings(
        engine=options.engine,
        precision=options.precision,
        threads=options.threads or cpu.usable_cores(),
        shader_dir=Path(options.shader_dir) if options.shader_dir else None,
        options=parse_pairs(options.model_options, "--model-option"),
    )


class _Bench:
    """Runs the models on one picture after the other and keeps what is measured."""

    def __init__(self, subjects: list[Subject], vgg: PerceptualDistance | None, threads: int) -> None:
        self._subjects = subjects
        self._vgg = vgg
        self._threads = threads
        self.names: list[str] = []
        measured = [metric for metric in METRICS if vgg or metric != "perceptual"]
        self.values: dict[str, dict[str, list[float]]] = {
            subject.name: {metric: [] for metric in measured} for subject in subjects
        }

    def add(self, picture: Picture, scale: int, tile: int | None) -> Crop:
        """Measure all models on a picture and return the place that shows them best."""
        high = picture.high.astype(np.float64) * PEAK
        self._check_size(picture, high, scale)
        self.names.append(picture.name)
        truth = as_samples(high)
        seen = self._vgg.features(without_border(truth, scale)) if self._vgg else None
        results = {}
        for subject in self._subjects:
            luma, rgb = subject(picture.low)
            results[subject.name] = as_samples(rgb)
            measured = self._measured(high, truth, luma, results[subject.name], scale, seen)
            for metric, values in self.values[subject.name].items():
                values.append(measured[metric])
        return _crop(len(self.names) - 1, picture.name, truth, results, tile or _CROP)

    def _measured(
        self,
        high: Values,
        truth: Values,
        luma: Values,
        rgb: Values,
        border: int,
        seen: Features | None,
    ) -> dict[str, float]:
        y, got = (as_samples(without_border(v, border)) for v in (ycbcr(high)[0], luma))
        truth, rgb = without_border(truth, border), without_border(rgb, border)
        measured = {
            "psnr_y": psnr(y, got),
            "ssim_y": ssim(y, got, threads=self._threads),
            "psnr_rgb": psnr(truth, rgb),
            "ssim_rgb": ssim(truth, rgb, threads=self._threads),
            "ssim_window": ssim_single_window(y, got),
        }
        if self._vgg is not None and seen is not None:
            measured["perceptual"] = distance(seen, self._vgg.features(rgb))
        return measured

    def _check_size(self, picture: Picture, high: Values, border: int) -> None:
        least = (LEAST_SIDE if self._vgg else SSIM_WINDOW) + 2 * border
        height, width = high.shape[1:]
        if min(height, width) < least:
            raise OptionError(
                f"{picture.name} is {width}x{height}: with a border of {border} left out, pictures must have "
                f"{least}x{least} pixels or more; leave it out, or choose larger ones"
            )


def _crop(index: int, name: str, truth: Values, results: dict[str, Values], side: int) -> Crop:
    """Return the square in which the results differ most, or where the only one is most wrong."""
    pictures = list(results.values())
    others = pictures if len(pictures) > 1 else [truth, *pictures]
    spread = np.stack([p.mean(axis=0) for p in others]).var(axis=0)
    side = min(side, *spread.shape)
    sums = np.pad(spread, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    windows = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    top, left = (int(v) for v in np.unravel_index(int(windows.argmax()), windows.shape))

    def cut(rgb: Values) -> Samples:
        return np.ascontiguousarray(
            rgb[:, top : top + side, left : left + side].astype(np.uint8).transpose(1, 2, 0)
        )

    return Crop(
        index=index,
        picture=name,
        left=left,
        top=top,
        original=cut(truth),
        results={model: cut(rgb) for model, rgb in results.items()},
    )


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
