"""What decides an engine's bytes, as a key: everything, so that no engine is ever taken for another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from vsr.device.cuda.gpu import Gpu as OpenGpu
from vsr.engine.tensorrt.library import Library
from vsr.engine.tensorrt.spec import EngineSpec

SCHEMA = 1
"""Raised when the same key would stand for other bytes: a change of how networks are built."""
_DIGITS = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Gpu:
    """The GPU that an engine is built on and runs on."""

    name: str
    """As the driver says it, e.g. "NVIDIA L4"."""
    compute_capability: str
    """E.g. "sm_89"."""
    driver: str
    """The CUDA version that it knows, e.g. "13.0"."""

    @classmethod
    def of(cls, gpu: OpenGpu) -> Gpu:
        """Return what is to be known of a GPU that is open."""
        return cls(name=gpu.name, compute_capability=gpu.architecture, driver=gpu.driver)


@dataclass(frozen=True, kw_only=True)
class Key:
    """Names and values that decide some bytes. Thread-safety: safe, immutable.

    `passing` are those that change on one machine by an upgrade: what is there under the same other values is
    stale then. Values are what JSON holds: text, numbers, None, lists, and mappings of these.
    """

    values: Mapping[str, Any]
    passing: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """A SHA-256 of all, in hex."""
        return _sha256(self.values)

    @cached_property
    def identity(self) -> str:
        """A SHA-256 of all that is not passing, in hex."""
        return _sha256({name: value for name, value in self.values.items() if name not in self.passing})

    @property
    def stem(self) -> str:
        """A file's name: which engine, then which version of it."""
        return f"{self.identity[:_DIGITS]}-{self.digest[:_DIGITS]}"

    def difference(self, found: Mapping[str, Any]) -> str:
        """Return the first value of `found` that is another, for people; empty where all are the same."""
        for name, value in self.values.items():
            if found.get(name) != value:
                return f"{name.replace('_', ' ')} is {_shown(found.get(name))} there and {_shown(value)} here"
        return ""


def engine_key(spec: EngineSpec, library: Library, gpu: Gpu | None = None) -> Key:
    """Return the key of an engine. `gpu`: the one it is built on; None for a build for `spec.targets`."""
    return Key(
        values={
            "schema": SCHEMA,
            "graph": spec.graph_digest,
            "onnx_sha256": spec.onnx_sha256,
            "precision": spec.precision,
            "shapes": [[list(each.least), list(each.usual), list(each.most)] for each in spec.shapes],
            "targets": list(spec.targets),
            "options": {"tf32": False, "strongly_typed": True},
            **_machine(library, gpu),
        },
        passing=("schema", "version", "driver"),
    )


def room(key: Key, found: Mapping[str, Any]) -> int | None:
    """Return the pixels of the largest picture that an engine takes in the profile that a key's fits in.

    `found` are the values of the engine's key. Of its profiles that is the tightest; None where there is no
    such, or the engine is not for the GPUs of the key, or of something else.
    """
    free = ("shapes", "targets")
    if any(found.get(name) != value for name, value in key.values.items() if name not in free):
        return None
    [[least, _, most]] = key.values["shapes"]
    if not set(key.values["targets"]) <= set(found["targets"]):
        return None
    fitting = [
        high[0] * high[1]
        for low, _, high in found["shapes"]
        if low[0] <= least[0] and low[1] <= least[1] and most[0] <= high[0] and most[1] <= high[1]
    ]
    return min(fitting, default=None)


def kernels_key(plan: bytes, gpu: Gpu) -> Key:
    """Return the key of what TensorRT-RTX compiles for a GPU when it runs an engine."""
    of = sha256(plan).hexdigest()
    return Key(values={"schema": SCHEMA, "kernels_of": of, "gpu": gpu.name, "driver": gpu.driver})


def timing_key(library: Library, gpu: Gpu) -> Key:
    """Return the key of the timing cache of a GPU."""
    return Key(values={"schema": SCHEMA, "timings": True, **_machine(library, gpu)})


def _machine(library: Library, gpu: Gpu | None) -> dict[str, Any]:
    return {
        "library": library.name,
        "version": library.version,
        "gpu": gpu.name if gpu else None,
        "compute_capability": gpu.compute_capability if gpu else None,
        "driver": gpu.driver if gpu else None,
    }


def _sha256(values: Mapping[str, Any]) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _shown(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}…"
    return value if isinstance(value, str) else json.dumps(value)
