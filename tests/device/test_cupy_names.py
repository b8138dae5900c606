"""Every name of CuPy that is used exists in the real CuPy, which imports without a GPU."""

import importlib
import importlib.util
import typing
from typing import Any

import pytest

from vsr.device.cuda import surface

pytestmark = pytest.mark.skipif(importlib.util.find_spec("cupy") is None, reason="CuPy is not installed")
CLASSES: dict[str, Any] = {
    name: each for name, each in vars(surface).items() if isinstance(each, type) and name.startswith("Cupy")
}


def members(protocol: type) -> list[str]:
    names = {*typing.get_type_hints(protocol), *vars(protocol)}
    return sorted(name for name in names if not name.startswith("_"))


def real(dotted: str) -> Any:
    first, *rest = dotted.split(".")
    found = importlib.import_module(first)
    for name in rest:
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("name", CLASSES)
def test_it_has_what_is_used(name: str) -> None:
    protocol = CLASSES[name]
    place = str(protocol.__doc__).split(",")[0].rstrip(".")
    found = real(place)
    missing = [each for each in members(protocol) if not hasattr(found, each)]
    assert not missing, f"{place} of CuPy lacks {missing}"


def test_the_table_has_members() -> None:
    """A test over nothing would pass."""
    assert sum(len(members(protocol)) for protocol in CLASSES.values()) > 30
