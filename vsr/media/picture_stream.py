"""The stream of the picture in a container that is written, with the encoder that fills it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from vsr.color import ChromaLocation, ColorSpec
from vsr.errors import DeviceError, OptionError
from vsr.frame import PictureSpec
from vsr.media._av import reason_of
from vsr.media.encoders import Encoding, remedy
from vsr.media.nvenc import TWINS
from vsr.media.pixels import repack
from vsr.media.source import VideoInfo
from vsr.media.tags import stream_tags
from vsr.registry import nearest

_FLAG_FRAME_DURATION = int(av.codec.context.Flags.frame_duration)


def add_picture(
    container: Any,
    video: VideoInfo,
    picture: PictureSpec,
    encoding: Encoding,
    *,
    time_base: Fraction,
    sample_aspect_ratio: Fraction,
    tags: ColorSpec,
    at_once: bool = False,
) -> Any:
    """Add the stream of the picture and open its encoder; that of frames on a GPU opens with the first.

    `at_once` says that a packet is to come out for each frame that goes in: the encoder's threads then share
    a frame instead of having one each. Raises OptionError for settings that the encoder refuses.
    """
    rate = video.frame_rate or Fraction(25)
    stream = container.add_stream(encoding.encoder, rate=rate, options=dict(encoding.options))
    context = stream.codec_context
    _check_options(context, encoding)
    context.width, context.height = picture.width, picture.height
    context.pix_fmt = encoding.encoder_format
    context.time_base = time_base
    stream.time_base = time_base
    context.sample_aspect_ratio = sample_aspect_ratio
    context.color_range = int(tags.range)
    context.colorspace = int(tags.matrix)
    context.color_trc = int(tags.transfer)
    context.color_primaries = int(tags.primaries)
    if tags.chroma_location is not ChromaLocation.UNSPECIFIED:
        context.options = {**context.options, "chroma_sample_location": str(int(tags.chroma_location))}
    context.thread_count = 0
    # PyAV's own default is slices, which make x264's files larger and slower: only where a frame cannot wait.
    context.thread_type = "SLICE" if at_once else "AUTO"
    context.flags |= _FLAG_FRAME_DURATION
    if container.format.flags & av.format.Flags.global_header.value:
        context.flags |= int(av.codec.context.Flags.global_header)
    if not encoding.on_gpu:  # else its first frame opens it
        with opening(encoding.encoder):
            context.open()
    if video.display_matrix is not None:
        stream.set_display_matrix(list(video.display_matrix))
    stream.metadata.update(stream_tags(video.metadata))
    stream.disposition = int(video.disposition)
    return stream


@contextlib.contextmanager
def opening(name: str) -> Iterator[None]:
    """Say what is wrong with the encoder, not with the file, where it cannot be opened."""
    try:
        yield
    except av.error.ArgumentError as error:
        raise OptionError(
            f"{name} refuses its settings ({reason_of(error)}); check --preset, --crf and --encoder-option"
        ) from error
    except av.error.FFmpegError as error:
        if name not in TWINS.values():
            raise
        raise DeviceError(f"{name} cannot be opened: {reason_of(error)}; {remedy(name)}") from error


def tagged(picture: av.VideoFrame, encoding: Encoding, tags: ColorSpec) -> av.VideoFrame:
    """Return the picture as the encoder takes it: its colour described, its samples in the right layout."""
    picture.color_range = int(tags.range)
    picture.colorspace = int(tags.matrix)
    picture.color_trc = int(tags.transfer)
    picture.color_primaries = int(tags.primaries)
    if encoding.on_gpu or picture.format.name == encoding.encoder_format:
        return picture
    return repack(picture, encoding.encoder_format)


def _check_options(context: Any, encoding: Encoding) -> None:
    known = context.supported_options
    names = {option.name for option in (*known.generic, *known.private)}
    for name in encoding.options:
        if name not in names:
            raise OptionError(
                f"{encoding.encoder} has no option {name!r}.{nearest(name, sorted(names))} "
                f"`ffmpeg -h encoder={encoding.encoder}` lists them"
            )
