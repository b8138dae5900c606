"""Unpacking and repacking lose nothing: the same samples come out, wherever a format keeps them."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from tests.media.layouts import Array, layout, put, random_samples
from tests.media.layouts import get as get_samples
from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.errors import DecodeError
from vsr.frame import Frame, pixel_format
from vsr.media.pixels import FramePool, from_av, is_transparent, planar_format, planes_of, repack

ORDER = {"yuv": "YUVA", "gray": "Y", "rgb": "GBRA"}
SIZES = [(37, 19), (64, 32), (130, 66), (1, 1)]

PLANAR = [f"yuv{s}p" for s in ("444", "440", "422", "420", "411", "410")]
PLANAR += [f"yuvj{s}p" for s in ("444", "440", "422", "420", "411")]
PLANAR += [f"yuv{s}p{d}le" for s in ("444", "422", "420") for d in (9, 10, 12, 14, 16)]
PLANAR += ["yuv440p10le", "yuv440p12le", "gray", "gray9le", "gray10le", "gray12le", "gray14le", "gray16le"]
PLANAR += [f"yuva{s}p" for s in ("444", "422", "420")]
PLANAR += [f"yuva{s}p{d}le" for s in ("444", "422", "420") for d in (9, 10, 16)]
PLANAR += [
    "yuva444p12le",
    "yuva422p12le",
    "gbrp",
    "gbrap",
    "gbrap10le",
    "gbrap12le",
    "gbrap14le",
    "gbrap16le",
]
PLANAR += [f"gbrp{d}le" for d in (9, 10, 12, 14, 16)]

BIG_ENDIAN = [name.replace("le", "be") for name in PLANAR if name.endswith("le") and name != "gbrap14le"]
SEMI_PLANAR = ["nv12", "nv21", "nv16", "nv24", "nv42", "nv20le", "nv20be"]
SEMI_PLANAR += [f"p{s}{d}{e}" for s in "024" for d in ("10", "12", "16") for e in ("le", "be")]
PACKED_YUV = ["yuyv422", "uyvy422", "yvyu422", "y210le", "y212le", "y216le", "xv30le", "v30xle", "xv36le"]
PACKED_YUV += ["xv36be", "xv48le", "xv48be", "vyu444", "vuyx", "vuya", "uyva", "ayuv", "ayuv64le", "ayuv64be"]
PACKED_RGB = ["rgb24", "bgr24", "rgba", "bgra", "argb", "abgr", "rgb0", "bgr0", "0rgb", "0bgr"]
PACKED_RGB += [f"{o}{e}" for o in ("rgb48", "bgr48", "rgba64", "bgra64") for e in ("le", "be")]
PACKED_RGB += ["x2rgb10le", "x2bgr10le"]
GRAY_ALPHA = ["ya8", "ya16le", "ya16be"]
WHOLE = PLANAR + BIG_ENDIAN + SEMI_PLANAR + PACKED_YUV + PACKED_RGB + GRAY_ALPHA
NARROW = [f"{o}{d}{e}" for o in ("rgb", "bgr") for d in ("565", "555", "444") for e in ("le", "be")]
NARROW += ["rgb8", "bgr8", "rgb4_byte", "bgr4_byte"]


def picture(name: str, width: int, height: int, *, seed: int = 1) -> tuple[av.VideoFrame, dict[str, Array]]:
    frame = av.VideoFrame(width, height, name)
    places = layout(name)
    samples = random_samples(places, width, height, seed)
    put(frame, places, samples)
    return frame, samples


def unpack(frame: av.VideoFrame) -> Frame:
    return from_av(
        frame, pts=7, time_base=Fraction(1, 25), duration=1, chroma_location=ChromaLocation.TOPLEFT
    )


def expected_of(component: str, samples: dict[str, Array]) -> Array | None:
    if component in "GBR" and "Y" in samples:
        return samples["Y"]  # gray with alpha becomes RGB with alpha
    return samples.get(component)


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_sample_comes_out_as_it_went_in(name: str, width: int, height: int) -> None:
    frame, samples = picture(name, width, height)
    result = unpack(frame)
    assert (result.width, result.height) == (width, height)
    components = ORDER[result.format.family][: result.format.num_planes]
    assert len(components) == len(result.planes)
    for component, plane in zip(components, result.planes, strict=True):
        expected = expected_of(component, samples)
        assert expected is not None
        np.testing.assert_array_equal(plane, expected, err_msg=f"{name} {component}")


@pytest.mark.parametrize(
    "name", ["p010le", "p016le", "nv20le", "p416be", "y216le", "xv48le", "ayuv64le", "rgb48be"]
)
def test_unpacking_is_the_same_every_time(name: str) -> None:
    """FFmpeg's threads wrote over each other's rows in one run of three; 40 runs find that."""
    for seed in range(40):
        frame, samples = picture(name, 130, 66, seed=seed)
        result = unpack(frame)
        for component, plane in zip(ORDER[result.format.family], result.planes, strict=False):
            np.testing.assert_array_equal(plane, samples[component])


@pytest.mark.parametrize("name", ["nv12", "yuyv422", "p010le", "rgb24", "gray16be", "yuv420p10be", "ya8"])
@pytest.mark.parametrize("matrix", [Matrix.RGB, Matrix.BT709, Matrix.UNSPECIFIED, Matrix.BT2020_NCL])
@pytest.mark.parametrize("tagged", list(Range))
def test_colour_tags_change_no_sample(name: str, matrix: Matrix, tagged: Range) -> None:
    frame, samples = picture(name, 50, 22)
    frame.colorspace, frame.color_range = int(matrix), int(tagged)
    result = unpack(frame)
    assert (result.color.matrix, result.color.range) == (matrix, tagged)
    for component, plane in zip(ORDER[result.format.family], result.planes, strict=False):
        np.testing.assert_array_equal(plane, expected_of(component, samples))


@pytest.mark.parametrize("name", NARROW)
def test_narrow_samples_are_widened_over_the_whole_range(name: str) -> None:
    """Black stays black, white stays white, and what differed still differs."""
    frame, samples = picture(name, 37, 19)
    result = unpack(frame)
    assert result.format.name == "gbrp"
    for component, plane in zip("GBR", result.planes, strict=True):
        top = (1 << layout(name)[component].bits) - 1
        np.testing.assert_array_equal(plane, np.floor(samples[component] * 255 / top + 0.5))


@pytest.mark.parametrize(("name", "ink"), [("monow", 0), ("monob", 255)])
def test_one_bit_becomes_black_and_white(name: str, ink: int) -> None:
    frame = av.VideoFrame(24, 8, name)
    bits = np.random.default_rng(3).integers(0, 2, (8, 24), dtype=np.uint8)
    rows = np.ndarray((8, 3), np.uint8, memoryview(frame.planes[0]), 0, (frame.planes[0].line_size, 1))
    rows[:] = np.packbits(bits, axis=1)
    result = unpack(frame)
    assert result.format.name == "gray"
    np.testing.assert_array_equal(result.planes[0], np.where(bits == 1, ink, 255 - ink))


def test_palette_colours_are_looked_up_exactly() -> None:
    generator = np.random.default_rng(4)
    indices = generator.integers(0, 256, (20, 64), dtype=np.uint8)
    palette = generator.integers(0, 256, (256, 4), dtype=np.uint8)  # B G R A
    frame = av.VideoFrame(64, 20, "pal8")
    frame.planes[0].update(indices.tobytes())
    frame.planes[1].update(palette.tobytes())
    result = unpack(frame)
    assert result.format.name == "gbrap"
    np.testing.assert_array_equal(result.to_numpy(), palette[indices][..., [2, 1, 0, 3]])


def test_four_one_one_packed() -> None:
    frame = av.VideoFrame(32, 6, "uyyvyy411")
    data = np.random.default_rng(5).integers(0, 256, (6, 8, 6), dtype=np.uint8)  # U Y Y V Y Y
    np.ndarray((6, 48), np.uint8, memoryview(frame.planes[0]), 0, (frame.planes[0].line_size, 1))[:] = (
        data.reshape(6, 48)
    )
    result = unpack(frame)
    assert result.format.name == "yuv411p"
    np.testing.assert_array_equal(result.planes[0], data[..., [1, 2, 4, 5]].reshape(6, 32))
    np.testing.assert_array_equal(result.planes[1], data[..., 0])
    np.testing.assert_array_equal(result.planes[2], data[..., 3])


@pytest.mark.parametrize("name", ["gbrpf32le", "gbrapf32le", "grayf32le", "gbrpf32be"])
def test_floats_become_the_nearest_of_16_bits(name: str) -> None:
    frame = av.VideoFrame(33, 9, name)
    dtype = np.dtype(">f4" if name.endswith("be") else "<f4")
    values = np.random.default_rng(6).random((len(frame.planes), 9, 33)).astype(np.float32)
    values[:, 0, :2] = (0.0, 1.0)
    for plane, content in zip(frame.planes, values, strict=True):
        np.ndarray((9, 33), dtype, memoryview(plane), 0, (plane.line_size, 4))[:] = content
    result = unpack(frame)
    assert result.format.depth == 16
    for plane_out, content in zip(result.planes, values, strict=True):
        assert np.abs(plane_out - content.astype(np.float64) * 65535.0).max() <= 0.51


@pytest.mark.parametrize(
    "name", ["xyz12le", "xyz12be", "bayer_rggb8", "bayer_gbrg16le", "gbrp10msble", "yuv444p12msble", "cuda"]
)
def test_what_cannot_be_unpacked_without_loss_is_refused(name: str) -> None:
    with pytest.raises(DecodeError, match=name):
        planar_format(name)


@pytest.mark.parametrize("name", WHOLE)
def test_the_planar_format_keeps_depth_subsampling_and_alpha(name: str) -> None:
    places = layout(name)
    fmt = planar_format(name)
    assert fmt.alpha == ("A" in places)
    assert fmt.depth >= max(place.bits for place in places.values())
    if "U" in places:
        assert (fmt.log2_chroma_w, fmt.log2_chroma_h) == places["U"].chroma
    if not fmt.alpha:
        assert fmt.depth == max(place.bits for place in places.values())
        assert fmt.family == ("rgb" if "R" in places else "yuv" if "U" in places else "gray")


def test_planar_frames_are_views_and_keep_their_memory_alive() -> None:
    frame, samples = picture("yuv420p", 64, 32)
    result = unpack(frame)
    assert np.shares_memory(result.planes[0], np.frombuffer(memoryview(frame.planes[0]), np.uint8))
    del frame
    np.testing.assert_array_equal(result.planes[0], samples["Y"])


def test_yuvj_is_full_range_and_siting_is_only_for_subsampled_chroma() -> None:
    assert unpack(picture("yuvj420p", 16, 8)[0]).color.range is Range.FULL
    assert unpack(picture("yuvj420p", 16, 8)[0]).color.chroma_location is ChromaLocation.TOPLEFT
    assert unpack(picture("yuv444p", 16, 8)[0]).color.chroma_location is ChromaLocation.UNSPECIFIED
    assert unpack(picture("rgb24", 16, 8)[0]).color.chroma_location is ChromaLocation.UNSPECIFIED


def test_reserved_colour_codes_count_as_unspecified() -> None:
    frame, _ = picture("yuv420p", 16, 8)
    frame.colorspace, frame.color_trc, frame.color_primaries = 3, 3, 3
    color = unpack(frame).color
    assert (color.matrix, color.transfer, color.primaries) == (2, 2, 2)


def test_transparency_is_seen_in_a_single_sample() -> None:
    frame, _ = picture("yuva420p", 32, 16)
    result = unpack(frame)
    result.planes[3][:] = 255
    assert not is_transparent(result)
    result.planes[3][5, 7] = 254
    assert is_transparent(result)
    assert not is_transparent(unpack(picture("yuv420p", 32, 16)[0]))


# -- the way back: our planes to what an encoder takes

BACK = ["rgb24", "bgr24", "rgba", "bgra", "argb", "bgr0", "rgb48le", "rgb48be", "rgba64le", "rgba64be"]
BACK += ["nv12", "nv21", "nv16", "nv24", "p010le", "p210le", "yuyv422", "uyvy422", "x2rgb10le"]
BACK += ["gray16be", "yuv420p10be", "gbrp10be"]


@pytest.mark.parametrize("name", BACK)
@pytest.mark.parametrize(("width", "height"), [(38, 18), (130, 66), (1280, 4)])
def test_the_way_back_is_exact(name: str, width: int, height: int) -> None:
    fmt = planar_format(name)
    for seed in range(5):
        packed, samples = picture(name, width, height, seed=seed)
        planar = av.VideoFrame(width, height, fmt.name)
        for component, plane in zip(ORDER[fmt.family], planes_of(planar, fmt), strict=False):
            plane[:] = samples[component]
        found = get_samples(repack(planar, name), layout(name))
        for component in samples:
            np.testing.assert_array_equal(found[component], samples[component], err_msg=component)
        del packed


# -- the pool


def pool() -> FramePool:
    return FramePool(64, 32, pixel_format("yuv420p"), ColorSpec(matrix=Matrix.BT709))


def address(frame: Frame) -> int:
    return int(frame.planes[0].ctypes.data)


def test_a_frame_given_back_is_used_again() -> None:
    frames = pool()
    first = frames.take()
    where = address(first)
    assert first.color.matrix is Matrix.BT709
    frames.give(first)
    del first
    assert address(frames.take()) == where


def test_frames_out_at_the_same_time_share_no_memory() -> None:
    frames = pool()
    taken = [frames.take() for _ in range(6)]
    for number, frame in enumerate(taken):
        frame.planes[0][:] = number
    assert [int(f.planes[0][3, 3]) for f in taken] == list(range(6))
    assert not any(np.shares_memory(a.planes[0], b.planes[0]) for a in taken for b in taken if a is not b)


def test_a_frame_that_an_encoder_still_holds_is_never_overwritten() -> None:
    """The encoder codes a lossless film out of frames that the pool hands out again at once."""
    frames = pool()
    codec: Any = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 32, "yuv420p", Fraction(1, 25)
    codec.options = {"qp": "0", "preset": "medium", "rc-lookahead": "20", "bf": "3"}
    packets = []
    for number in range(40):
        frame = frames.take()
        for plane in frame.planes:
            plane[:] = 40 + number
        frame.owner.pts = number
        packets += codec.encode(frame.owner)
        frames.give(frame)
    packets += codec.encode(None)
    decoder: Any = av.CodecContext.create("h264", "r")
    decoder.extradata = codec.extradata
    shown = [f for p in [*packets, None] for f in decoder.decode(p)]
    assert [int(f.to_ndarray()[5, 5]) for f in shown] == [40 + n for n in range(40)]
