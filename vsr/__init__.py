"""Upscale video in real time, lose nothing of the source, and prove it.

    report = vsr.upscale("in.mkv", "out.mkv", model="bicubic", scale=2)     # what `vsr upscale` does
    report = vsr.verify("in.mkv", "out.mkv")                                # what `vsr verify` does
    with vsr.open("in.mkv") as reader: ...                                  # frames for one's own code
    async for frame in vsr.live("rtmp://host/app/key"): ...          # of a stream, while it happens

Names load when they are first used, so that `import vsr` costs nothing.
"""

import importlib
import os
from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsr import errors
    from vsr._version import __version__
    from vsr.color import ColorSpec
    from vsr.frame import Frame, PictureSpec, PixelFormat
    from vsr.media.reader import Reader as open  # noqa: N813
    from vsr.media.verify import verify
    from vsr.options import UpscaleOptions
    from vsr.pipeline.progress import Progress
    from vsr.pipeline.report import Report
    from vsr.pipeline.stages import StopToken
    from vsr.streaming.frames import live
    from vsr.upscaler import Upscaler

__all__ = [
    "ColorSpec",
    "Frame",
    "PictureSpec",
    "PixelFormat",
    "Progress",
    "Report",
    "StopToken",
    "UpscaleOptions",
    "Upscaler",
    "__version__",
    "errors",
    "live",
    "open",
    "upscale",
    "verify",
]

_HOMES = {
    "ColorSpec": ("vsr.color", "ColorSpec"),
    "Frame": ("vsr.frame", "Frame"),
    "PictureSpec": ("vsr.frame", "PictureSpec"),
    "PixelFormat": ("vsr.frame", "PixelFormat"),
    "Progress": ("vsr.pipeline.progress", "Progress"),
    "Report": ("vsr.pipeline.report", "Report"),
    "StopToken": ("vsr.pipeline.stages", "StopToken"),
    "UpscaleOptions": ("vsr.options", "UpscaleOptions"),
    "Upscaler": ("vsr.upscaler", "Upscaler"),
    "__version__": ("vsr._version", "__version__"),
    "errors": ("vsr.errors", None),
    "live": ("vsr.streaming.frames", "live"),
    "open": ("vsr.media.reader", "Reader"),
    "verify": ("vsr.media.verify", "verify"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value: Any = importlib.import_module(module)
    if attribute is not None:
        value = getattr(value, attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def upscale(
    source: str | os.PathLike[str],
    result: str | os.PathLike[str],
    *,
    on_progress: "Callable[[Progress], None] | None" = None,
    stop: "StopToken | None" = None,
    **options: Any,
) -> "Report":
    """Upscale a video, compare the result with its source, and return what was found.

    options      the fields of UpscaleOptions: model="bicubic", scale=2, overwrite=True
    on_progress  called on this thread several times a second
    stop         its `request` finishes the file early, its `abort` ends the run at once

    Raises OptionError for what cannot be done, before anything is written, and MediaError where source or
    result fail. Something lost is no exception: see the report's `lost` and `exit_code`.
    """
    from vsr.errors import OptionError
    from vsr.options import UpscaleOptions
    from vsr.pipeline.job import Job
    from vsr.registry import nearest

    known = [field.name for field in fields(UpscaleOptions)]
    for name in options:
        if name not in known:
            raise OptionError(
                f"unknown option {name!r}; available: {', '.join(known)}.{nearest(name, known)}"
            )
    with Job(os.fspath(source), os.fspath(result), UpscaleOptions(**options)) as job:
        return job.run(on_progress=on_progress, stop=stop)
