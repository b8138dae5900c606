"""What the options of several commands have in common: their form, and what is said alike."""

from collections.abc import Mapping
from typing import Any, Literal

DeinterlaceMode = Literal["auto", "on", "off"]
ProgressMode = Literal["auto", "bar", "lines", "json", "none"]
MAX_THREADS = 1024
"""Of one run: more helps nowhere, and a mistyped number would take all that the system has."""


def option(help: str, *flags: str, metavar: str | None = None) -> Mapping[str, Any]:
    """Return a field's metadata; `flags` are for where the spelling differs from the field's name."""
    return {"help": help, "flags": flags, "metavar": metavar}


SCALE = option("Factor for width and height. Default: the network's own, else 2.", metavar="N")
SIZE = option("Target size instead of a factor: WxH, or 720p 1080p 1440p 2160p.", metavar="SIZE")
THREADS = option("Threads for upscaling; 0 = one a core.", metavar="N")
CRF = option("Quality of the encoder, lower is better: its crf, or cq for NVENC.", metavar="N")
PRESET = option("Speed of the encoder.", metavar="NAME")
DURATION = option("Stop after this long: seconds or HH:MM:SS.", metavar="T")
ENGINE = option("What runs networks, as for `vsr upscale`.", metavar="NAME")
PRECISION = option("Arithmetic of networks, as for `vsr upscale`.", metavar="NAME")
TURN = option("How long one turn lasts, in seconds; its first half warms up.", metavar="SECONDS")
SHADER_DIR = option("Folder with mpv shader files, as for `vsr upscale`.", metavar="DIR")
