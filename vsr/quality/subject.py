"""A model under evaluation: pictures of float32 through the engine that runs it, what it costs, its speed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from vsr.chain import Chain
from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.engine.cuda_engines import CUDA_ENGINES
from vsr.engine.engines import Load
from vsr.engine.platform import CpuPlatform, Running, check_names
from vsr.engine.step import LUMA, Network, Steps
from vsr.errors import OptionError
from vsr.frame import PictureSpec, empty_frame, pixel_format
from vsr.media.rgb import RGB, RGB_COLOR, rgb_array
from vsr.models import Recipe, check_heeded
from vsr.nets.glsl.chain import Planned, PlannedStage, ShaderChain
from vsr.nets.graph import Graph
from vsr.ops.resize import Resize
from vsr.ops.scalers import SCALERS
from vsr.ops.step import Step
from vsr.quality.metrics import LUMA_COLOR, PEAK, Values, rgb_of, ycbcr
from vsr.quality.pictures import planes_of

SPEED_SIZE = (854, 480)
"""(width, height) of the video whose frames a second are measured: a DVD's."""
_SPEED_SECONDS = 1.0
_LEAST_FRAMES = 3
"""The first also finds memory for what lies between layers: up to twice as long, in wide networks."""
_LONGEST_SECONDS = 10.0
_SPEED_COLOR = ColorSpec(matrix=Matrix.SMPTE170M, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a model is made of."""

    parameters: int
    macs_per_pixel: float
    """Multiply-adds of all convolutions for a pixel of the reduced picture."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Frames a second of yuv420p video by processor time, without decoder and encoder."""

    fps: float
    width: int
    height: int
    """Of the video before."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How models are run."""

    engine: str = "auto"
    precision: str = "auto"
    threads: int = 1
    shader_dir: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    """The models' own, each for the models that have it."""


class Subject:
    """A model, read once, that enlarges pictures of any size by one whole factor.

    The papers' way: a model that works on planes one by one, a scaler or a network of luma, is given luma of
    BT.601 in float32 and gives luma; Cb and Cr are enlarged by bicubic. All others are given R, G, B. Engine
    and precision are chosen for the first picture and kept.

    Thread-safety: one thread; what is prepared for the last size is kept. Raises OptionError as Recipe does.
    """

    def __init__(self, name: str, recipe: Recipe, scale: int, settings: Settings) -> None:
        self.name = name
        self.recipe = recipe
        self.scale = scale
        self.notes: tuple[str, ...] = ()
        self.decided: tuple[tuple[str, str], ...] = ()
        self.sees_luma = _sees_luma(recipe)
        self._threads = settings.threads
        self._running = Running(
            engine=settings.engine, precision=settings.precision, load=Load(threads=settings.threads)
        )
        self._prepared: tuple[PictureSpec, Steps] | None = None

    def __call__(self, low: Values) -> tuple[Values, Values]:
        """Return the picture enlarged, (H, W) luma and (3, H, W) R G B, both 0..255, neither rounded.

        `low` is (3, h, w) R G B in 0..1.
        """
        height, width = low.shape[1:]
        if not self.sees_luma:
            spec = PictureSpec(width=width, height=height, format=RGB, color=RGB_COLOR)
            steps = self._steps(spec)
            result = empty_frame(steps.output.width, steps.output.height, RGB)
            steps(planes_of(low), result.planes, threads=self._threads)
            rgb = np.clip(rgb_array(result).astype(np.float64), 0, 1) * PEAK
            return ycbcr(rgb)[0], rgb
        planes = (ycbcr(low.astype(np.float64) * PEAK) / PEAK).astype(np.float32)
        spec = PictureSpec(width=width, height=height, format=LUMA, color=LUMA_COLOR)
        steps = self._steps(spec)
        chroma = Resize(spec, steps.output.width, steps.output.height, scaler="bicubic")
        enlarged = []
        ways: tuple[Step, ...] = (steps, chroma, chroma)
        for step, plane in zip(ways, planes, strict=True):
            into = empty_frame(steps.output.width, steps.output.height, LUMA)
            step([plane], into.planes, threads=self._threads)
            enlarged.append(into.planes[0].astype(np.float64) * PEAK)
        return enlarged[0], np.clip(rgb_of(np.stack(enlarged)), 0, PEAK)

    @property
    def engine(self) -> str:
        """What runs it, for people: "fused_cpu in bf16"; of models that are no networks nothing."""
        return ", ".join(dict.fromkeys(f"{engine} in {precision}" for engine, precision in self.decided))

    def cost(self, width: int, height: int) -> Cost | None:
        """Return what it costs for pictures of that size, or None where it is not made of our operations."""
        return cost(self.recipe, self.scale, width, height)

    def speed(self) -> Speed:
        """Return the frames a second of a 480p video, or of a quarter of its sides where that takes long."""
        width, height = SPEED_SIZE
        seconds = self._seconds(width // 4, height // 4)
        if seconds * 16 > _LONGEST_SECONDS:
            return Speed(fps=1 / seconds, width=width // 4, height=height // 4)
        return Speed(fps=1 / self._seconds(width, height), width=width, height=height)

    def _seconds(self, width: int, height: int) -> float:
        """Return the processor time on each thread of the quickest frame in a second, of three at least.

        Processor time, because others may be using the processor: what all threads take, over their number,
        or what the calling one takes where it does more than its share.
        """
        spec = PictureSpec(width=width, height=height, format=pixel_format("yuv420p"), color=_SPEED_COLOR)
        steps = self._planned(spec)
        planes = empty_frame(width, height, spec.format).planes
        for plane in planes:
            y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
            plane[...] = 60 + 70 * ((x // 13 + y // 9) % 2) + 60 * ((x + 2 * y) % 23 < 2) + x // 4 % 20
        into = empty_frame(steps.output.width, steps.output.height, spec.format).planes
        times: list[float] = []
        while len(times) < _LEAST_FRAMES or sum(times) < _SPEED_SECONDS:
            all_began, own_began = time.process_time(), time.thread_time()
            steps(planes, into, threads=self._threads)
            shared = (time.process_time() - all_began) / self._threads
            times.append(max(shared, time.thread_time() - own_began))
        return min(times)

    def _steps(self, spec: PictureSpec) -> Steps:
        if self._prepared is None or self._prepared[0] != spec:
            self._prepared = spec, self._planned(spec)
        return self._prepared[1]

    def _planned(self, spec: PictureSpec) -> Steps:
        target = replace(spec, width=spec.width * self.scale, height=spec.height * self.scale)
        model = self.recipe.model
        if not isinstance(model, Chain):
            return Steps([model.build(spec, target, self.recipe.values)])
        platform = CpuPlatform(replace(self._running, decided=self.decided))
        laid = model.lay(spec, target, platform)
        if not self.decided:
            self.decided, self.notes = laid.decided, laid.notes
        return Steps(laid.steps)


def cost(recipe: Recipe, scale: float, width: int, height: int) -> Cost | None:
    """Return what a model costs for pictures of that size; None where it is not made of our operations."""
    parameters, macs = 0, 0.0
    for network, size in _networks(recipe, scale, (width, height)):
        if not isinstance(network, Graph):
            return None
        parameters += network.num_parameters
        macs += network.macs_per_input_pixel * size[0] * size[1]
    return Cost(parameters=parameters, macs_per_pixel=macs / (width * height))


def _networks(recipe: Recipe, scale: float, size: tuple[int, int]) -> list[tuple[Network, tuple[int, int]]]:
    """Return the networks that run for a picture of `size`, and the size of what each is given."""
    if not isinstance(recipe.model, Chain):
        return []
    wanted = (round(size[0] * scale), round(size[1] * scale))
    found: list[tuple[Network, tuple[int, int]]] = []
    for link in recipe.model.links:
        if isinstance(link, ShaderChain):
            planned = link.plan(size, wanted)
            found += _graphs(planned)
            size = planned[-1].target if planned else size
        else:
            found.append((link, size))
            size = (size[0] * link.scale, size[1] * link.scale)
    return found


def read_subjects(texts: list[str], scale: int | None, settings: Settings) -> list[Subject]:
    """Return the models by their texts. Without `scale` it is the networks' own, where they agree; else 2.

    Weights that do not say how far they enlarge (SRCNN, VDSR, FSRCNN) are taken to enlarge by `scale`.
    """
    if scale is not None and not 2 <= scale <= 16:
        raise OptionError(f"--scale is {scale}; give a whole number from 2 to 16")
    if settings.engine in CUDA_ENGINES or settings.precision == "fp16":
        raise OptionError(
            f"--engine {settings.engine} --precision {settings.precision}: models are measured on the CPU, "
            "with --engine auto, fused_cpu, openvino or reference and --precision auto, fp32, bf16 or int8"
        )
    check_names(settings.engine, settings.precision, on_gpu=False)
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise OptionError(f"model {twice!r} is named twice; name each once")
    recipes = [_recipe(text, scale, settings) for text in texts]
    _check_options_used(recipes, settings.options)
    check_heeded(
        recipes, engine=settings.engine, precision=settings.precision, shader_dir=settings.shader_dir
    )
    if scale is None:
        own = {int(recipe.scale) for recipe in recipes if isinstance(recipe.model, Chain)} - {1}
        if len(own) > 1:
            raise OptionError(f"the models enlarge {' and '.join(map(str, sorted(own)))} times; give --scale")
        scale = own.pop() if own else 2
    short = [_short(text) for text in texts]
    names = [name if short.count(name) == 1 else text for name, text in zip(short, texts, strict=True)]
    return [Subject(*each, scale, settings) for each in zip(names, recipes, strict=True)]


def _recipe(text: str, scale: int | None, settings: Settings) -> Recipe:
    plain = Recipe(text, shader_dir=settings.shader_dir)
    given = {name: value for name, value in settings.options.items() if name in plain.values}
    recipe = Recipe(text, options=given, shader_dir=settings.shader_dir) if given else plain
    unsaid = isinstance(recipe.model, Chain) and "scale" not in given and recipe.scale != scale
    if scale is None or not unsaid:
        return recipe
    try:
        return Recipe(text, options=given | {"scale": str(scale)}, shader_dir=settings.shader_dir)
    except OptionError:  # its scale is in the weights, and is another: what it makes is then resized
        return recipe


def _check_options_used(recipes: list[Recipe], options: Mapping[str, str]) -> None:
    for name in options:
        if not any(name in recipe.values for recipe in recipes):
            known = dict.fromkeys(key for recipe in recipes for key in recipe.values)
            raise OptionError(
                f"--model-option {name}: none of the models has it; they have {', '.join(known) or 'none'}"
            )


def _sees_luma(recipe: Recipe) -> bool:
    """True where luma alone can be given: of scalers, and of networks that read luma and give luma."""
    if not isinstance(recipe.model, Chain):
        return recipe.text in SCALERS
    networks: list[Network | None] = []
    for link in recipe.model.links:
        networks += [stage.graph for stage in link.stages] if isinstance(link, ShaderChain) else [link]
    return all(network is not None and network.channels_in == 1 for network in networks)


def _graphs(planned: tuple[Planned, ...]) -> list[tuple[Network, tuple[int, int]]]:
    found: list[tuple[Network, tuple[int, int]]] = []
    for stage in planned:
        if isinstance(stage, PlannedStage):
            found.append((stage.graph, stage.source))
        else:
            found += _graphs(stage.inner)
    return found


def _short(text: str) -> str:
    """Return a model's text without the folders of its files."""
    return ",".join(part.rsplit("/", 1)[-1] for part in text.split(","))
