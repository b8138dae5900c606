"""What PyAV gives where NVDEC decodes, without a GPU: FFmpeg's own decoder, its pictures as surfaces."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.sidedata.sidedata import SideDataContainer

from tests.cuda.host_gpu import HostGpu
from vsr.device.cuda import driver
from vsr.device.cuda.gpu import Call, Gpu
from vsr.device.cuda.nvcuvid import Abilities
from vsr.media import nvdec, sidedata
from vsr.media.decoders import decoder_for

LAYOUTS = {"yuv420p": "nv12", "yuv420p10le": "p010le", "yuv420p12le": "p016le", "yuv444p": "yuv444p"}
ABLE = Abilities(num_decoders=1, min_size=(16, 16), max_size=(4096, 4096), max_macroblocks=65536)
WITHOUT_DRIVER = pytest.mark.skipif(driver.examine() is not None, reason="there is a driver")
Look = Callable[[int, Any], Any]
"""From a picture's number and the picture as it would come to what comes."""


def samples(plane: Any) -> npt.NDArray[np.uint8]:
    return np.frombuffer(memoryview(plane), np.uint8)


class Surface:
    """A picture as PyAV's cuda frame: planes by DLPack alone, samples there when the GPU gets to it."""

    def __init__(self, picture: av.VideoFrame, gpu: Gpu) -> None:
        layout = LAYOUTS[picture.format.name.replace("yuvj", "yuv")]
        decoded = picture.reformat(format=layout, threads=1)
        if layout == "p016le":  # FFmpeg's converter fills 16 bits, NVDEC leaves the lowest four clear
            for plane in decoded.planes:
                samples(plane).view(np.uint16)[:] &= 0xFFF0
        later = av.VideoFrame(picture.width, picture.height, layout)
        for plane in later.planes:
            samples(plane)[:] = 0xEE
        moves = zip(later.planes, decoded.planes, strict=True)
        copies = [(samples(to), samples(of)) for to, of in moves]

        def copy(stream: int) -> None:
            for to, of in copies:
                np.copyto(to, of)

        if isinstance(gpu, HostGpu):
            gpu.default_stream.run([Call(copy)])
        else:
            copy(0)
        self.picture = picture
        self.sw_format = later.format
        self.format = SimpleNamespace(name="cuda")
        self.planes = later.planes
        self.pts = picture.pts

    def __getattr__(self, name: str) -> Any:
        return getattr(self.picture, name)

    def reformat(self, *arguments: Any, **options: Any) -> av.VideoFrame:
        copy = self.picture.reformat(*arguments, **options)
        copy.pts = self.pts
        return copy


class Decoder:
    """FFmpeg's decoder of a stream; its pictures become surfaces, or what `look` makes of them."""

    def __init__(self, stream: Any, gpu: Gpu, look: Look) -> None:
        self._own = decoder_for(stream, stream.codec_context.name)
        self._own.thread_count = 1
        self._gpu = gpu
        self._look = look
        self._number = 0
        self.codec = self._own.codec

    def decode(self, packet: Any) -> list[Any]:
        found = []
        for picture in self._own.decode(packet):
            found.append(self._look(self._number, Surface(picture, self._gpu)))
            self._number += 1
        return found

    def flush_buffers(self) -> None:
        self._own.flush_buffers()


def stand_in(
    monkeypatch: pytest.MonkeyPatch,
    look: Look = lambda number, surface: surface,
    able: Abilities | None = ABLE,
) -> None:
    """Let readers find an NVDEC that can do that."""
    of_frames: Any = SideDataContainer
    monkeypatch.setattr(
        sidedata, "SideDataContainer", lambda frame: of_frames(getattr(frame, "picture", frame))
    )
    monkeypatch.setattr(nvdec, "abilities", lambda gpu, codec, chroma, depth: able)
    monkeypatch.setattr(nvdec, "nvdec_decoder", lambda stream, gpu: Decoder(stream, gpu, look))
