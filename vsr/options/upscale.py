"""The options of `vsr upscale`."""

from dataclasses import dataclass, field

from vsr.options.shared import CRF, DURATION, PRESET, SCALE, SIZE, THREADS, DeinterlaceMode, option


@dataclass(frozen=True, kw_only=True, slots=True)
class UpscaleOptions:
    """What `vsr upscale` does to a source. Values are checked before work begins."""

    model: str = field(
        default="auto",
        metadata=option(
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
        metadata=option(
            "An option of the model, e.g. strength_color=0.3; repeatable.", "--model-option", metavar="K=V"
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
        metadata=option(
            "Where to compute: auto (cpu), cpu, cuda or cuda:N, an NVIDIA GPU.", metavar="DEVICE"
        ),
    )
    engine: str = field(
        default="auto",
        metadata=option(
            "What runs networks: auto (the one that costs least here); fused_cpu, openvino or reference on "
            "the CPU; fused_cuda, tensorrt or tensorrt_rtx on a GPU.",
            metavar="NAME",
        ),
    )
    precision: str = field(
        default="auto",
        metadata=option(
            "Arithmetic of networks: fp32; bf16 or int8 on the CPU, fp16 on a GPU; auto: bf16 where the CPU "
            "has it and comes close, fp16 on a GPU.",
            metavar="NAME",
        ),
    )
    shader_dir: str | None = field(
        default=None,
        metadata=option(
            "Folder with mpv shader files; else VSR_SHADER_DIR, mpv's own folders, anime4k-python.",
            "--shader-dir",
            metavar="DIR",
        ),
    )
    threads: int = field(default=0, metadata=THREADS)
    decoder: str = field(
        default="auto",
        metadata=option(
            "What decodes: auto (nvdec where the GPU can, else cpu), cpu, nvdec, or a decoder of FFmpeg.",
            metavar="NAME",
        ),
    )
    encoder: str = field(
        default="auto",
        metadata=option(
            "FFmpeg's name of the encoder; auto chooses by source and container, NVENC where a GPU has it.",
            metavar="NAME",
        ),
    )
    crf: float | None = field(
        default=None,
        metadata=CRF,
    )
    preset: str | None = field(default=None, metadata=PRESET)
    encoder_options: tuple[str, ...] = field(
        default=(),
        metadata=option(
            "Any option of the encoder, e.g. tune=animation; repeatable.",
            "--encoder-option",
            "-E",
            metavar="K=V",
        ),
    )
    deinterlace: DeinterlaceMode = field(
        default="auto",
        metadata=option("auto deinterlaces the frames that are interlaced; one frame out for each in."),
    )
    start: str | None = field(default=None, metadata=option("Begin here: seconds or HH:MM:SS.", metavar="T"))
    duration: str | None = field(default=None, metadata=DURATION)
    format: str | None = field(
        default=None,
        metadata=option(
            "Container of the output, where its name does not say. `-` alone is yuv4mpegpipe.",
            "--format",
            "-f",
            metavar="NAME",
        ),
    )
    overwrite: bool = field(default=False, metadata=option("Replace OUTPUT if it exists.", "--yes", "-y"))
