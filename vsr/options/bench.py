"""The options of the suites of `vsr bench`."""

from dataclasses import dataclass, field

from vsr.options.shared import CRF, ENGINE, PRECISION, SCALE, SHADER_DIR, THREADS, TURN, option


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundsOptions:
    """How every suite of `vsr bench` measures."""

    rounds: int = field(
        default=7,
        metadata=option("How many turns of each case count; their median is the result.", metavar="N"),
    )
    noise_limit: float = field(
        default=10.0,
        metadata=option(
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
        metadata=TURN,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchModelsOptions(MeasureOptions):
    """What `vsr bench models` measures: all models at all sizes, with all engines, precisions, devices."""

    size: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "Size of the frames that go in: WxH, or 360p 480p 720p 1080p; repeatable. Default: 480p, 1080p.",
            metavar="SIZE",
        ),
    )
    scale: float | None = field(
        default=None,
        metadata=SCALE,
    )
    engine: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "What runs networks, as for `vsr upscale`; repeatable. Default: auto.", metavar="NAME"
        ),
    )
    precision: tuple[str, ...] = field(
        default=(),
        metadata=option("Arithmetic, as for `vsr upscale`; repeatable. Default: auto.", metavar="NAME"),
    )
    device: tuple[str, ...] = field(
        default=(),
        metadata=option("Where to compute: cpu, cuda or cuda:N; repeatable. Default: cpu.", metavar="DEVICE"),
    )
    isa: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "Instruction set of the CPU's kernels: avx512, avx2, plain; repeatable. Default: the best here.",
            metavar="NAME",
        ),
    )
    threads: int = field(default=0, metadata=option("Threads for a frame; 0 = one a core.", metavar="N"))
    shader_dir: str | None = field(
        default=None,
        metadata=SHADER_DIR,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchKernelsOptions(MeasureOptions):
    """What `vsr bench kernels` measures: all operations at all sizes, resizes in all formats."""

    size: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "Size of the pictures that go in: WxH, or 360p 480p 720p 1080p; repeatable. Default: 1080p.",
            metavar="SIZE",
        ),
    )
    format: tuple[str, ...] = field(
        default=(),
        metadata=option("Pixel format of resizes; repeatable. Default: yuv420p.", metavar="NAME"),
    )
    threads: int = field(
        default=1, metadata=option("Threads of all, libswscale too; 0 = one a core.", metavar="N")
    )
    """1: a kernel against a kernel, however each deals its work out to threads."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchPipelineOptions(RoundsOptions):
    """What `vsr bench pipeline` measures: all models with all presets; the rest is as for `vsr upscale`."""

    rounds: int = field(
        default=5,
        metadata=option(
            "How many runs of each case count, and of each stage alone; their median is the result.",
            metavar="N",
        ),
    )
    """Five are the fewest that `vsr bench diff` can judge. A run takes seconds, and four are a round."""
    model: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "How to enlarge, as for `vsr upscale`; repeatable. Default: as there.",
            "--model",
            "-m",
            metavar="MODEL",
        ),
    )
    size: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "Size of the picture made here where no CLIP is given: WxH, or 360p 480p 720p 1080p; repeatable. "
            "Default: 480p.",
            metavar="SIZE",
        ),
    )
    frames: int = field(
        default=240,
        metadata=option(
            "How many frames from the beginning; large ones are fewer: they must fit in memory.", metavar="N"
        ),
    )
    soak: float | None = field(
        default=None,
        metadata=option(
            "Instead, one run so long, over the frames again and again: does its memory grow?",
            metavar="MINUTES",
        ),
    )
    scale: float | None = field(
        default=None,
        metadata=SCALE,
    )
    device: str = field(
        default="auto",
        metadata=option("Where to compute: auto (cpu), cpu, cuda or cuda:N.", metavar="DEVICE"),
    )
    engine: str = field(default="auto", metadata=ENGINE)
    precision: str = field(default="auto", metadata=PRECISION)
    shader_dir: str | None = field(
        default=None,
        metadata=SHADER_DIR,
    )
    threads: int = field(default=0, metadata=THREADS)
    encoder: str = field(
        default="auto", metadata=option("FFmpeg's name of the encoder; auto chooses.", metavar="NAME")
    )
    crf: float | None = field(
        default=None,
        metadata=CRF,
    )
    preset: tuple[str, ...] = field(
        default=(),
        metadata=option("Speed of the encoder; repeatable. Default: the encoder's.", metavar="NAME"),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BenchPeersOptions(MeasureOptions):
    """What `vsr bench peers` measures: whatever of the peers is installed, on one clip."""

    turn: float = field(
        default=3.0,
        metadata=TURN,
    )
    """Longer than of other suites: programs take frames in bursts, of which several must fit in."""
    peer: tuple[str, ...] = field(
        default=(),
        metadata=option("Measure only this peer; repeatable. Default: all, and vsr.", metavar="NAME"),
    )
    network: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "A network of scale 2 that all run who can; repeatable. Default: the shipped ones.",
            metavar="MODEL",
        ),
    )
    frames: int = field(
        default=24,
        metadata=option("How many frames of the clip's first minute, evenly spread.", metavar="N"),
    )
    threads: int = field(default=0, metadata=option("Threads, and cores, for each; 0 = all.", metavar="N"))
    shader_dir: str | None = field(
        default=None,
        metadata=SHADER_DIR,
    )
