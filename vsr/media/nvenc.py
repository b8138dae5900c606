"""Encoding on an NVIDIA GPU: frames in its memory as NVENC takes them, and when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.frame import CudaContext

from vsr.color import ColorSpec
from vsr.device.cuda.gpu import Gpu
from vsr.errors import DeviceError
from vsr.frame import Frame, PictureSpec, Plane, pixel_format
from vsr.media._av import detailed, reason_of
from vsr.media.sidedata import HdrMetadata
from vsr.options import UpscaleOptions

TWINS = {"libx264": "h264_nvenc", "libx265": "hevc_nvenc", "libsvtav1": "av1_nvenc"}
"""The encoders of the CPU, and those of the same codec on a GPU."""
LAYOUTS = {"yuv420p": "nv12", "yuv420p10le": "p010le"}
"""The planar formats that frames have on a GPU, and what the same samples are to NVENC."""
_SHIFTS = {"nv12": 0, "p010le": 6}
_PITCH_BYTES = 512
_PRESETS = tuple(f"p{number}" for number in range(1, 8))


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A picture of one luma plane and one of Cb and Cr in turn, both in one allocation."""

    luma: Plane
    """(height, width)."""
    chroma: Plane
    """(height / 2, width): begins where luma's last row ends, padding included."""


class SurfacePool:
    """Frames in a GPU's memory, for one encoder.

    Nothing is taken back: an encoder holds a frame for as long as it likes, and the GPU's own pool gives
    memory that nobody holds out again, so that it sees the same few addresses, which it remembers.
    Thread-safety: safe. Ownership: the taker owns a frame until it has become a picture.
    """

    copied_bytes = 0
    """Nothing is ever copied."""

    def __init__(self, gpu: Gpu, width: int, height: int, layout: str, color: ColorSpec) -> None:
        """Sides are even, `layout` is one of LAYOUTS' values."""
        self._gpu = gpu
        self._size = (width, height)
        self._layout = layout
        self._format = next(pixel_format(name) for name, each in LAYOUTS.items() if each == layout)
        self._color = color
        self._stream = gpu.stream()
        # One for all frames: FFmpeg takes only frames of the context that the encoder was opened in. Its work
        # gets a stream of its own, so that it does not queue behind the decoder's; PyAV can on GPU 0 alone.
        self._context = CudaContext(
            device_id=gpu.index,
            primary_ctx=False,
            current_ctx=True,
            cuda_stream=self._stream.pointer if gpu.index == 0 else None,
        )

    def take(self, captions: Frame | None = None) -> Frame:
        """Return a frame with undefined content. Captions cannot go with it: PyAV gives it no side data."""
        surface = self._surface()
        chroma = surface.chroma
        return Frame(
            planes=(surface.luma, chroma[:, 0::2], chroma[:, 1::2]),
            format=self._format,
            color=self._color,
            owner=surface,
            device=self._gpu.device,
            shift=_SHIFTS[self._layout],
        )

    def _surface(self) -> Surface:
        """NVENC is told of the luma alone, its row length and its height: chroma must follow at once."""
        width, height = self._size
        dtype = self._format.dtype
        pitch = -(-width * dtype.itemsize // _PITCH_BYTES) * _PITCH_BYTES // dtype.itemsize
        memory = self._gpu.array((height * 3 // 2, pitch), dtype)
        return Surface(memory[:height, :width], memory[height:, :width])

    def picture(self, frame: Frame) -> av.VideoFrame:
        """Return a frame of this pool, complete, as PyAV's. It keeps the memory until FFmpeg lets go."""
        with self._gpu.current():
            return av.VideoFrame.from_dlpack(
                (frame.owner.luma, frame.owner.chroma), format=self._layout, cuda_context=self._context
            )

    def give(self, frame: Frame) -> None:
        """Say that a frame is not needed any more. Its memory is free once the encoder lets go, too."""

    def clear(self) -> None:
        """Nothing lies idle here."""


class Nvenc:
    """The encoders of a GPU, for pictures of one size. Thread-safety: one thread."""

    def __init__(self, gpu: Gpu, width: int, height: int) -> None:
        """Odd sides are rounded down: encoders of 4:2:0 get even ones."""
        self.gpu = gpu
        self._size = (max(2, width // 2 * 2), max(2, height // 2 * 2))
        self._asked: dict[tuple[str, str], str | None] = {}

    def refusal(self, encoder: str, layout: str) -> str | None:
        """Return why an encoder does not take pictures of that layout here, or None.

        It is really opened and given one: nothing else tells for sure. Takes 0.1 s and more where it works.
        """
        key = (encoder, layout)
        if key not in self._asked:
            self._asked[key] = None
            try:
                pool = SurfacePool(self.gpu, *self._size, layout, ColorSpec())
                self._try(encoder, pool)  # the pool has the stream, which the encoder must not outlive
            except (av.error.FFmpegError, DeviceError) as error:
                self._asked[key] = reason_of(error)
        return self._asked[key]

    def _try(self, encoder: str, pool: SurfacePool) -> None:
        picture = pool.picture(pool.take())
        picture.pts, picture.time_base = 0, Fraction(1, 25)
        context: Any = av.CodecContext.create(encoder, "w")
        context.width, context.height = self._size
        context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
        context.pix_fmt = picture.format.name
        with detailed():
            context.encode(picture)
            context.encode(None)

    def instead_of(
        self, encoder: str, source: PictureSpec, hdr: HdrMetadata, captioned: bool, options: UpscaleOptions
    ) -> tuple[str, tuple[str, ...]]:
        """Return the encoder to use where `encoder`, of the CPU, was the choice, and a note if it stays."""
        twin = TWINS.get(encoder)
        if twin is None:
            return encoder, ()
        why = _unfit(encoder, source, hdr, captioned, options) or self.refusal(
            twin, LAYOUTS[source.format.name]
        )
        return (twin, ()) if why is None else (encoder, (f"encoded on the CPU, not by {twin}: {why}",))


def _unfit(
    encoder: str, source: PictureSpec, hdr: HdrMetadata, captioned: bool, options: UpscaleOptions
) -> str | None:
    """Return what of a source or of the options only the CPU's encoder has."""
    if source.format.name not in LAYOUTS:
        return f"it takes no {source.format.name} from a GPU's memory, only yuv420p of 8 and 10 bits"
    if hdr.mastering is not None or hdr.light is not None:
        return "PyAV gives it no HDR metadata"
    if captioned:
        return "PyAV gives it no closed captions"
    if options.encoder_options:
        return f"--encoder-option is taken for {encoder}'s; --encoder {TWINS[encoder]} makes it that one's"
    if options.preset is not None and options.preset not in _PRESETS:
        return f"--preset {options.preset} is {encoder}'s; it has {_PRESETS[0]} to {_PRESETS[-1]}"
    return None
