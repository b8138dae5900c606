"""Deciding a whole run before it begins: sizes, colour, encoder, and what becomes of every stream."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vsr.color import ColorSpec, Matrix, Primaries, Range
from vsr.device.cpu import usable_cores
from vsr.device.cuda.gpu import Gpu
from vsr.engine.lanes import LANES
from vsr.errors import OptionError
from vsr.frame import MAX_SIDE, PictureSpec, PixelFormat, format_name, pixel_format
from vsr.media.encoder_settings import parse_pairs
from vsr.media.encoder_table import spec_of
from vsr.media.encoders import Encoding, choose
from vsr.media.images import is_sequence
from vsr.media.nvenc import Nvenc
from vsr.media.passthrough import PICTURE_ONLY, Route, plan_routes
from vsr.media.source import SourceInfo, VideoInfo
from vsr.media.target import resolve
from vsr.media.writer import Target
from vsr.models import Recipe, check_heeded
from vsr.options import UpscaleOptions
from vsr.timing import format_seconds
from vsr.upscaler import Upscaler

QUEUE_BYTES = 160 << 20
"""Bound of what lies between decoder and encoder: ten 2160p frames of 8 bits with their sources."""
_SIZE = re.compile(r"(\d+)[xX](\d+)")
_LINES = re.compile(r"(\d+)p")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a run does, decided."""

    source: SourceInfo
    picture: PictureSpec
    """The source's picture, with what its tags leave open filled in."""
    output: PictureSpec
    target: Target
    encoding: Encoding
    routes: tuple[Route, ...]
    tags: ColorSpec
    """The colour tags that are written."""
    sample_aspect_ratio: Fraction
    model: str
    """What enlarges; where auto was asked for, what it took."""
    model_reason: str
    """Why auto took it; empty where the model was named."""
    steps: tuple[str, ...]
    device: str
    """Where frames are upscaled, for people: threads of the CPU, or a GPU's name."""
    threads: int
    """For upscaling, all together; on a GPU they only wait for it."""
    workers: int
    """Frames upscaled at once: as many as threads, unless so large that a few of them fill the queue."""
    in_flight_bytes: int
    """What one frame holds between being decoded and being encoded."""
    notes: tuple[str, ...]
    """Guesses, conversions and losses, one sentence each."""

    def lines(self) -> list[str]:
        """The plan as text."""
        video, out = self.source.video, self.output
        lines = [
            f"source   {self.source.name} ({self.source.container})",
            f"picture  {video.width}x{video.height} {video.unpacked_from or video.format.name}, "
            f"{_rate(video)}, {video.codec} by {video.decoder}"
            f"{', deinterlaced by bwdif' if video.interlaced else ''}",
            f"upscale  {self.model}{f' ({self.model_reason})' if self.model_reason else ''} "
            f"to {out.width}x{out.height} on {self.device}",
            *(f"         {step}" for step in self.steps),
            f"encode   {self.encoding.encoder} {self.encoding.encoder_format}"
            + (" on the GPU" if self.encoding.on_gpu else "")
            + "".join(f" {key}={value}" for key, value in self.encoding.options.items()),
            f"result   {'standard output' if self.target.name == '-' else self.target.name} "
            f"({self.target.container})",
        ]
        lines += [f"also     {route.line}" for route in self.routes]
        if self.source.chapters and self.target.container not in PICTURE_ONLY:
            lines.append(f"also     {len(self.source.chapters)} chapters")
        return lines + [f"note     {note}" for note in self.notes]

    def to_json(self) -> dict[str, Any]:
        """The plan for programs."""
        video, out = self.source.video, self.output
        return {
            "source": {
                "name": self.source.name,
                "container": self.source.container,
                "width": video.width,
                "height": video.height,
                "pixel_format": video.unpacked_from or video.format.name,
                "codec": video.codec,
                "decoder": video.decoder,
                "frame_rate": str(video.frame_rate) if video.frame_rate else None,
                "interlaced": video.interlaced,
            },
            "result": {
                "name": self.target.name,
                "container": self.target.container,
                "width": out.width,
                "height": out.height,
                "pixel_format": self.encoding.encoder_format,
                "encoder": self.encoding.encoder,
                "encoder_options": self.encoding.options,
                "encoded_on_gpu": self.encoding.on_gpu,
                "sample_aspect_ratio": str(self.sample_aspect_ratio),
            },
            "model": self.model,
            "model_reason": self.model_reason,
            "steps": list(self.steps),
            "device": self.device,
            "threads": self.threads,
            "workers": self.workers,
            "streams": [
                {"index": r.stream.index, "kind": r.stream.kind, "codec": r.stream.codec, "action": r.action}
                for r in self.routes
            ],
            "notes": list(self.notes),
        }


def _rate(video: VideoInfo) -> str:
    return f"{float(video.frame_rate):.5g} fps" if video.frame_rate else "no stated rate"


def make_plan(
    source: SourceInfo,
    result: str,
    options: UpscaleOptions,
    *,
    source_name: str,
    gpu: Gpu | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[Plan, Upscaler]:
    """Decide the run and prepare its upscaler, on `gpu` or else on the CPU; `say` is the upscaler's.

    Raises OptionError for what cannot be done, OutOfMemoryError for a GPU that is too small.
    """
    threads = options.threads or (usable_cores() if gpu is None else LANES)
    target, supported = resolve(result, options.format, overwrite=options.overwrite, source=source_name)
    video = source.video
    picture, guesses = _picture(video)
    wanted = picture if video.transparent else replace(picture, format=_opaque(video.format))
    recipe = _recipe(options)
    encoding = choose(
        wanted,
        video.hdr,
        target.container,
        supported,
        options,
        name=target.name,
        captioned=video.captioned,
        nvenc=None if gpu is None else Nvenc(gpu, *_wanted_size(video, options, recipe.scale)[:2]),
    )
    size, size_notes = _output_size(video, options, encoding, recipe.scale)
    if encoding.on_gpu and any(side % 2 for side in size):
        encoding = encoding.from_host("it takes even sides only from a GPU's")
    read_bytes = picture.format.frame_bytes(picture.width, picture.height)
    in_flight_bytes = read_bytes + encoding.format.frame_bytes(*size)
    workers = max(1, min(threads, QUEUE_BYTES // in_flight_bytes - 1))
    routes = plan_routes(source, target.container)
    upscaler = Upscaler(
        recipe,
        source=picture,
        size=size,
        target_format=encoding.format,
        target_color=encoding.color,
        threads=-(-threads // workers),
        calls=workers,
        engine=options.engine,
        precision=options.precision,
        device="cpu" if gpu is None else gpu,
        say=say,
    )
    plan = Plan(
        source=source,
        picture=picture,
        output=upscaler.output,
        target=target,
        encoding=encoding,
        routes=routes,
        tags=_tags(video, encoding),
        sample_aspect_ratio=_aspect(video, size, encoding.encoder),
        model=upscaler.recipe.text,
        model_reason=upscaler.recipe.reason,
        steps=upscaler.steps(),
        device=_device(gpu, threads, workers),
        threads=threads,
        workers=workers,
        in_flight_bytes=in_flight_bytes,
        notes=(
            *source.notes,
            *guesses,
            *size_notes,
            *upscaler.notes,
            *encoding.notes,
            *_alpha_notes(video, encoding),
            *_start_notes(source),
            *(_left_behind(routes, target.container)),
        ),
    )
    return plan, upscaler


def _picture(video: VideoInfo) -> tuple[PictureSpec, tuple[str, ...]]:
    """Return the source's picture, its open tags filled in, and what was guessed for that."""
    subsampled = bool(video.format.log2_chroma_w or video.format.log2_chroma_h)
    color, guesses = video.color.guessed(
        video.height, rgb=video.format.family == "rgb", subsampled=subsampled
    )
    if video.format.family == "gray":
        guesses = tuple(g for g in guesses if "range" in g)
    return PictureSpec(width=video.width, height=video.height, format=video.format, color=color), guesses


def _recipe(options: UpscaleOptions) -> Recipe:
    """Return the model that was asked for, all of whose options it heeds."""
    shader_dir = None if options.shader_dir is None else Path(options.shader_dir)
    recipe = Recipe(
        options.model,
        options=parse_pairs(options.model_options, "--model-option"),
        shader_dir=shader_dir,
    )
    check_heeded([recipe], shader_dir=shader_dir)
    return recipe


def _device(gpu: Gpu | None, threads: int, workers: int) -> str:
    if gpu is None:
        return f"{threads} thread{'s' if threads > 1 else ''}"
    return f"{gpu.device} ({gpu.name}), {workers} frames at once"


def _opaque(fmt: PixelFormat) -> PixelFormat:
    if not fmt.alpha:
        return fmt
    return pixel_format(format_name(fmt.family, fmt.depth, (fmt.log2_chroma_w, fmt.log2_chroma_h)))


def _alpha_notes(video: VideoInfo, encoding: Encoding) -> list[str]:
    if not video.transparent or encoding.format.alpha:
        return []
    return [
        f"alpha: NOT KEPT, {encoding.encoder} has none; .webm, .mkv and .mov with their default encoder do"
    ]


def _left_behind(routes: tuple[Route, ...], container: str) -> list[str]:
    left = [route for route in routes if route.action == "leave"]
    if container in PICTURE_ONLY and left:
        other = "1 other stream stays" if len(left) == 1 else f"{len(left)} other streams stay"
        return [f"{container} holds pictures only: {other} behind"]
    return [route.line for route in left]


def _start_notes(source: SourceInfo) -> list[str]:
    if source.container.startswith("image2"):
        return ["an image sequence says no rate: 25 fps is assumed"] * is_sequence(source.name)
    return [f"begins at {format_seconds(float(source.start_seconds))}"] if source.start_seconds else []


def _tags(video: VideoInfo, encoding: Encoding) -> ColorSpec:
    """What is written as tags: the source's own, and guesses where an open tag would change the picture.

    Players guess an untagged matrix and primaries from the number of lines; more lines, another guess.
    """
    color = encoding.color
    if encoding.format.family == "yuv" and video.format.family != "rgb":
        tagged = video.color
        known = tagged.range is not Range.UNSPECIFIED or spec_of(encoding.encoder).color is not None
        color = replace(
            color,
            range=color.range if known else Range.UNSPECIFIED,
            chroma_location=color.chroma_location
            if color.chroma_location.name != "LEFT" or tagged.chroma_location.name == "LEFT"
            else tagged.chroma_location,
        )
        if tagged.matrix is Matrix.UNSPECIFIED and tagged.primaries is Primaries.UNSPECIFIED:
            color = replace(color, primaries=_primaries_by_size(video.width, video.height))
    return color


def _primaries_by_size(width: int, height: int) -> Primaries:
    # The rule of mpv and libplacebo for untagged video.
    if height == 576:
        return Primaries.BT470BG
    if width <= 720 and height in (480, 486, 488):
        return Primaries.SMPTE170M
    return Primaries.BT709


def _aspect(video: VideoInfo, size: tuple[int, int], encoder: str) -> Fraction:
    if not spec_of(encoder).keeps_sample_aspect:
        return Fraction(1)
    width, height = size
    exact = video.sample_aspect_ratio * Fraction(video.width * height, video.height * width)
    # A rounded size is not a change of shape.
    if abs(exact / video.sample_aspect_ratio - 1) <= Fraction(1, min(video.width, video.height)):
        return video.sample_aspect_ratio
    return exact.limit_denominator(4096)


def _output_size(
    video: VideoInfo, options: UpscaleOptions, encoding: Encoding, own_scale: float
) -> tuple[tuple[int, int], list[str]]:
    spec = spec_of(encoding.encoder)
    step_w = 1 if spec.any_size else 1 << encoding.format.log2_chroma_w
    step_h = 1 if spec.any_size else 1 << encoding.format.log2_chroma_h
    width, height, explicit = _wanted_size(video, options, own_scale)
    notes = []
    if video.sample_aspect_ratio != 1 and not spec.keeps_sample_aspect and not explicit:
        width, height = _square(width, height, video.sample_aspect_ratio)
        notes.append(f"{encoding.encoder} has square samples only: {width}x{height} keeps the shape")
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise OptionError(
            f"the result would be {width}x{height}; each side must be 1 to {MAX_SIDE}. "
            "Choose another --scale or --size"
        )
    fitted = max(step_w, _nearest_multiple(width, step_w)), max(step_h, _nearest_multiple(height, step_h))
    if fitted == (width, height):
        return fitted, notes
    need = f"{encoding.encoder} with {encoding.format.name} needs even sides"
    if explicit:
        raise OptionError(f"--size {width}x{height}: {need}; use --size {fitted[0]}x{fitted[1]}")
    return fitted, [*notes, f"{need}: {width}x{height} becomes {fitted[0]}x{fitted[1]}"]


def _square(width: int, height: int, sample_aspect_ratio: Fraction) -> tuple[int, int]:
    """Return the size that has the same shape with square samples, and no fewer of them."""
    if sample_aspect_ratio > 1:
        return round(width * sample_aspect_ratio), height
    return width, round(height / sample_aspect_ratio)


def _nearest_multiple(value: int, step: int) -> int:
    return (value + step // 2) // step * step


def _wanted_size(video: VideoInfo, options: UpscaleOptions, own_scale: float) -> tuple[int, int, bool]:
    if options.size is None:
        scale = own_scale if options.scale is None else options.scale
        if not 0 < scale < float("inf"):
            raise OptionError(f"--scale {scale:g}: give a factor above 0, e.g. 2 or 1.5")
        return round(video.width * scale), round(video.height * scale), False
    if options.scale is not None:
        raise OptionError("--scale and --size exclude each other; give one of them")
    if match := _SIZE.fullmatch(options.size):
        return int(match[1]), int(match[2]), True
    if match := _LINES.fullmatch(options.size.lower()):
        lines = int(match[1])
        return round(Fraction(video.width * lines, video.height)), lines, False
    raise OptionError(f"--size {options.size!r} is not a size; write WxH like 1920x1080, or lines like 1080p")
