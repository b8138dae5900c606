"""Makes tiny media with PyAV: what a test needs, and nothing that a test is about to check."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from vsr.frame import pixel_format
from vsr.media.pixels import planes_of

Array = npt.NDArray[Any]

HDR10 = (
    "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    ":max-cll=1000,400:hdr10=1:repeat-headers=1"
)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The picture stream of a clip."""

    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    width: int = 64
    height: int = 48
    frames: int = 12
    rate: Fraction = Fraction(25)
    time_base: Fraction | None = None
    """None: one tick a frame."""
    times: Sequence[int] | None = None
    """Presentation times in ticks; None: one frame after another."""
    options: dict[str, str] = field(default_factory=dict)
    color: tuple[int, int, int, int] = (2, 2, 2, 0)
    """Matrix, transfer, primaries, range."""
    sample_aspect_ratio: Fraction = Fraction(1)
    rotation: int = 0
    metadata: dict[str, str] = field(default_factory=dict)
    disposition: int = 0
    alpha: int | None = None
    """The value of all alpha samples; None: a gradient."""


@dataclass(frozen=True, kw_only=True)
class Sound:
    """An audio stream: a tone."""

    codec: str = "aac"
    rate: int = 48000
    seconds: float = 0.5
    start_seconds: float = 0.0
    hertz: float = 440.0
    metadata: dict[str, str] = field(default_factory=dict)
    disposition: int = 0


@dataclass(frozen=True, kw_only=True)
class Text:
    """A subtitle stream; lines are (start, duration, text) in milliseconds."""

    codec: str = "subrip"
    lines: Sequence[tuple[int, int, str]] = ((40, 120, "first"), (240, 160, "second"))
    metadata: dict[str, str] = field(default_factory=dict)
    disposition: int = 0


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A whole file."""

    picture: Picture = field(default_factory=Picture)
    sounds: Sequence[Sound] = ()
    texts: Sequence[Text] = ()
    chapters: Sequence[tuple[int, int, str]] = ()
    """(start, end, title) in milliseconds."""
    attachments: Sequence[tuple[str, str, bytes]] = ()
    """(file name, MIME type, content)."""
    metadata: dict[str, str] = field(default_factory=dict)


FONT = ("Font.ttf", "application/x-truetype-font", bytes(range(256)) * 5)
COVER = ("cover.png", "image/png")


def test_card(picture: Picture, number: int) -> av.VideoFrame:
    """Return a picture that differs for each number, in every component and every row and column."""
    frame = av.VideoFrame(picture.width, picture.height, picture.pix_fmt)
    fmt = pixel_format(picture.pix_fmt)
    for index, plane in enumerate(planes_of(frame, fmt)):
        rows, columns = plane.shape
        y, x = np.mgrid[:rows, :columns]
        wave = 0.5 + 0.2 * np.sin((x + 3 * number) / 5 + index) + 0.2 * np.cos((y - number) / 7)
        low, high = (16, 235) if picture.color[3] != 2 else (0, 255)
        values = (low + (high - low) * wave) * (fmt.max_value + 1) / 256
        if fmt.alpha and index == fmt.num_planes - 1 and picture.alpha is not None:
            values = np.full_like(values, picture.alpha)
        plane[:] = values.astype(plane.dtype)
    return frame


test_card.__test__ = False  # type: ignore[attr-defined]  # pytest: not a test


def make(path: Path, clip: Clip | None = None, **container: Any) -> Path:
    """Write the clip to `path`. `container` goes to av.open."""
    clip = clip or Clip()
    out: Any
    with av.open(str(path), "w", **container) as out:
        video = _add_picture(out, clip.picture)
        sounds = [_add_sound(out, sound) for sound in clip.sounds]
        texts = [_add_text(out, text) for text in clip.texts]
        for name, mime, content in clip.attachments:
            out.add_attachment(name, mime, content)
        out.metadata.update(clip.metadata)
        out.set_chapters([_chapter(i, *c) for i, c in enumerate(clip.chapters)])
        packets = list(_picture_packets(clip.picture, video))
        for sound, stream in zip(clip.sounds, sounds, strict=True):
            packets += _sound_packets(sound, stream)
        for text, stream in zip(clip.texts, texts, strict=True):
            packets += _text_packets(text, stream)
        mux_in_order(out, packets)
    return path


def mux_in_order(out: Any, packets: Iterable[Any]) -> None:
    """Write packets sorted by their decoding time."""

    def moment(packet: Any) -> Fraction:
        ticks = packet.dts if packet.dts is not None else packet.pts
        return Fraction(ticks or 0) * Fraction(packet.time_base)

    for packet in sorted(packets, key=moment):
        out.mux_one(packet)


def _add_picture(out: Any, picture: Picture) -> Any:
    stream = out.add_stream(picture.codec, rate=picture.rate, options=dict(picture.options))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = picture.width, picture.height, picture.pix_fmt
    context.time_base = stream.time_base = picture.time_base or 1 / picture.rate
    context.sample_aspect_ratio = picture.sample_aspect_ratio
    context.colorspace, context.color_trc, context.color_primaries, context.color_range = picture.color
    context.thread_count = 1
    if picture.codec in ("libx264", "libx265"):
        context.options = {"preset": "ultrafast", **quiet(picture.codec), **context.options}
    if picture.rotation:
        stream.set_display_rotation(picture.rotation)
    stream.metadata.update(picture.metadata)
    stream.disposition = picture.disposition
    return stream


def quiet(codec: str) -> dict[str, str]:
    """Return options that keep an encoder from writing to the terminal."""
    return {"x265-params": "log-level=none"} if codec == "libx265" else {}


def _picture_packets(picture: Picture, stream: Any) -> Iterable[Any]:
    base = picture.time_base or 1 / picture.rate
    step = 1 / picture.rate / base
    for number in range(picture.frames):
        frame = test_card(picture, number)
        frame.pts = picture.times[number] if picture.times is not None else round(number * step)
        frame.time_base = base
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _add_sound(out: Any, sound: Sound) -> Any:
    stream = out.add_stream(sound.codec, rate=sound.rate)
    stream.codec_context.layout = "mono"
    stream.codec_context.open()
    stream.metadata.update(sound.metadata)
    stream.disposition = sound.disposition
    return stream


def _sound_packets(sound: Sound, stream: Any) -> list[Any]:
    context = stream.codec_context
    size = context.frame_size or 1024
    packets = []
    for number in range(int(sound.seconds * sound.rate / size)):
        moment = (np.arange(size) + number * size) / sound.rate
        tone = 0.4 * np.sin(2 * np.pi * sound.hertz * moment)
        frame: Any = av.AudioFrame.from_ndarray(
            _samples(tone, context.format.name), context.format.name, "mono"
        )
        frame.sample_rate = sound.rate
        frame.pts = number * size + round(sound.start_seconds * sound.rate)
        frame.time_base = Fraction(1, sound.rate)
        packets += context.encode(frame)
    packets += context.encode(None)
    for packet in packets:
        packet.stream = stream
        packet.time_base = Fraction(1, sound.rate)
    return packets


def _samples(tone: Array, name: str) -> Array:
    if name.startswith("flt"):
        return tone.astype(np.float32)[None]
    scale, kind = (2**15 - 1, np.int16) if name.startswith("s16") else (2**31 - 1, np.int32)
    return (tone * scale).astype(kind)[None]


_ASS_HEADER = (
    b"[Script Info]\nScriptType: v4.00+\nPlayResX: 384\nPlayResY: 288\n\n[V4+ Styles]\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, "
    b"Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, "
    b"MarginL, MarginR, MarginV, Encoding\n"
    b"Style: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,10,10,10,1\n\n"
    b"[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
)


def _add_text(out: Any, text: Text) -> Any:
    stream = out.add_stream(text.codec)
    stream.codec_context.subtitle_header = _ASS_HEADER
    stream.codec_context.time_base = Fraction(1, 1000)
    stream.time_base = Fraction(1, 1000)
    stream.codec_context.open()
    stream.metadata.update(text.metadata)
    stream.disposition = text.disposition
    return stream


def _text_packets(text: Text, stream: Any) -> list[Any]:
    packets = []
    for number, (start, duration, words) in enumerate(text.lines):
        line = f"{number},0,Default,,0,0,0,,{words}".encode()
        subtitle = av.subtitles.subtitle.SubtitleSet.create(line, 0, duration, start * 1000)
        packet: Any = stream.codec_context.encode_subtitle(subtitle)
        packet.stream = stream
        packet.pts = packet.dts = start
        packet.duration = duration
        packet.time_base = Fraction(1, 1000)
        packets.append(packet)
    return packets


def _chapter(number: int, start: int, end: int, title: str) -> dict[str, Any]:
    return {
        "id": number + 1,
        "start": start,
        "end": end,
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def png(width: int = 16, height: int = 16) -> bytes:
    """Return a small PNG file."""
    context: Any = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt, context.time_base = (
        width,
        height,
        "rgb24",
        Fraction(1, 25),
    )
    frame = av.VideoFrame.from_ndarray(
        np.arange(width * height * 3, dtype=np.uint8).reshape(height, width, 3)
    )
    frame.pts = 0
    return b"".join(bytes(p) for p in [*context.encode(frame), *context.encode(None)])


def everything() -> Clip:
    """Return a clip with all that Matroska holds: sound twice, subtitles twice, chapters, font, cover."""
    return Clip(
        picture=Picture(
            frames=15,
            color=(1, 1, 1, 1),
            metadata={"title": "main feature", "language": "jpn"},
            disposition=1,
        ),
        sounds=[
            Sound(metadata={"language": "jpn", "title": "Stereo"}, disposition=1),
            Sound(codec="flac", hertz=660, metadata={"language": "eng", "title": "Comments"}, disposition=8),
        ],
        texts=[
            Text(metadata={"language": "eng"}, disposition=64),
            Text(codec="ass", metadata={"language": "fre", "title": "Signs"}),
        ],
        chapters=[(0, 200, "Opening"), (200, 400, "Middle"), (400, 600, "End")],
        attachments=[FONT, (*COVER, png())],
        metadata={"title": "A film", "artist": "Somebody", "date": "1999"},
    )


def remux(
    source: Path,
    result: Path,
    *,
    packets: Callable[[list[Any]], list[Any]] = lambda all_packets: all_packets,
    streams: Callable[[Any, Any], None] = lambda old, new: None,
    chapters: Callable[[list[Any]], list[Any]] = lambda all_chapters: all_chapters,
    metadata: Callable[[dict[str, str]], dict[str, str]] = lambda tags: tags,
    attachments: Callable[[str], bool] = lambda name: True,
    **container: Any,
) -> Path:
    """Copy a file without coding anything anew; each argument may spoil one thing on the way.

    packets      from all packets of the file to those that are written
    streams      called with each stream and its copy
    attachments  says whether the file of that name is kept
    """
    inside: Any
    out: Any
    with av.open(str(source)) as inside, av.open(str(result), "w", **container) as out:
        copies: dict[int, Any] = {}
        for stream in inside.streams:
            cover = int(stream.disposition) & 1024
            if stream.type == "attachment" or cover:
                continue
            copy = out.add_stream_from_template(stream)
            copy.time_base = stream.time_base
            copy.metadata.update(stream.metadata)
            copy.disposition = int(stream.disposition)
            copies[stream.index] = copy
            streams(stream, copy)
        read = [p for p in inside.demux() if p.size]
        for stream in inside.streams:
            cover = int(stream.disposition) & 1024
            name = stream.metadata.get("filename", "")
            if stream.type == "attachment" and attachments(name):
                out.add_attachment(name, stream.metadata["mimetype"], stream.data)
            if cover and attachments(name):
                content = next(bytes(p) for p in read if p.stream_index == stream.index)
                out.add_attachment(name, stream.metadata["mimetype"], content)
        out.metadata.update(metadata(dict(inside.metadata)))
        out.set_chapters(chapters(inside.chapters()))
        for packet in packets([p for p in read if p.stream_index in copies]):
            packet.stream = copies[packet.stream_index]
            out.mux_one(packet)
    return result
