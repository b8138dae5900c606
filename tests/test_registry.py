"""Registries: order, freezing, and a hand for the mistyped."""

import pytest

from vsr.errors import OptionError
from vsr.registry import Registry, nearest

FRUIT = Registry("fruit", {"pear": 1, "apple": 2, "quince": 3})


def test_order_is_as_given() -> None:
    assert list(FRUIT) == ["pear", "apple", "quince"]
    assert list(FRUIT.values()) == [1, 2, 3]
    assert len(FRUIT) == 3


def test_membership_raises_nothing() -> None:
    assert "pear" in FRUIT
    assert "plum" not in FRUIT


@pytest.mark.parametrize("name", ["aple", "Apple", "APPLE", "appel"])
def test_an_unknown_name_gets_the_near_one(name: str) -> None:
    with pytest.raises(OptionError) as caught:
        FRUIT[name]
    text = str(caught.value)
    assert "unknown fruit" in text
    assert repr(name) in text
    assert "pear, apple, quince" in text
    assert "Did you mean 'apple'?" in text
    assert caught.value.__cause__ is None


def test_nothing_near_gets_the_list_only() -> None:
    with pytest.raises(OptionError) as caught:
        FRUIT["zzz"]
    assert "Did you mean" not in str(caught.value)
    assert "available: pear" in str(caught.value)


def test_it_is_frozen_and_apart_from_what_it_was_made_of() -> None:
    entries = {"a": 1}
    registry = Registry("letter", entries)
    entries["b"] = 2
    assert list(registry) == ["a"]
    assert not hasattr(registry, "__setitem__")


def test_nearest() -> None:
    assert nearest("libx265x", ["libx264", "libx265"]) == " Did you mean 'libx265'?"
    assert nearest("q", ["libx264"]) == ""


def test_near_names_may_have_capitals() -> None:
    names = ["anime4k:A:fast", "anime4k:C:fast"]
    assert nearest("anime4k:a:fats", names) == " Did you mean 'anime4k:A:fast'?"
