"""The names of TensorRT that are used, over host memory: engines run by the reference, where they are told.

What TensorRT demands is asserted: a GPU that is current, shapes within a profile, addresses and memory before
a run, one run of a context at a time.
"""

from __future__ import annotations

import ctypes
import json
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock
from types import SimpleNamespace
from typing import Any

import numpy as np

from tests.cuda.fake_cupy import on_stream
from tests.cuda.host_gpu import CURRENT
from vsr.engine import reference
from vsr.nets.graph import Graph
from vsr.nets.onnx import read_onnx

_TYPES: dict[str, np.dtype[Any]] = {"HALF": np.dtype(np.float16), "FLOAT": np.dtype(np.float32)}
SCRATCH_BYTES_PER_PIXEL = 3


def assert_current() -> None:
    assert getattr(CURRENT, "gpu", None) is not None, "no GPU is the calling thread's own"


class FakeTensorRT:
    """The module: TensorRT 11, or TensorRT-RTX where `targets` are named.

    Builds wait for `gate`; `refusal` is what the parser says, `broken` why nothing is built, and `poisoned`
    the values that networks in float16 give. Engines of another `edition` are rejected, and all
    while there are `load_errors`, which are logged.
    """

    def __init__(self, *targets: str) -> None:
        self.__version__ = "1.7.1" if targets else "11.4.0"
        self.edition = 1
        self.gate = Event()
        self.gate.set()
        self.refusal = self.broken = ""
        self.poisoned: float | None = None
        self.load_errors: list[str] = []
        self.parsed: list[str] = []
        self.built: list[dict[str, Any]] = []
        self.loaded: list[FakeEngine] = []
        self.contexts: list[FakeContext] = []
        self.runs: list[tuple[int, ...]] = []
        self.Builder = lambda log: FakeBuilder(self, log)
        self.OnnxParser = lambda network, log: FakeParser(self, network)
        self.Runtime = lambda log: FakeRuntime(self, log)
        self.BuilderFlag = SimpleNamespace(TF32="tf32")
        self.TensorIOMode = SimpleNamespace(INPUT="input")
        self.DataType = SimpleNamespace(HALF="HALF", FLOAT="FLOAT")
        self.ExecutionContextAllocationStrategy = SimpleNamespace(USER_MANAGED="ours")
        self.ILogger = type("ILogger", (), {"INTERNAL_ERROR": 0, "ERROR": 1})
        self.IProgressMonitor = type("IProgressMonitor", (), {})
        if targets:
            members = {name.replace("sm_", "SM"): name for name in targets}
            self.ComputeCapability = SimpleNamespace(__members__=members, **members)
            self.DynamicShapesKernelSpecializationStrategy = SimpleNamespace(EAGER="eager")

    @property
    def is_rtx(self) -> bool:
        return hasattr(self, "ComputeCapability")


class FakeParser:
    def __init__(self, trt: FakeTensorRT, network: SimpleNamespace) -> None:
        self._trt = trt
        self._network = network

    def parse(self, model: bytes) -> bool:
        self._network.onnx = model
        return not self._trt.refusal

    @property
    def num_errors(self) -> int:
        return 1 if self._trt.refusal else 0

    def get_error(self, index: int) -> SimpleNamespace:
        operator, text = self._trt.refusal.split(": ")
        return SimpleNamespace(desc=lambda: text, node_name=lambda: "n1", node_operator=lambda: operator)


class FakeBuilder:
    def __init__(self, trt: FakeTensorRT, log: Any) -> None:
        self._trt = trt
        self._log = log

    def create_network(self, flags: int) -> SimpleNamespace:
        return SimpleNamespace(get_input=lambda index: SimpleNamespace(name="input"))

    def create_builder_config(self) -> SimpleNamespace:
        profiles: list[Any] = []
        capabilities: dict[int, str] = {}

        def add(profile: SimpleNamespace) -> int:
            profiles.append(profile.shapes)
            return len(profiles) - 1

        return SimpleNamespace(
            add_optimization_profile=add,
            clear_flag=lambda flag: None,
            create_timing_cache=lambda data: SimpleNamespace(serialize=lambda: b"times"),
            set_timing_cache=lambda cache, ignore: True,
            set_compute_capability=lambda name, index: capabilities.update({index: name}),
            progress_monitor=None,
            profiles=profiles,
            capabilities=capabilities,
        )

    def create_optimization_profile(self) -> SimpleNamespace:
        profile = SimpleNamespace(shapes=())
        profile.set_shape = lambda name, *shapes: setattr(profile, "shapes", shapes)
        return profile

    def build_serialized_network(self, network: SimpleNamespace, config: SimpleNamespace) -> bytes | None:
        trt, monitor = self._trt, config.progress_monitor
        if not trt.is_rtx:
            assert_current()
        while not trt.gate.wait(0.005):
            if monitor is not None and not monitor.step_complete("timing", 1):
                self._log.log(1, "the build was interrupted")
                return None
        if trt.broken:
            self._log.log(1, trt.broken)
            return None
        facts = {
            "edition": trt.edition,
            "profiles": config.profiles,
            "targets": list(config.capabilities.values()),
        }
        trt.built.append(facts)
        return json.dumps(facts).encode() + b"\0" + bytes(network.onnx)


class FakeRuntime:
    def __init__(self, trt: FakeTensorRT, log: Any) -> None:
        self._trt = trt
        self._log = log

    def deserialize_cuda_engine(self, plan: bytes) -> FakeEngine | None:
        assert_current()
        text, _, model = plan.partition(b"\0")
        facts = json.loads(text)
        for message in self._trt.load_errors:
            self._log.log(1, message)
        if self._trt.load_errors:
            return None
        if facts["edition"] != self._trt.edition:
            self._log.log(1, "the engine is of another edition")
            return None
        self._trt.loaded.append(FakeEngine(self._trt, facts, model))
        return self._trt.loaded[-1]


class FakeEngine:
    def __init__(self, trt: FakeTensorRT, facts: dict[str, Any], model: bytes) -> None:
        self.trt = trt
        self.profiles = facts["profiles"]
        self.is_half = _is_half(model)
        with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
            Path(file.name).write_bytes(model)
            graph = read_onnx(Path(file.name))
        assert isinstance(graph, Graph)
        self.graph = graph
        self.num_io_tensors = 2
        self.num_optimization_profiles = len(self.profiles)

    def get_tensor_name(self, index: int) -> str:
        return ("output", "input")[index]  # in no order that one may rely on

    def get_tensor_mode(self, name: str) -> str:
        return name

    def get_tensor_dtype(self, name: str) -> str:
        return "HALF" if self.is_half else "FLOAT"

    def get_tensor_profile_shape(self, name: str, index: int) -> list[list[int]]:
        shapes: list[list[int]] = self.profiles[index]
        return shapes

    def create_runtime_config(self) -> SimpleNamespace:
        config = SimpleNamespace(
            strategy=None, cache=None, dynamic_shapes_kernel_specialization_strategy=None
        )
        config.set_execution_context_allocation_strategy = lambda kind: setattr(config, "strategy", kind)
        if self.trt.is_rtx:
            config.create_runtime_cache = FakeRuntimeCache
            config.set_runtime_cache = lambda cache: setattr(config, "cache", cache)
        return config

    def create_execution_context(self, config: SimpleNamespace) -> FakeContext:
        assert_current()
        assert config.strategy == "ours"
        assert not self.trt.is_rtx or config.dynamic_shapes_kernel_specialization_strategy == "eager"
        self.trt.contexts.append(FakeContext(self, config.cache))
        return self.trt.contexts[-1]


def _is_half(model: bytes) -> bool:
    from onnx import TensorProto, load_model_from_string

    kind = load_model_from_string(model).graph.input[0].type.tensor_type.elem_type
    return bool(kind == TensorProto.FLOAT16)


class FakeRuntimeCache:
    """Of TensorRT-RTX: what was compiled, which is the shapes that ran."""

    def __init__(self) -> None:
        self.compiled: set[str] = set()

    def deserialize(self, blob: bytes) -> bool:
        self.compiled = set(json.loads(blob))
        return True

    def serialize(self) -> bytes:
        return json.dumps(sorted(self.compiled)).encode()


class FakeContext:
    def __init__(self, engine: FakeEngine, cache: FakeRuntimeCache | None) -> None:
        self.engine = engine
        self.cache = cache
        self.profile: int | None = None
        self.shape: tuple[int, ...] = ()
        self.addresses: dict[str, int] = {}
        self.memory = (0, 0)
        self.compiled = 0
        self._running = Lock()

    def set_optimization_profile_async(self, profile_index: int, stream_handle: int) -> bool:
        self.profile = profile_index
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert name == "input" and self.profile is not None
        least, _, most = self.engine.profiles[self.profile]
        self.shape = shape
        return all(a <= b <= c for a, b, c in zip(least, shape, most, strict=True))

    def get_tensor_shape(self, name: str) -> Iterator[int]:
        assert name == "output"
        scale = self.engine.graph.scale
        return iter((1, self.shape[1], self.shape[2] * scale, self.shape[3] * scale))

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self.addresses[name] = memory
        return memory != 0

    def update_device_memory_size_for_shapes(self) -> int:
        assert_current()
        return SCRATCH_BYTES_PER_PIXEL * self.shape[2] * self.shape[3]

    def set_device_memory(self, memory: int, size: int) -> None:
        assert size == self.update_device_memory_size_for_shapes()
        self.memory = (memory, size)

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert_current()
        assert set(self.addresses) == {"input", "output"} and self.memory[1]
        key = repr(self.shape)
        if self.cache is not None and key not in self.cache.compiled:
            self.compiled += 1
            self.cache.compiled.add(key)
        on_stream(stream_handle, self._run)
        return True

    def _run(self) -> None:
        assert self._running.acquire(blocking=False), "a context is used twice at once"
        ctypes.memset(self.memory[0], 0xFF, self.memory[1])
        dtype = _TYPES[self.engine.get_tensor_dtype("input")]
        picture = _at(self.addresses["input"], self.shape[1:], dtype).astype(np.float32)
        result = reference.run(self.engine.graph, picture)
        values = _at(self.addresses["output"], result.shape, dtype)
        values[...] = result
        if self.engine.is_half and self.engine.trt.poisoned is not None:
            values[-1, -1, -1] = self.engine.trt.poisoned
        self.engine.trt.runs.append(self.shape)
        self._running.release()


def _at(address: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    memory = (ctypes.c_uint8 * (math.prod(shape) * dtype.itemsize)).from_address(address)
    return np.ndarray(shape, dtype, memoryview(memory))
