"""Engines for a run: found in the cache, or built beside it, and loaded once for each GPU.

They are built in a thread, not in a process of its own: TensorRT's builder leaves the interpreter's lock to
others. While 17 million weights were built in 3.6 s, another thread waited 21 ms at most, 1 ms as a rule.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import cast
from weakref import WeakValueDictionary

from vsr.device.cuda.gpu import Gpu
from vsr.engine.builds import Build, Stop
from vsr.engine.cuda_step import Place
from vsr.engine.step import Network, Precision
from vsr.engine.tensorrt.cache import EngineCache
from vsr.engine.tensorrt.key import Gpu as BuiltOn
from vsr.engine.tensorrt.key import engine_key, kernels_key
from vsr.engine.tensorrt.library import KINDS, load
from vsr.engine.tensorrt.runtime import LoadedEngine, RejectedError, tried
from vsr.engine.tensorrt.spec import EngineSpec, Shapes
from vsr.engine.tensorrt.step import sizes_of
from vsr.engine.tensorrt.supply import obtain
from vsr.errors import DeviceError
from vsr.frame import PictureSpec
from vsr.nets.graph import Graph
from vsr.nets.onnx import Precision as EnginePrecision

PRECISIONS: tuple[Precision, ...] = ("fp16", "fp32")
"""The fastest first."""
_sharing = Lock()
_SHARED: WeakValueDictionary[tuple[Gpu, str], LoadedEngine] = WeakValueDictionary()
"""What some step still runs: by GPU and the hash of the serialised engine."""


def problem(engine: str, network: Network, source: PictureSpec, gpu: Gpu) -> str | None:
    """Return why a library cannot run a network on pictures like that on this GPU, or None.

    What its parser refuses is found when it builds.
    """
    if network.channels_in != network.channels_out:
        return (
            f"{network.name} reads {network.channels_in} planes and gives {network.channels_out}, "
            "and as many must come out as go in"
        )
    size, block = (source.height, source.width), network.multiple_of
    only = None if isinstance(network, Graph) else network.size
    if only is not None and only != size:
        return f"{network.name} takes {only[1]}x{only[0]} only, not {source.width}x{source.height}"
    if source.width % block or source.height % block:
        return f"{network.name} takes sides that are multiples of {block}, not {source.width}x{source.height}"
    try:
        return load(KINDS[engine]).problem_on(gpu.architecture)
    except DeviceError as error:
        return str(error)


def build_for(
    engine: str, network: Network, source: PictureSpec, precision: Precision, place: Place
) -> Build[LoadedEngine]:
    """Return the build of what runs a network on pictures like that: done where the cache has it."""
    known = network.digest if isinstance(network, Graph) else network
    key = (engine, known, source.width, source.height, precision)

    def new() -> Build[LoadedEngine]:
        supply = _Supply(engine, network, source, precision, place)
        return Build(network.name, engine, find=supply.find, make=supply.make)

    return place.builds.get(key, new)


class _Supply:
    """Where one loaded engine comes from."""

    def __init__(
        self, engine: str, network: Network, source: PictureSpec, precision: Precision, place: Place
    ) -> None:
        self._library = load(KINDS[engine])
        self._network = network
        self._source = source
        self._precision = precision
        self._gpu = place.gpu
        self._say = place.builds.say
        self._cache = EngineCache()
        self._built_on = BuiltOn.of(self._gpu)
        self._was_rejected = False

    @cached_property
    def _spec(self) -> EngineSpec:
        """What runs build: one size, and no GPU but this one."""
        return EngineSpec(
            network=self._network,
            shapes=(Shapes.fixed(self._source.height, self._source.width),),
            precision=cast(EnginePrecision, self._precision),
            targets=self._library.targets_on(self._gpu.architecture),
        )

    def find(self) -> LoadedEngine | None:
        """Return the engine if the cache has one that TensorRT takes. Raises OptionError and DeviceError."""
        key = engine_key(self._spec, self._library, self._key_gpu)
        found = self._cache.read_fitting(key)
        if found.plan is None:
            return None
        try:
            return self._loaded(found.plan)
        except RejectedError as error:
            self._was_rejected = True
            self._say(f"{error}; it is built again")
            return None

    def make(self, stop: Stop) -> LoadedEngine:
        """Build, keep and load the engine."""
        with self._gpu.current():
            obtained = obtain(
                self._spec,
                self._library,
                self._cache,
                gpu=self._key_gpu,
                fresh=self._was_rejected,
                stop=stop,
            )
        for text in (*obtained.notes, obtained.problem):
            if text:
                self._say(text)
        return self._loaded(obtained.plan)

    @property
    def _key_gpu(self) -> BuiltOn | None:
        """The GPU that the engine depends on; None where it is for a compute capability."""
        return None if self._spec.targets else self._built_on

    def _loaded(self, plan: bytes) -> LoadedEngine:
        """Return the engine on the GPU, tried on one picture; or the one that is there already."""
        known = (self._gpu, sha256(plan).hexdigest())
        with _sharing:
            shared = _SHARED.get(known)
            if shared is not None:
                return shared
            key = kernels_key(plan, self._built_on)
            kernels = self._cache.read(key).plan or b""
            loaded = LoadedEngine(plan, self._network.name, self._library, self._gpu, kernels=kernels)
            tried(loaded, sizes_of(self._network, self._source))
            compiled = loaded.kernels
            if compiled and compiled != kernels:
                self._cache.write(key, compiled)  # where it cannot be, they are compiled again
            _SHARED[known] = loaded
            return loaded
