"""What the tests of engines share."""

from collections.abc import Iterator

import pytest

from vsr.device import cpu


@pytest.fixture(params=cpu.features())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Run the test once with each instruction set of this machine."""
    before = cpu.isa()
    cpu.kernels.use_isa(request.param)
    yield request.param
    cpu.kernels.use_isa(before)
