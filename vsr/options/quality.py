"""The options of what judges pictures: `vsr eval`, `vsr models compare`, `vsr compare`."""

from dataclasses import dataclass, field

from vsr.options.shared import DURATION, option


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalOptions:
    """What `vsr eval` measures models on, and how they are run. Values are checked before work begins."""

    data: str = field(
        metadata=option(
            "A folder of images, an image, or a video: the pictures as they were.", metavar="DIR"
        ),
    )
    lr: str | None = field(
        default=None,
        metadata=option(
            "Folder of the reduced pictures; without it they are made by bicubic.", metavar="DIR"
        ),
    )
    scale: int | None = field(
        default=None,
        metadata=option("How far they are enlarged. Default: the networks' own, else 2.", metavar="N"),
    )
    limit: int | None = field(
        default=None,
        metadata=option(
            "At most so many pictures, at equal distances. Default: all of a folder, 10 frames of a video.",
            metavar="N",
        ),
    )
    tile: int | None = field(
        default=None,
        metadata=option("Cut the pictures into squares of about that many pixels a side.", metavar="N"),
    )
    vgg: str | None = field(
        default=None,
        metadata=option(
            "VGG16's weights (.npz) for the perceptual distance; else VSR_VGG16; else it is left out.",
            metavar="FILE",
        ),
    )
    engine: str = field(
        default="auto",
        metadata=option("What runs networks: auto, fused_cpu, openvino or reference.", metavar="NAME"),
    )
    precision: str = field(
        default="auto",
        metadata=option("Arithmetic of networks: auto, fp32, bf16 or int8.", metavar="NAME"),
    )
    threads: int = field(default=0, metadata=option("Threads of the engines; 0 = one a core.", metavar="N"))
    shader_dir: str | None = field(
        default=None,
        metadata=option(
            "Folder with mpv shader files; else VSR_SHADER_DIR, mpv's own folders, anime4k-python.",
            metavar="DIR",
        ),
    )
    model_options: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "An option for the models that have it, e.g. activation=relu; repeatable.",
            "--model-option",
            metavar="K=V",
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class TilesOptions(EvalOptions):
    """What `vsr models compare` measures models on: the same, on tiles."""

    limit: int | None = field(
        default=100, metadata=option("At most so many tiles, at equal distances.", metavar="N")
    )
    tile: int | None = field(
        default=128, metadata=option("Side of the tiles in pixels, as they were.", metavar="N")
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class CompareOptions:
    """How `vsr compare` looks at two videos."""

    reference: str | None = field(
        default=None,
        metadata=option("The original that both are compared with; without it, B with A.", metavar="FILE"),
    )
    start: str | None = field(
        default=None,
        metadata=option("Begin here in A, or in the original: seconds or HH:MM:SS.", metavar="T"),
    )
    duration: str | None = field(default=None, metadata=DURATION)
    offset: str | None = field(
        default=None,
        metadata=option(
            "Where in A (or in the original) the other video begins: seconds, HH:MM:SS or frames like 48f; "
            "below 0, where in the other A begins.",
            metavar="T",
        ),
    )
    """At the frame nearest to it, so that rounded seconds will do."""
    worst: int = field(
        default=3, metadata=option("How many of the worst frames to show on the page.", metavar="N")
    )
    frames: tuple[int, ...] = field(
        default=(),
        metadata=option("A frame to show on the page, counted from 0; repeatable.", "--frame", metavar="N"),
    )
    threads: int = field(default=0, metadata=option("Threads; 0 = one a core.", metavar="N"))
