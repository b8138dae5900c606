"""What the tests of CUDA kernels share."""

import ctypes

import pytest

from tests.cuda.host import build


@pytest.fixture(scope="session")
def host() -> ctypes.CDLL:
    """The kernels, built for the host."""
    return build()
