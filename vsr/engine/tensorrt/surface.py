"""The part of TensorRT's Python API that is used: mypy allows no other name, a test looks each up.

Each protocol stands for the class of TensorRT named in its docstring. TensorRT 11.4 and TensorRT-RTX 1.7 both
have all of it but `RtxConfig` and `RtxModule`, which only the second has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class ParserError(Protocol):
    """ParserError."""

    def desc(self) -> str: ...
    def node_name(self) -> str: ...
    def node_operator(self) -> str: ...


class Tensor(Protocol):
    """ITensor: the input of the network."""

    @property
    def name(self) -> str: ...


class Network(Protocol):
    """INetworkDefinition."""

    def get_input(self, index: int) -> Tensor: ...


class Parser(Protocol):
    """OnnxParser."""

    @property
    def num_errors(self) -> int: ...
    def parse(self, model: bytes) -> bool: ...
    def get_error(self, index: int) -> ParserError: ...


class Profile(Protocol):
    """IOptimizationProfile: the shapes that an engine takes and the one that it is best at."""

    def set_shape(
        self, input: str, min: tuple[int, ...], opt: tuple[int, ...], max: tuple[int, ...]
    ) -> None: ...


class TimingCache(Protocol):
    """ITimingCache."""

    def serialize(self) -> Any: ...


class Config(Protocol):
    """IBuilderConfig."""

    def add_optimization_profile(self, profile: Profile) -> int: ...
    def clear_flag(self, flag: Any) -> None: ...
    def create_timing_cache(self, serialized_timing_cache: bytes) -> TimingCache: ...
    def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool: ...


class RtxConfig(Config, Protocol):
    """IBuilderConfig of TensorRT-RTX."""

    num_compute_capabilities: int

    def set_compute_capability(self, compute_capability: Any, index: int) -> bool: ...


class Builder(Protocol):
    """Builder."""

    def create_network(self, flags: int) -> Network: ...
    def create_builder_config(self) -> Config: ...
    def create_optimization_profile(self) -> Profile: ...
    # IHostMemory, which bytes() reads, or None
    def build_serialized_network(self, network: Network, config: Config) -> Any: ...


class BuilderFlag(Protocol):
    """BuilderFlag."""

    TF32: Any


class Module(Protocol):
    """The module itself."""

    __version__: str
    ILogger: Any
    BuilderFlag: BuilderFlag
    Builder: Callable[[Any], Builder]
    OnnxParser: Callable[[Network, Any], Parser]


class RtxModule(Module, Protocol):
    """The module of TensorRT-RTX."""

    ComputeCapability: Any
