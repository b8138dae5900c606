"""Where each sample of a pixel format lies in memory, written down apart from FFmpeg's own table.

The tests of unpacking put random samples there and look for the same samples in the planes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Place:
    """Where the samples of one component lie: at byte `offset + step * column` of each row of a plane."""

    plane: int
    step: int
    offset: int
    bits: int
    shift: int = 0
    word: int = 1
    """Bytes of the integer that holds the sample."""
    big: bool = False
    chroma: tuple[int, int] = (0, 0)
    """Binary logarithms of the subsampling."""


Layout = dict[str, Place]
"""By component: Y U V A, or R G B A."""

_SUB = {"444": (0, 0), "440": (0, 1), "422": (1, 0), "420": (1, 1), "411": (2, 0), "410": (2, 2)}


def layout(name: str) -> Layout:
    """Return where the components of FFmpeg's pixel format `name` lie."""
    for build in (_bytes, _words, _semi_planar, _interleaved_422, _bit_fields, _planar):
        found = build(name)
        if found:
            return found
    raise KeyError(name)


_BYTES = ["rgb24", "bgr24", "rgba", "bgra", "argb", "abgr", "rgb0", "bgr0", "0rgb", "0bgr"]
_BYTES += ["ya8", "ayuv", "vuya", "vuyx", "uyva", "vyu444"]


def _bytes(name: str) -> Layout:
    if name not in _BYTES:
        return {}
    order = re.sub(r"\d{2,}|8", "", name).upper().replace("VUYX", "VUY0")
    return {c: Place(0, len(order), i, 8) for i, c in enumerate(order) if c != "0"}


def _words(name: str) -> Layout:
    match = re.fullmatch(r"(rgb|bgr|rgba|bgra|ya|ayuv)(48|64|16)(le|be)", name)
    if match is None:
        return {}
    order = match[1].upper()
    step = 2 * len(order)
    return {c: Place(0, step, 2 * i, 16, 0, 2, match[3] == "be") for i, c in enumerate(order)}


def _semi_planar(name: str) -> Layout:
    if name in ("nv12", "nv21", "nv16", "nv24", "nv42"):
        chroma = {"1": (1, 1), "2": (1, 1), "6": (1, 0), "4": (0, 0)}[name[3] if name[2:] != "42" else "4"]
        first, second = ("V", "U") if name in ("nv21", "nv42") else ("U", "V")
        return {
            "Y": Place(0, 1, 0, 8),
            first: Place(1, 2, 0, 8, chroma=chroma),
            second: Place(1, 2, 1, 8, chroma=chroma),
        }
    match = re.fullmatch(r"(?:p([024])(1[026])|nv(2)(0))(le|be)", name)
    if match is None:
        return {}
    digit, bits = (match[1], int(match[2])) if match[1] else ("2", 10)
    chroma = {"0": (1, 1), "2": (1, 0), "4": (0, 0)}[digit]
    shift = 0 if match[3] else 16 - bits
    big = match[5] == "be"
    return {
        "Y": Place(0, 2, 0, bits, shift, 2, big),
        "U": Place(1, 4, 0, bits, shift, 2, big, chroma),
        "V": Place(1, 4, 2, bits, shift, 2, big, chroma),
    }


def _interleaved_422(name: str) -> Layout:
    half = (1, 0)
    if name in ("yuyv422", "uyvy422", "yvyu422"):
        y, u, v = name.index("y"), name.index("u"), name.index("v")
        return {
            "Y": Place(0, 2, y, 8),
            "U": Place(0, 4, u, 8, chroma=half),
            "V": Place(0, 4, v, 8, chroma=half),
        }
    match = re.fullmatch(r"y2(10|12|16)(le|be)", name)
    if match is None:
        return {}
    bits, big = int(match[1]), match[2] == "be"
    shift = 16 - bits
    return {
        "Y": Place(0, 4, 0, bits, shift, 2, big),
        "U": Place(0, 8, 2, bits, shift, 2, big, half),
        "V": Place(0, 8, 6, bits, shift, 2, big, half),
    }


def _bit_fields(name: str) -> Layout:
    match = re.fullmatch(r"(x2|)(rgb|bgr)(10|565|555|444)(le|be)", name)
    if match is not None:
        word = 4 if match[3] == "10" else 2
        widths = {"10": (10, 10, 10), "565": (5, 6, 5), "555": (5, 5, 5), "444": (4, 4, 4)}[match[3]]
        result, shift = {}, sum(widths)
        for component, bits in zip(match[2].upper(), widths, strict=True):
            shift -= bits
            result[component] = Place(0, word, 0, bits, shift, word, match[4] == "be")
        return result
    if name in ("rgb8", "bgr8"):
        return (
            {"R": Place(0, 1, 0, 3, 5), "G": Place(0, 1, 0, 3, 2), "B": Place(0, 1, 0, 2, 0)}
            if name == "rgb8"
            else {"B": Place(0, 1, 0, 2, 6), "G": Place(0, 1, 0, 3, 3), "R": Place(0, 1, 0, 3, 0)}
        )
    if name in ("rgb4_byte", "bgr4_byte"):
        first, last = name[0].upper(), name[2].upper()
        return {first: Place(0, 1, 0, 1, 3), "G": Place(0, 1, 0, 2, 1), last: Place(0, 1, 0, 1, 0)}
    match = re.fullmatch(r"(xv|v)(30|36|48)(x?)(le|be)", name)
    if match is not None:
        big = match[4] == "be"
        if match[2] == "30":
            base = 2 if match[3] else 0
            return {c: Place(0, 4, 0, 10, base + 10 * i, 4, big) for i, c in enumerate("UYV")}
        bits = 12 if match[2] == "36" else 16
        return {c: Place(0, 8, 2 * i, bits, 16 - bits, 2, big) for i, c in enumerate("UYV")}
    return {}


def _planar(name: str) -> Layout:
    match = re.fullmatch(r"(?:yuv(j?)(a?)(4\d\d)p|gbr(a?)p|gray)(\d*)(msb)?(le|be)?", name)
    if match is None:
        return {}
    bits = int(match[5] or 8)
    word = 1 if bits == 8 else 2
    shift = 16 - bits if match[6] else 0
    big = match[7] == "be"
    alpha = "A" if match[2] or match[4] else ""
    order = ("YUV" if match[3] else "Y" if name.startswith("gray") else "GBR") + alpha
    chroma = _SUB[match[3]] if match[3] else (0, 0)
    return {
        c: Place(i, word, 0, bits, shift, word, big, chroma if c in "UV" else (0, 0))
        for i, c in enumerate(order)
    }


def shape_of(place: Place, width: int, height: int) -> tuple[int, int]:
    """Return (rows, columns) of a component; subsampled ones round up."""
    across, down = 1 << place.chroma[0], 1 << place.chroma[1]
    return (height + down - 1) // down, (width + across - 1) // across


def random_samples(places: Layout, width: int, height: int, seed: int) -> dict[str, Array]:
    """Return random samples for each component, both extremes among them."""
    generator = np.random.default_rng(seed)
    samples = {}
    for component, place in places.items():
        top = (1 << place.bits) - 1
        values = generator.integers(0, top, shape_of(place, width, height), dtype=np.uint32, endpoint=True)
        values.flat[:2] = (0, top)
        samples[component] = values
    return samples


def _view(picture: Any, place: Place, width: int, height: int) -> Array:
    rows, columns = shape_of(place, width, height)
    plane = picture.planes[place.plane]
    dtype = np.dtype(f"{'>' if place.big else '<'}u{place.word}")
    return np.ndarray((rows, columns), dtype, memoryview(plane), place.offset, (plane.line_size, place.step))


def put(picture: Any, places: Layout, samples: dict[str, Array]) -> None:
    """Write samples into the memory of one of PyAV's frames; the bits between them become zero."""
    for plane in picture.planes:
        np.frombuffer(memoryview(plane), np.uint8)[:] = 0
    for component, place in places.items():
        view = _view(picture, place, picture.width, picture.height)
        view |= (samples[component] << place.shift).astype(view.dtype)


def get(picture: Any, places: Layout) -> dict[str, Array]:
    """Read the samples of one of PyAV's frames."""
    found = {}
    for component, place in places.items():
        view = _view(picture, place, picture.width, picture.height)
        found[component] = (view.astype(np.uint32) >> place.shift) & ((1 << place.bits) - 1)
    return found
