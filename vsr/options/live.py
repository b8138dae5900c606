"""The options of `vsr live`."""

from dataclasses import dataclass, field
from typing import Literal

from vsr.options.shared import ENGINE, PRECISION, PRESET, SCALE, SIZE, THREADS, DeinterlaceMode, option

DropMode = Literal["newest", "oldest", "none"]
DropChoice = Literal["auto", "newest", "oldest", "none"]
GapMode = Literal["freeze", "leave"]
Switch = Literal["auto", "on", "off"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveOptions:
    """What `vsr live` does to a stream. Values are checked before work begins."""

    ladder: str = field(
        default="auto",
        metadata=option(
            "Models of one scale, the best first, joined by commas: the first that keeps up works. "
            "auto: cnn-m-photo, bicubic, bilinear, or the first alone where the input waits.",
            "--ladder",
            "-m",
            metavar="MODELS",
        ),
    )
    scale: float | None = field(
        default=None,
        metadata=SCALE,
    )
    size: str | None = field(
        default=None,
        metadata=SIZE,
    )
    device: str = field(
        default="auto",
        metadata=option("Where to compute, as for `vsr upscale`.", metavar="DEVICE"),
    )
    engine: str = field(default="auto", metadata=ENGINE)
    precision: str = field(default="auto", metadata=PRECISION)
    threads: int = field(default=0, metadata=THREADS)
    deinterlace: DeinterlaceMode = field(
        default="auto", metadata=option("auto deinterlaces the frames that are interlaced.")
    )
    input_format: str | None = field(
        default=None,
        metadata=option(
            "What INPUT is where its name does not say: lavfi (a test source), x11grab, v4l2, mpegts.",
            "--input-format",
            "-F",
            metavar="NAME",
        ),
    )
    pace: bool = field(
        default=False, metadata=option("Read a file at the speed of its times, as if it happened now.")
    )
    speed: float = field(default=1.0, metadata=option("With --pace: that many times as fast.", metavar="N"))
    latency: int = field(
        default=250,
        metadata=option(
            "Milliseconds that frames may wait for the upscaler: so many are queued, and no more.",
            metavar="MS",
        ),
    )
    """250 rides out what a home network does; less drops frames earlier."""
    drop: DropChoice = field(
        default="auto",
        metadata=option(
            "Which frame goes when the queue is full: the one that comes (newest), the one that waits "
            "longest (oldest), or none: the input waits. auto: newest, none where the input waits by itself."
        ),
    )
    timeout: float = field(
        default=5.0,
        metadata=option("How long an input or output may stand still, in seconds.", metavar="SECONDS"),
    )
    """5: longer than a key frame's interval, shorter than a viewer's patience."""
    reconnect: Switch = field(
        default="auto",
        metadata=option(
            "Open what breaks off again: auto for networks; on for paced files too, which then repeat, and "
            "for network outputs that are not there yet; or off."
        ),
    )
    give_up: float = field(
        default=600.0,
        metadata=option("How long to try to reconnect, in seconds.", "--give-up", metavar="SECONDS"),
    )
    gap: GapMode = field(
        default="freeze",
        metadata=option(
            "What receivers get while a live input stalls or is away: freeze repeats the last frame at its "
            "rate, leave sends nothing."
        ),
    )
    """freeze: servers cut off who sends nothing, and players then stop."""
    encoder: str = field(
        default="auto",
        metadata=option("FFmpeg's name of the encoder; auto is libx264.", metavar="NAME"),
    )
    crf: float | None = field(
        default=None, metadata=option("Quality of the encoder, lower is better.", metavar="N")
    )
    preset: str | None = field(default=None, metadata=PRESET)
    encoder_options: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "Any option of the encoder, e.g. maxrate=4M; repeatable.", "--encoder-option", "-E", metavar="K=V"
        ),
    )
    format: str | None = field(
        default=None,
        metadata=option(
            "Container of outputs whose name does not say. `-` alone is yuv4mpegpipe.",
            "--format",
            "-f",
            metavar="NAME",
        ),
    )
    whip_token: str | None = field(
        default=None,
        metadata=option(
            "What WHIP outputs (https://...) prove with that they may send: the bearer token of the service, "
            "or @FILE that holds it.",
            "--whip-token",
            metavar="TOKEN",
        ),
    )
    duration: str | None = field(
        default=None, metadata=option("End after this long: seconds or HH:MM:SS.", metavar="T")
    )
    overwrite: bool = field(default=False, metadata=option("Replace outputs that exist.", "--yes", "-y"))
    preview: str | None = field(
        default=None,
        metadata=option(
            "Serve a page with the picture, figures and controls, /status.json and /metrics, at PORT of this "
            "machine alone, or at HOST:PORT.",
            metavar="PORT",
        ),
    )
    preview_token: str | None = field(
        default=None,
        metadata=option(
            "What whoever asks the preview must know, or @FILE that holds it. Default: nothing on this "
            "machine, else a new one.",
            "--preview-token",
            metavar="TOKEN",
        ),
    )
    record: str | None = field(
        default=None,
        metadata=option(
            "With --preview: the folder for what is recorded from its page, .mkv files named by their time.",
            metavar="DIR",
        ),
    )
