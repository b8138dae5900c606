"""What the tests of image operations share."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vsr.device import cpu

sys.path.insert(0, str(Path(__file__).parents[2]))  # for `from tests.ops.pictures import ...`


@pytest.fixture(params=cpu.features())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once with each instruction set of this machine."""
    before = cpu.isa()
    cpu.kernels.use_isa(request.param)
    yield request.param
    cpu.kernels.use_isa(before)
