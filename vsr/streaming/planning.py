"""Deciding a live run before it begins: sizes, encoder, the ladder, and which streams go along."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vsr.errors import OptionError
from vsr.media.sidedata import turn_of
from vsr.media.source import SourceInfo, StreamInfo, VideoInfo
from vsr.media.target import resolve
from vsr.models import AUTO, Recipe
from vsr.options import MAX_THREADS, LiveOptions, UpscaleOptions
from vsr.pipeline.plan import Plan, make_plan
from vsr.streaming.places import Place, place_of, quick_settings
from vsr.streaming.sound import SoundPlan, plan_sound
from vsr.streaming.steps import Steps, default_ladder
from vsr.upscaler import opened

_ENCODER, _PRESET = "libx264", "superfast"
"""superfast: the picture has another model's time to win, not the encoder's."""


@dataclass(frozen=True, kw_only=True)
class LivePlan:
    """What a live run does, decided."""

    plan: Plan
    """As of `vsr upscale` for the first output."""
    steps: Steps
    copied: tuple[StreamInfo, ...]
    """The source's streams that go along."""
    sound: SoundPlan
    """Which of them each output gets as they are; after the outputs, a recording (--record)."""
    lost: tuple[str, ...]
    """What an output cannot say of the picture, one sentence each."""


def plan_live(
    source: SourceInfo,
    source_name: str,
    places: Sequence[Place],
    options: LiveOptions,
    *,
    waits: bool,
    say: Callable[[str], None],
) -> LivePlan:
    """Decide the run and prepare its upscalers. `waits` says that the source does.

    The options are `check`ed. Raises OptionError for what cannot be done.
    """
    # The one that takes least decides the picture.
    first = next((place for place in places if place.is_whip), places[0])
    models = _ladder(options, waits=waits)
    gpu = opened(options.device)
    plan, upscaler = make_plan(
        replace(source, streams=()),  # of which the sound is planned for all outputs together
        first.name,
        _as_upscale(options, models[0], first, source),
        source_name=source_name,
        gpu=gpu,
        say=say,
    )
    upscaler.close()
    if plan.encoding.on_gpu:
        raise OptionError(f"--encoder {options.encoder}: vsr live encodes on the CPU; leave --encoder out")
    copied = () if first.is_raw else _copied(source, say)
    sound = plan_sound(copied, [*places, *_recordings(options)])
    for line in sound.lines:
        say(line)
    for place in places:
        if place.is_unchecked:
            say(f"{place.shown}: encrypted, but not checked for whose certificate it is")
    lost = _lost_turns(source.video, places)
    for line in lost:
        say(line)
    _check_others([place for place in places if place is not first], plan, source_name, options)
    steps = Steps(
        models,
        source=plan.picture,
        size=(plan.output.width, plan.output.height),
        target_format=plan.encoding.format,
        target_color=plan.encoding.color,
        threads=plan.threads,
        engine=options.engine,
        precision=options.precision,
        device="cpu" if gpu is None else gpu,
        say=say,
    )
    return LivePlan(plan=plan, steps=steps, copied=copied, sound=sound, lost=lost)


def check(places: Sequence[Place], options: LiveOptions) -> None:
    """Raise OptionError for options that are out of range or contradict each other."""
    if not places:
        raise OptionError("there is no output; name a URL, a file, or - for standard output")
    names = [place.name for place in places]
    if twice := next((place for place in places if names.count(place.name) > 1), None):
        raise OptionError(f"{twice.shown} is named twice among the outputs; name each once")
    if len(places) > 1 and any(place.is_raw for place in places):
        raise OptionError("a pipe of raw frames is not encoded, so it goes alone; use -f mpegts, or drop it")
    if any(place.is_raw and place.name != "-" for place in places):
        raise OptionError("raw frames go to standard output only; name it -")
    if options.format and all(place.container != options.format for place in places):
        raise OptionError(f"-f {options.format}: the outputs' names say what they are; leave it out")
    for flag, value in (("--timeout", options.timeout), ("--speed", options.speed)):
        if not 0 < value < float("inf"):
            raise OptionError(f"{flag} {value:g}: give a number above 0")
    if not 1 <= options.latency <= 60_000:
        raise OptionError(f"--latency {options.latency}: give 1 to 60000 milliseconds")
    if not 0 <= options.give_up < float("inf"):
        raise OptionError(f"--give-up {options.give_up:g}: give seconds, 0 or more")
    if not 0 <= options.threads <= MAX_THREADS:
        raise OptionError(f"--threads {options.threads}: give 0 for one a core, or up to {MAX_THREADS}")
    if options.speed != 1 and not options.pace:
        raise OptionError(f"--speed {options.speed:g} has no meaning without --pace; add it")
    if options.preview is None and (options.preview_token is not None or options.record is not None):
        raise OptionError(
            "--preview-token and --record have no meaning without a preview; add --preview PORT"
        )
    if options.record is not None:
        _check_record(options.record, places)
    _check_whip([place for place in places if place.is_whip], options)


def _check_whip(places: Sequence[Place], options: LiveOptions) -> None:
    if options.whip_token is not None and not places:
        raise OptionError("--whip-token has no meaning without a WHIP output; name one, https://host/path")
    if places and importlib.util.find_spec("cryptography") is None:
        raise OptionError(
            f"{places[0].shown}: WHIP needs certificates, which the package cryptography makes; "
            "pip install 'vsr-realtime[live]'"
        )


def _check_record(folder: str, places: Sequence[Place]) -> None:
    if any(place.is_raw for place in places):
        raise OptionError(
            "--record needs an encoded stream, and raw frames are not; leave it out, or use -f nut"
        )
    if not (Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        raise OptionError(f"--record {folder}: it is no folder that can be written into; make it first")


def _ladder(options: LiveOptions, *, waits: bool) -> tuple[str, ...]:
    if options.ladder != AUTO:
        return tuple(part.strip() for part in options.ladder.split(","))
    best = Recipe(AUTO).text
    return (best,) if waits else default_ladder(best)


def _as_upscale(options: LiveOptions, model: str, place: Place, source: SourceInfo) -> UpscaleOptions:
    """Return the options of `vsr upscale` that decide the same for one output."""
    encoder, preset = options.encoder, options.preset
    if not place.is_raw and encoder == "auto":
        encoder, preset = _ENCODER, preset or _PRESET
    rate = source.video.frame_rate
    quick = () if place.is_raw else quick_settings(encoder, rate, whip=place.is_whip)
    return UpscaleOptions(
        model=model,
        scale=options.scale,
        size=options.size,
        device=options.device,
        engine=options.engine,
        precision=options.precision,
        threads=options.threads,
        encoder=encoder,
        crf=options.crf,
        preset=preset,
        encoder_options=(*quick, *options.encoder_options),
        format="whip" if place.is_whip else place.planned_as,
        overwrite=options.overwrite,
    )


def _recordings(options: LiveOptions) -> list[Place]:
    return [] if options.record is None else [place_of(str(Path(options.record) / "recording.mkv"), None)]


def _copied(source: SourceInfo, say: Callable[[str], None]) -> tuple[StreamInfo, ...]:
    """Return the sound; what else there is has no place in most receivers."""
    sounds = [stream for stream in source.streams if stream.kind == "audio"]
    left = [stream.label for stream in source.streams if stream not in sounds]
    if left:
        say(f"not kept: {', '.join(left)}")
    unknown = [stream for stream in sounds if not getattr(stream.handle.codec_context, "sample_rate", True)]
    for stream in unknown:
        say(
            f"not kept: {stream.label}: it is announced, but nothing of it came while the source was opened; "
            "a longer --timeout waits longer"
        )
    return tuple(stream for stream in sounds if stream not in unknown)


def _lost_turns(video: VideoInfo, places: Sequence[Place]) -> tuple[str, ...]:
    if video.display_matrix is None:
        return ()
    turn = turn_of(video.display_matrix)
    return tuple(
        f"{place.shown}: {place.container} cannot say {turn}; players show the picture as it is coded"
        for place in places
        if not place.holds_turn
    )


def _check_others(places: Sequence[Place], plan: Plan, source_name: str, options: LiveOptions) -> None:
    """Raise OptionError for an output that cannot take what was decided for another."""
    for place in places:
        _, supported = resolve(place.name, place.planned_as, overwrite=options.overwrite, source=source_name)
        if supported and not {plan.encoding.encoder, _codec_of(plan)} & supported:
            raise OptionError(
                f"{place.shown}: {place.container} cannot carry what {plan.encoding.encoder} makes; "
                "choose another --encoder, or leave it out"
            )


def _codec_of(plan: Plan) -> str:
    return plan.encoding.encoder.removeprefix("lib").replace("x264", "h264").replace("x265", "hevc")
