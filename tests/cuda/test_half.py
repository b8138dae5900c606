"""float16 in kernels/common: what NumPy, and so IEEE 754, makes of it."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt


def call(function: Callable[..., Any], values: npt.NDArray[Any], out: npt.NDArray[Any]) -> None:
    function(ctypes.c_void_p(values.ctypes.data), ctypes.c_void_p(out.ctypes.data), len(values))


def test_every_half_is_its_float(host: ctypes.CDLL) -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[~np.isnan(halves)]
    floats = np.empty(len(halves), np.float32)
    call(host.floats_of, halves, floats)
    np.testing.assert_array_equal(floats.view(np.uint32), halves.astype(np.float32).view(np.uint32))


def test_floats_are_rounded_to_the_nearest_half(host: ctypes.CDLL) -> None:
    """Those between and at neighbouring halves, ties among them, and beyond the largest."""
    halves = np.arange(1 << 15, dtype=np.uint16).view(np.float16)
    exact = halves[np.isfinite(halves)].astype(np.float32)
    ties = (exact[:-1] + exact[1:]) / 2
    near = [ties, np.nextafter(ties, np.float32(0)), np.nextafter(ties, np.float32(np.inf)), exact]
    floats = np.concatenate([*near, np.array([65519, 65520, 65536, 1e38, np.inf, 1e-40])]).astype(np.float32)
    floats = np.concatenate([floats, -floats])
    got = np.empty(len(floats), np.float16)
    call(host.halves_of, floats, got)
    with np.errstate(over="ignore"):
        want = floats.astype(np.float16)
    np.testing.assert_array_equal(got.view(np.uint16), want.view(np.uint16))


def test_nan_stays_nan(host: ctypes.CDLL) -> None:
    got = np.zeros(2, np.float16)
    call(host.halves_of, np.array([np.nan, -np.nan], np.float32), got)
    assert np.isnan(got).all()
