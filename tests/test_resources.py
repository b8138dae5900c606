"""The trees that are not Python are found, from a checkout as from a wheel."""

from typing import Literal

import pytest

from vsr._resources import tree


@pytest.mark.parametrize(("name", "member"), [("kernels", "cpu/module.cpp"), ("engines", "")])
def test_trees_are_found(name: Literal["kernels", "engines"], member: str) -> None:
    assert (tree(name) / member).exists()
