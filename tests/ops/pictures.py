"""Pictures for the tests of image operations."""

from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.frame import PictureSpec, Plane, empty_frame, pixel_format

COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
RGB = ColorSpec(matrix=Matrix.RGB, range=Range.FULL)
DEPTHS = ("", "9le", "10le", "12le", "14le", "16le")
SUBSAMPLINGS = ("yuv444p", "yuv440p", "yuv422p", "yuv420p", "yuv411p", "yuv410p")
LOCATIONS = tuple(location for location in ChromaLocation if location is not ChromaLocation.UNSPECIFIED)


class Operation(Protocol):
    """What all operations on planes have."""

    output: PictureSpec

    def __call__(self, planes: tuple[Plane, ...], into: tuple[Plane, ...], *, threads: int = 1) -> None: ...
    def reference(self, planes: tuple[Plane, ...], dtype: Any = np.float32) -> tuple[Plane, ...]: ...


def spec(width: int, height: int, name: str = "yuv420p", **color: Any) -> PictureSpec:
    """A picture of that format; limited BT.709 sited left, RGB at full range, or as `color` says."""
    base = RGB if name.startswith("gbr") else COLOR
    return PictureSpec(width=width, height=height, format=pixel_format(name), color=replace(base, **color))


def noise(source: PictureSpec, seed: int = 0) -> tuple[Plane, ...]:
    """Planes of random samples whose rows are padded."""
    rng = np.random.default_rng(seed)
    planes = empty_frame(source.width, source.height, source.format).planes
    for plane in planes:
        plane[...] = rng.integers(0, source.format.max_value + 1, plane.shape)
    return planes


def drawing(source: PictureSpec) -> tuple[Plane, ...]:
    """Planes of flat areas, slopes and thin lines, within the limited range."""
    planes = empty_frame(source.width, source.height, source.format).planes
    unit = 2 ** (source.format.depth - 8)
    for index, plane in enumerate(planes):
        y, x = np.mgrid[: plane.shape[0], : plane.shape[1]]
        value = 60 + 70 * ((x // 13 + y // 9) % 2) + 60 * ((x + 2 * y + index) % 23 < 2) + x // 4 % 20
        plane[...] = value * unit
    return planes


def run(operation: Operation, planes: tuple[Plane, ...], threads: int = 1) -> tuple[Plane, ...]:
    """Return what the kernels make of the planes."""
    output = operation.output
    target = empty_frame(output.width, output.height, output.format)
    operation(planes, target.planes, threads=threads)
    return target.planes


def assert_kernel_is_reference(operation: Operation, planes: tuple[Plane, ...], threads: int = 1) -> None:
    """Assert that kernels and the reference give the same samples."""
    for got, want in zip(run(operation, planes, threads), operation.reference(planes), strict=True):
        np.testing.assert_array_equal(got, want)
