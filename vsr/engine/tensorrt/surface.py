"""The part of TensorRT's Python API that is used: mypy allows no other name, a test looks each up.

Each protocol stands for the class of TensorRT named in its docstring. TensorRT 11.4 and TensorRT-RTX 1.7 both
have all of it but what begins with Rtx, which only the second has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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

    progress_monitor: Any

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


class RuntimeConfig(Protocol):
    """IRuntimeConfig."""

    def set_execution_context_allocation_strategy(self, strategy: Any) -> None: ...


class RtxRuntimeCache(Protocol):
    """IRuntimeCache of TensorRT-RTX: kernels that it compiled for this GPU."""

    def deserialize(self, blob: bytes) -> bool: ...
    def serialize(self) -> Any: ...


class RtxRuntimeConfig(RuntimeConfig, Protocol):
    """IRuntimeConfig of TensorRT-RTX."""

    dynamic_shapes_kernel_specialization_strategy: Any

    def create_runtime_cache(self) -> RtxRuntimeCache: ...
    def set_runtime_cache(self, cache: RtxRuntimeCache) -> bool: ...


class Context(Protocol):
    """IExecutionContext."""

    def set_optimization_profile_async(self, profile_index: int, stream_handle: int) -> bool: ...
    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool: ...
    def get_tensor_shape(self, name: str) -> Iterable[int]: ...
    def set_tensor_address(self, name: str, memory: int) -> bool: ...
    def update_device_memory_size_for_shapes(self) -> int: ...
    def set_device_memory(self, memory: int, size: int) -> None: ...
    def execute_async_v3(self, stream_handle: int) -> bool: ...


class Engine(Protocol):
    """ICudaEngine."""

    @property
    def num_io_tensors(self) -> int: ...
    @property
    def num_optimization_profiles(self) -> int: ...
    def get_tensor_name(self, index: int) -> str: ...
    def get_tensor_mode(self, name: str) -> Any: ...
    def get_tensor_dtype(self, name: str) -> Any: ...
    def get_tensor_profile_shape(self, name: str, profile_index: int) -> Sequence[Iterable[int]]: ...
    def create_runtime_config(self) -> RuntimeConfig: ...
    def create_execution_context(self, runtime_config: RuntimeConfig) -> Context | None: ...


class Runtime(Protocol):
    """Runtime."""

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Engine | None: ...


class TensorIOMode(Protocol):
    """TensorIOMode."""

    INPUT: Any


class DataType(Protocol):
    """DataType."""

    FLOAT: Any
    HALF: Any


class AllocationStrategy(Protocol):
    """ExecutionContextAllocationStrategy."""

    USER_MANAGED: Any


class RtxSpecialization(Protocol):
    """DynamicShapesKernelSpecializationStrategy of TensorRT-RTX."""

    EAGER: Any


class Module(Protocol):
    """The module itself."""

    __version__: str
    ILogger: Any
    IProgressMonitor: Any
    BuilderFlag: BuilderFlag
    TensorIOMode: TensorIOMode
    DataType: DataType
    ExecutionContextAllocationStrategy: AllocationStrategy
    Builder: Callable[[Any], Builder]
    OnnxParser: Callable[[Network, Any], Parser]
    Runtime: Callable[[Any], Runtime]


class RtxModule(Module, Protocol):
    """The module of TensorRT-RTX."""

    ComputeCapability: Any
    DynamicShapesKernelSpecializationStrategy: RtxSpecialization
