"""The cheap look at a result, run on the host."""

import ctypes

import numpy as np
import pytest

from tests.cuda.host import execute, host_view
from vsr.ops.cuda.check import FOUND, cleared, looked_at


@pytest.mark.parametrize("dtype", ["u1", "u2", "f2", "f4"])
@pytest.mark.parametrize("size", [(1, 1), (35, 67), (16, 64)])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_largest_sample_is_found(
    host: ctypes.CDLL, dtype: str, size: tuple[int, int], reverse: bool
) -> None:
    plane = np.zeros(size, dtype)
    found = np.full((1, FOUND.itemsize), 0xFF, np.uint8)
    launches = [cleared(host_view(found)), looked_at(host_view(plane), host_view(found))]
    execute(host, launches, reverse=reverse)
    assert found.view(FOUND)[0, 0].tolist() == (0, 0.0)
    plane[-1, -1] = 3
    execute(host, launches, reverse=reverse)
    assert found.view(FOUND)[0, 0].tolist() == (0, 3.0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_found(host: ctypes.CDLL, value: float) -> None:
    plane, found = np.zeros((20, 70), np.float16), np.zeros((1, FOUND.itemsize), np.uint8)
    plane[19, 68] = value
    execute(host, [cleared(host_view(found)), looked_at(host_view(plane), host_view(found))])
    assert found.view(FOUND)["not_finite"][0, 0] == 1
