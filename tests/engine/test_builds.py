"""What is built beside a run: once, in a thread, and told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from vsr.engine.builds import Build, Builds, Stop
from vsr.errors import DeviceError


def build(find: Callable[[], str | None], make: Callable[[Stop], str] = lambda stop: "made") -> Build[str]:
    return Build("net", "slow", find=find, make=make)


def refuse() -> str:
    raise DeviceError("it is refused")


def test_what_is_found_is_there_at_once() -> None:
    found = build(lambda: "found", lambda stop: refuse())
    ended: list[Build[Any]] = []
    found.start(ended.append)
    assert (found.done, found.result(), found.error, ended) == (True, "found", None, [])
    assert not found.close()


def test_what_is_not_found_is_made_once() -> None:
    ended: list[Build[Any]] = []
    made = build(lambda: None)
    assert not made.done
    for before in ("first", "second"):
        made.start(ended.append, before)
    made.close()
    assert (made.result(), made.before, ended) == ("made", "first", [made])


@pytest.mark.parametrize("when", ["finding", "making"])
def test_a_failure_is_kept(when: str) -> None:
    failed = build(refuse if when == "finding" else lambda: None, lambda stop: refuse())
    failed.start(lambda build: None)
    failed.wait()
    assert isinstance(failed.error, DeviceError)
    with pytest.raises(DeviceError, match="it is refused"):
        failed.result()


def test_each_key_is_built_once_and_ended_with_a_word() -> None:
    said: list[str] = []
    ended: list[Build[Any]] = []
    made: list[Build[str]] = []
    builds, began = Builds(said.append, ended.append), Event()

    def waits(stop: Stop) -> str:
        began.set()
        while not stop():
            pass
        return refuse()

    def new() -> Build[str]:
        made.append(build(lambda: None, waits))
        return made[-1]

    with ThreadPoolExecutor(4) as pool:
        same = set(pool.map(lambda index: builds.get("key", new), range(8)))
    assert same == set(made) and len(made) == 1
    builds.start(made[0], before="quick")
    assert began.wait(10)
    for _ in range(2):
        builds.close()
    assert said == [
        "net: the run ended before the engine of slow was built; `vsr models build` builds it ahead"
    ]
    assert ended == [], "who closes is not told"
