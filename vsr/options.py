"""The options of a run: one frozen dataclass that Python, the command line and the plan all read.

Each field's metadata holds what the command line needs: `help`, `flags` where the spelling differs
from the field's name, and `metavar`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

DeinterlaceMode = Literal["auto", "on", "off"]
ProgressMode = Literal["auto", "bar", "lines", "json", "none"]
DropMode = Literal["newest", "oldest", "none"]
DropChoice = Literal["auto", "newest", "oldest", "none"]
GapMode = Literal["freeze", "leave"]
Switch = Literal["auto", "on", "off"]
MAX_THREADS = 1024
"""Of one run: more helps nowhere, and a mistyped number would take all that the system has."""


def _option(help: str, *flags: str, metavar: str | None = None) -> Mapping[str, Any]:
    return {"help": help, "flags": flags, "metavar": metavar}


# What several commands say alike.
_SCALE = _option("Factor for width and height. Default: the network's own, else 2.", metavar="N")
_SIZE = _option("Target size instead of a factor: WxH, or 720p 1080p 1440p 2160p.", metavar="SIZE")
_THREADS = _option("Threads for upscaling; 0 = one a core.", metavar="N")
_CRF = _option("Quality of the encoder, lower is better: its crf, or cq for NVENC.", metavar="N")
_PRESET = _option("Speed of the encoder.", metavar="NAME")
_DURATION = _option("Stop after this long: seconds or HH:MM:SS.", metavar="T")
_ENGINE = _option("What runs networks, as for `vsr upscale`.", metavar="NAME")
_PRECISION = _option("Arithmetic of networks, as for `vsr upscale`.", metavar="NAME")
_TURN = _option("How long one turn lasts, in seconds; its first half warms up.", metavar="SECONDS")
_SHADER_DIR = _option("Folder with mpv shader files, as for `vsr upscale`.", metavar="DIR")


@dataclass(frozen=True, kw_only=True, slots=True)
class UpscaleOptions:
    """What `vsr upscale` does to a source. Values are checked before work begins."""

    model: str = field(
        default="auto",
        metadata=_option(
            "How to enlarge: auto (the network for real time that comes with vsr; lanczos3 where the picture "
            "does not grow), a name or preset that `vsr models list` shows, a file (.glsl .onnx .pth "
            ".safetensors), or several joined by commas.",
            "--model",
            "-m",
            metavar="MODEL",
        ),
    )
    """auto is the default: the best picture that two cores of a CPU make of 480 lines in real time."""
    model_options: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "An option of the model, e.g. strength_color=0.3; repeatable.", "--model-option", metavar="K=V"
        ),
    )
    scale: float | None = field(
        default=None,
        metadata=_SCALE,
    )
    size: str | None = field(
        default=None,
        metadata=_SIZE,
    )
    device: str = field(
        default="auto",
        metadata=_option(
            "Where to compute: auto (cpu), cpu, cuda or cuda:N, an NVIDIA GPU.", metavar="DEVICE"
        ),
    )
    engine: str = field(
        default="auto",
        metadata=_option(
            "What runs networks: auto (the one that costs least here); fused_cpu, openvino or reference on "
            "the CPU; fused_cuda, tensorrt or tensorrt_rtx on a GPU.",
            metavar="NAME",
        ),
    )
    precision: str = field(
        default="auto",
        metadata=_option(
            "Arithmetic of networks: fp32; bf16 or int8 on the CPU, fp16 on a GPU; auto: bf16 where the CPU "
            "has it and comes close, fp16 on a GPU.",
            metavar="NAME",
        ),
    )
    shader_dir: str | None = field(
        default=None,
        metadata=_option(
            "Folder with mpv shader files; else VSR_SHADER_DIR, mpv's own folders, anime4k-python.",
            "--shader-dir",
            metavar="DIR",
        ),
    )
    threads: int = field(default=0, metadata=_THREADS)
    decoder: str = field(
        default="auto",
        metadata=_option(
            "What decodes: auto (nvdec where the GPU can, else cpu), cpu, nvdec, or a decoder of FFmpeg.",
            metavar="NAME",
        ),
    )
    encoder: str = field(
        default="auto",
        metadata=_option(
            "FFmpeg's name of the encoder; auto chooses by source and container, NVENC where a GPU has it.",
            metavar="NAME",
        ),
    )
    crf: float | None = field(
        default=None,
        metadata=_CRF,
    )
    preset: str | None = field(default=None, metadata=_PRESET)
    encoder_options: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "Any option of the encoder, e.g. tune=animation; repeatable.",
            "--encoder-option",
            "-E",
            metavar="K=V",
        ),
    )
    deinterlace: DeinterlaceMode = field(
        default="auto",
        metadata=_option("auto deinterlaces the frames that are interlaced; one frame out for each in."),
    )
    start: str | None = field(default=None, metadata=_option("Begin here: seconds or HH:MM:SS.", metavar="T"))
    duration: str | None = field(default=None, metadata=_DURATION)
    format: str | None = field(
        default=None,
        metadata=_option(
            "Container of the output, where its name does not say. `-` alone is yuv4mpegpipe.",
            "--format",
            "-f",
            metavar="NAME",
        ),
    )
    overwrite: bool = field(default=False, metadata=_option("Replace OUTPUT if it exists.", "--yes", "-y"))


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveOptions:
    """What `vsr live` does to a stream. Values are checked before work begins."""

    ladder: str = field(
        default="auto",
        metadata=_option(
            "Models of one scale, the best first, joined by commas: the first that keeps up works. "
            "auto: cnn-m-photo, bicubic, bilinear, or the first alone where the input waits.",
            "--ladder",
            "-m",
            metavar="MODELS",
        ),
    )
    scale: float | None = field(
        default=None,
        metadata=_SCALE,
    )
    size: str | None = field(
        default=None,
        metadata=_SIZE,
    )
    device: str = field(
        default="auto",
        metadata=_option("Where to compute, as for `vsr upscale`.", metavar="DEVICE"),
    )
    engine: str = field(default="auto", metadata=_ENGINE)
    precision: str = field(default="auto", metadata=_PRECISION)
    threads: int = field(default=0, metadata=_THREADS)
    deinterlace: DeinterlaceMode = field(
        default="auto", metadata=_option("auto deinterlaces the frames that are interlaced.")
    )
    input_format: str | None = field(
        default=None,
        metadata=_option(
            "What INPUT is where its name does not say: lavfi (a test source), x11grab, v4l2, mpegts.",
            "--input-format",
            "-F",
            metavar="NAME",
        ),
    )
    pace: bool = field(
        default=False, metadata=_option("Read a file at the speed of its times, as if it happened now.")
    )
    speed: float = field(default=1.0, metadata=_option("With --pace: that many times as fast.", metavar="N"))
    latency: int = field(
        default=250,
        metadata=_option(
            "Milliseconds that frames may wait for the upscaler: so many are queued, and no more.",
            metavar="MS",
        ),
    )
    """250 rides out what a home network does; less drops frames earlier."""
    drop: DropChoice = field(
        default="auto",
        metadata=_option(
            "Which frame goes when the queue is full: the one that comes (newest), the one that waits "
            "longest (oldest), or none: the input waits. auto: newest, none where the input waits by itself."
        ),
    )
    timeout: float = field(
        default=5.0,
        metadata=_option("How long an input or output may stand still, in seconds.", metavar="SECONDS"),
    )
    """5: longer than a key frame's interval, shorter than a viewer's patience."""
    reconnect: Switch = field(
        default="auto",
        metadata=_option(
            "Open what breaks off again: auto for networks; on for files too, which then repeat, and for "
            "network outputs that are not there yet; or off."
        ),
    )
    give_up: float = field(
        default=600.0,
        metadata=_option("How long to try to reconnect, in seconds.", "--give-up", metavar="SECONDS"),
    )
    gap: GapMode = field(
        default="freeze",
        metadata=_option(
            "What receivers get while a live input stalls or is away: freeze repeats the last frame at its "
            "rate, leave sends nothing."
        ),
    )
    """freeze: servers cut off who sends nothing, and players then stop."""
    encoder: str = field(
        default="auto",
        metadata=_option("FFmpeg's name of the encoder; auto is libx264.", metavar="NAME"),
    )
    crf: float | None = field(
        default=None, metadata=_option("Quality of the encoder, lower is better.", metavar="N")
    )
    preset: str | None = field(default=None, metadata=_PRESET)
    encoder_options: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "Any option of the encoder, e.g. maxrate=4M; repeatable.", "--encoder-option", "-E", metavar="K=V"
        ),
    )
    format: str | None = field(
        default=None,
        metadata=_option(
            "Container of outputs whose name does not say. `-` alone is yuv4mpegpipe.",
            "--format",
            "-f",
            metavar="NAME",
        ),
    )
    whip_token: str | None = field(
        default=None,
        metadata=_option(
            "What WHIP outputs (https://...) prove with that they may send: the bearer token of the service, "
            "or @FILE that holds it.",
            "--whip-token",
            metavar="TOKEN",
        ),
    )
    duration: str | None = field(
        default=None, metadata=_option("End after this long: seconds or HH:MM:SS.", metavar="T")
    )
    overwrite: bool = field(default=False, metadata=_option("Replace outputs that exist.", "--yes", "-y"))
    preview: str | None = field(
        default=None,
        metadata=_option(
            "Serve a page with the picture, figures and controls, /status.json and /metrics, at PORT of this "
            "machine alone, or at HOST:PORT.",
            metavar="PORT",
        ),
    )
    preview_token: str | None = field(
        default=None,
        metadata=_option(
            "What whoever asks the preview must know, or @FILE that holds it. Default: nothing on this "
            "machine, else a new one.",
            "--preview-token",
            metavar="TOKEN",
        ),
    )
    record: str | None = field(
        default=None,
        metadata=_option(
            "With --preview: the folder for what is recorded from its page, .mkv files named by their time.",
            metavar="DIR",
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalOptions:
    """What `vsr eval` measures models on, and how they are run. Values are checked before work begins."""

    data: str = field(
        metadata=_option(
            "A folder of images, an image, or a video: the pictures as they were.", metavar="DIR"
        ),
    )
    lr: str | None = field(
        default=None,
        metadata=_option(
            "Folder of the reduced pictures; without it they are made by bicubic.", metavar="DIR"
        ),
    )
    scale: int | None = field(
        default=None,
        metadata=_option("How far they are enlarged. Default: the networks' own, else 2.", metavar="N"),
    )
    limit: int | None = field(
        default=None,
        metadata=_option(
            "At most so many pictures, at equal distances. Default: all of a folder, 10 frames of a video.",
            metavar="N",
        ),
    )
    tile: int | None = field(
        default=None,
        metadata=_option("Cut the pictures into squares of about that many pixels a side.", metavar="N"),
    )
    vgg: str | None = field(
        default=None,
        metadata=_option(
            "VGG16's weights (.npz) for the perceptual distance; else VSR_VGG16; else it is left out.",
            metavar="FILE",
        ),
    )
    engine: str = field(
        default="auto",
        metadata=_option("What runs networks: auto, fused_cpu, openvino or reference.", metavar="NAME"),
    )
    precision: str = field(
        default="auto",
        metadata=_option("Arithmetic of networks: auto, fp32, bf16 or int8.", metavar="NAME"),
    )
    threads: int = field(default=0, metadata=_option("Threads of the engines; 0 = one a core.", metavar="N"))
    shader_dir: str | None = field(
        default=None,
        metadata=_option(
            "Folder with mpv shader files; else VSR_SHADER_DIR, mpv's own folders, anime4k-python.",
            metavar="DIR",
        ),
    )
    model_options: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "An option for the models that have it, e.g. activation=relu; repeatable.",
            "--model-option",
            metavar="K=V",
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TilesOptions(EvalOptions):
    """What `vsr models compare` measures models on: the same, on tiles."""

    limit: int | None = field(
        default=100, metadata=_option("At most so many tiles, at equal distances.", metavar="N")
    )
    tile: int | None = field(
        default=128, metadata=_option("Side of the tiles in pixels, as they were.", metavar="N")
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareOptions:
    """How `vsr compare` looks at two videos."""

    reference: str | None = field(
        default=None,
        metadata=_option("The original that both are compared with; without it, B with A.", metavar="FILE"),
    )
    start: str | None = field(
        default=None,
        metadata=_option("Begin here in A, or in the original: seconds or HH:MM:SS.", metavar="T"),
    )
    duration: str | None = field(default=None, metadata=_DURATION)
    offset: str | None = field(
        default=None,
        metadata=_option(
            "Where in A (or in the original) the other video begins: seconds, HH:MM:SS or frames like 48f; "
            "below 0, where in the other A begins.",
            metavar="T",
        ),
    )
    """At the frame nearest to it, so that rounded seconds will do."""
    worst: int = field(
        default=3, metadata=_option("How many of the worst frames to show on the page.", metavar="N")
    )
    frames: tuple[int, ...] = field(
        default=(),
        metadata=_option("A frame to show on the page, counted from 0; repeatable.", "--frame", metavar="N"),
    )
    threads: int = field(default=0, metadata=_option("Threads; 0 = one a core.", metavar="N"))


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundsOptions:
    """How every suite of `vsr bench` measures."""

    rounds: int = field(
        default=7,
        metadata=_option("How many turns of each case count; their median is the result.", metavar="N"),
    )
    noise_limit: float = field(
        default=10.0,
        metadata=_option(
            "What others may take of the processor in a turn that counts, in percent.",
            "--noise-limit",
            metavar="PERCENT",
        ),
    )
    """10 %: room for what a desktop does in the background, too little for a task on one of two cores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureOptions(RoundsOptions):
    """How suites measure whose turns are as long as one likes."""

    turn: float = field(
        default=0.8,
        metadata=_TURN,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchModelsOptions(MeasureOptions):
    """What `vsr bench models` measures: all models at all sizes, with all engines, precisions, devices."""

    size: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "Size of the frames that go in: WxH, or 360p 480p 720p 1080p; repeatable. Default: 480p, 1080p.",
            metavar="SIZE",
        ),
    )
    scale: float | None = field(
        default=None,
        metadata=_SCALE,
    )
    engine: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "What runs networks, as for `vsr upscale`; repeatable. Default: auto.", metavar="NAME"
        ),
    )
    precision: tuple[str, ...] = field(
        default=(),
        metadata=_option("Arithmetic, as for `vsr upscale`; repeatable. Default: auto.", metavar="NAME"),
    )
    device: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "Where to compute: cpu, cuda or cuda:N; repeatable. Default: cpu.", metavar="DEVICE"
        ),
    )
    isa: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "Instruction set of the CPU's kernels: avx512, avx2, plain; repeatable. Default: the best here.",
            metavar="NAME",
        ),
    )
    threads: int = field(default=0, metadata=_option("Threads for a frame; 0 = one a core.", metavar="N"))
    shader_dir: str | None = field(
        default=None,
        metadata=_SHADER_DIR,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchKernelsOptions(MeasureOptions):
    """What `vsr bench kernels` measures: all operations at all sizes, resizes in all formats."""

    size: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "Size of the pictures that go in: WxH, or 360p 480p 720p 1080p; repeatable. Default: 1080p.",
            metavar="SIZE",
        ),
    )
    format: tuple[str, ...] = field(
        default=(),
        metadata=_option("Pixel format of resizes; repeatable. Default: yuv420p.", metavar="NAME"),
    )
    threads: int = field(
        default=1, metadata=_option("Threads of all, libswscale too; 0 = one a core.", metavar="N")
    )
    """1: a kernel against a kernel, however each deals its work out to threads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchPipelineOptions(RoundsOptions):
    """What `vsr bench pipeline` measures: all models with all presets; the rest is as for `vsr upscale`."""

    rounds: int = field(
        default=5,
        metadata=_option(
            "How many runs of each case count, and of each stage alone; their median is the result.",
            metavar="N",
        ),
    )
    """Five are the fewest that `vsr bench diff` can judge. A run takes seconds, and four are a round."""
    model: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "How to enlarge, as for `vsr upscale`; repeatable. Default: as there.",
            "--model",
            "-m",
            metavar="MODEL",
        ),
    )
    size: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "Size of the picture made here where no CLIP is given: WxH, or 360p 480p 720p 1080p; repeatable. "
            "Default: 480p.",
            metavar="SIZE",
        ),
    )
    frames: int = field(
        default=240,
        metadata=_option(
            "How many frames from the beginning; large ones are fewer: they must fit in memory.", metavar="N"
        ),
    )
    soak: float | None = field(
        default=None,
        metadata=_option(
            "Instead, one run so long, over the frames again and again: does its memory grow?",
            metavar="MINUTES",
        ),
    )
    scale: float | None = field(
        default=None,
        metadata=_SCALE,
    )
    device: str = field(
        default="auto",
        metadata=_option("Where to compute: auto (cpu), cpu, cuda or cuda:N.", metavar="DEVICE"),
    )
    engine: str = field(default="auto", metadata=_ENGINE)
    precision: str = field(default="auto", metadata=_PRECISION)
    shader_dir: str | None = field(
        default=None,
        metadata=_SHADER_DIR,
    )
    threads: int = field(default=0, metadata=_THREADS)
    encoder: str = field(
        default="auto", metadata=_option("FFmpeg's name of the encoder; auto chooses.", metavar="NAME")
    )
    crf: float | None = field(
        default=None,
        metadata=_CRF,
    )
    preset: tuple[str, ...] = field(
        default=(),
        metadata=_option("Speed of the encoder; repeatable. Default: the encoder's.", metavar="NAME"),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchPeersOptions(MeasureOptions):
    """What `vsr bench peers` measures: whatever of the peers is installed, on one clip."""

    turn: float = field(
        default=3.0,
        metadata=_TURN,
    )
    """Longer than of other suites: programs take frames in bursts, of which several must fit in."""
    peer: tuple[str, ...] = field(
        default=(),
        metadata=_option("Measure only this peer; repeatable. Default: all, and vsr.", metavar="NAME"),
    )
    network: tuple[str, ...] = field(
        default=(),
        metadata=_option(
            "A network of scale 2 that all run who can; repeatable. Default: the shipped ones.",
            metavar="MODEL",
        ),
    )
    frames: int = field(
        default=24,
        metadata=_option("How many frames of the clip's first minute, evenly spread.", metavar="N"),
    )
    threads: int = field(default=0, metadata=_option("Threads, and cores, for each; 0 = all.", metavar="N"))
    shader_dir: str | None = field(
        default=None,
        metadata=_SHADER_DIR,
    )
