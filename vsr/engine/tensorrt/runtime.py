"""Serialised engines brought onto a GPU, and run there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import takewhile
from math import prod
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from vsr.device.cuda.gpu import Gpu, OutOfMemoryError
from vsr.device.cuda.launch import DTYPES, Kind, View, view
from vsr.engine.tensorrt.library import Library
from vsr.engine.tensorrt.messages import is_out_of_memory, reason
from vsr.errors import DeviceError

if TYPE_CHECKING:
    from vsr.engine.tensorrt.surface import Context, Engine
    from vsr.frame import Plane


class RejectedError(DeviceError):
    """A serialised engine that TensorRT does not take: of another GPU, driver or version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """What goes in and what must come out: (1, channels, height, width)."""

    read: tuple[int, int, int, int]
    made: tuple[int, int, int, int]


class LoadedEngine:
    """An engine in a GPU's memory, for all the runs of it that happen at once.

    Thread-safety: safe. Ownership: runs keep it alive.
    """

    def __init__(self, plan: bytes, name: str, library: Library, gpu: Gpu, *, kernels: bytes = b"") -> None:
        """`name` is the network's, for people; `kernels` are those of an earlier run, see `kernels`.

        Raises RejectedError, OutOfMemoryError, and DeviceError for networks of more than one picture in and
        one out.
        """
        self.name = name
        self.library = library
        self.gpu = gpu
        self._lock = Lock()
        errors = library.log.errors
        before = errors[-1] if errors else None
        with gpu.current():
            self._runtime = library.module.Runtime(library.log)
            gpu.trim()
            engine = self._runtime.deserialize_cuda_engine(plan)
            if engine is None:
                new = list(takewhile(lambda message: message is not before, reversed(errors)))
                if any(map(is_out_of_memory, new)):
                    raise OutOfMemoryError(
                        f"{gpu.device} is out of memory: {library.name} cannot load the engine of {name}; "
                        "lower --threads (frames at once), or end other programs that use the GPU"
                    )
                raise RejectedError(
                    f"{library.name} {library.version} does not take the engine of {name} on {gpu.name}: "
                    f"{reason(new[0]) if new else 'no reason is given'}"
                )
            self._engine = engine
            self._config, self._compiled = library.runtime_config(engine, kernels)
        self.input, self.output = _ends(engine, library, name)

    @property
    def kernels(self) -> bytes:
        """What TensorRT-RTX has compiled so far for this GPU, for the next that loads the engine."""
        return bytes(self._compiled.serialize()) if self._compiled is not None else b""

    def kind(self, end: str) -> Kind:
        """Return the type of the samples of its input or output."""
        types = self.library.module.DataType
        kinds: dict[object, Kind] = {types.HALF: "f16", types.FLOAT: "f32"}
        found = self._engine.get_tensor_dtype(end)
        if found not in kinds:
            raise DeviceError(f"{self.name} reads or gives {found}, not float16 or float32: export it so")
        return kinds[found]

    def context(self, sizes: Sizes) -> Context:
        """Return a context for pictures of one size, in its tightest profile; memory is to be given to it.

        Raises DeviceError for a size that the engine does not take, or makes another of.
        """
        with self._lock, self.gpu.current():
            context = self._engine.create_execution_context(self._config)
            if context is None:
                raise DeviceError(f"{self._sentence(sizes)}: {self.library.name} makes no context for it")
            stream = self.gpu.stream()
            profile = _profile(self._engine, self.input, sizes.read)
            fits = profile is not None and context.set_optimization_profile_async(profile, stream.pointer)
            stream.record().wait()
            if not (fits and context.set_input_shape(self.input, sizes.read)):
                raise DeviceError(f"{self._sentence(sizes)}: its engine is for other sizes")
            made = tuple(context.get_tensor_shape(self.output))
            if made != sizes.made:
                raise DeviceError(
                    f"{self._sentence(sizes)}: it makes {_by(made)} of {_by(sizes.read)}, "
                    f"{_by(sizes.made)} is wanted; export it for a fixed size"
                )
            return context

    def _sentence(self, sizes: Sizes) -> str:
        return f"{self.name} cannot run on {sizes.read[3]}x{sizes.read[2]} pixels"


class EngineRun:
    """An engine for pictures of one size, with memory of its own: one picture at a time.

    Both pictures lie as the engine wants them: channels (luma, or R, G, B) one after the other without gaps.
    Thread-safety: one thread at a time, any thread.
    """

    def __init__(self, loaded: LoadedEngine, sizes: Sizes) -> None:
        """Raises OutOfMemoryError, and what `LoadedEngine.context` raises."""
        self._loaded = loaded  # which its contexts need
        self._context = context = loaded.context(sizes)
        gpu = loaded.gpu
        self._kept: list[Plane] = []
        self.input = _channels(self._tensor(loaded.input, sizes.read), sizes.read)
        """A view of each channel."""
        self.whole_output = self._tensor(loaded.output, sizes.made)
        """All channels, as one plane."""
        self.output = _channels(self.whole_output, sizes.made)
        with gpu.current():
            size = context.update_device_memory_size_for_shapes()
            scratch = gpu.array((1, max(1, size)), np.dtype(np.uint8))
            self._kept.append(scratch)
            context.set_device_memory(gpu.pointer(scratch), size)

    def _tensor(self, end: str, shape: tuple[int, int, int, int]) -> View:
        gpu, (_, channels, height, width) = self._loaded.gpu, shape
        array = gpu.array((channels * height, width), DTYPES[self._loaded.kind(end)])
        self._kept.append(array)
        whole = view(array, gpu.pointer(array))
        if not self._context.set_tensor_address(end, whole.pointer):
            raise DeviceError(f"{self._loaded.library.name} refuses the memory for {end!r}")
        return whole

    def enqueue(self, stream: int) -> None:
        """Put the run on a stream. Raises DeviceError where TensorRT refuses."""
        if not self._context.execute_async_v3(stream):
            errors = self._loaded.library.log.errors
            raise DeviceError(
                f"{self._loaded.library.name} does not run {self._loaded.name}: "
                f"{reason(errors[-1]) if errors else 'no reason is given'}; choose another --engine"
            )


def _channels(whole: View, shape: tuple[int, int, int, int]) -> tuple[View, ...]:
    _, channels, height, _ = shape
    step = height * whole.stride_bytes
    return tuple(
        replace(whole, pointer=whole.pointer + index * step, height=height) for index in range(channels)
    )


def tried(loaded: LoadedEngine, sizes: Sizes) -> None:
    """Run an engine once, on nothing: what it compiles or loads at first, it does now.

    Raises what `EngineRun` and its `enqueue` raise.
    """
    run, stream = EngineRun(loaded, sizes), loaded.gpu.stream()
    with loaded.gpu.current():
        run.enqueue(stream.pointer)
        stream.record().wait()


def _ends(engine: Engine, library: Library, name: str) -> tuple[str, str]:
    """Return the names of its input and its output."""
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    inputs = [each for each in names if engine.get_tensor_mode(each) == library.module.TensorIOMode.INPUT]
    outputs = [each for each in names if each not in inputs]
    if len(inputs) != 1 or len(outputs) != 1:
        raise DeviceError(
            f"{name} reads {len(inputs)} tensors and gives {len(outputs)}, not one of each; "
            "export it with the picture alone"
        )
    return inputs[0], outputs[0]


def _profile(engine: Engine, end: str, shape: tuple[int, ...]) -> int | None:
    """Return the tightest profile that takes a shape, or None."""
    fitting = []
    for index in range(engine.num_optimization_profiles):
        least, _, most = (tuple(each) for each in engine.get_tensor_profile_shape(end, index))
        if all(low <= side <= high for low, side, high in zip(least, shape, most, strict=True)):
            fitting.append((prod(most), index))
    return min(fitting)[1] if fitting else None


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
