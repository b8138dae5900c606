"""Engines of TensorRT 11 and TensorRT-RTX: built from a network, kept on disk.

    spec = EngineSpec(network=graph, shapes=(Shapes.fixed(1080, 1920),), targets=("sm_89",))
    engine = obtain(spec, load("rtx"), EngineCache())

Nothing of TensorRT is imported before `load`.
"""

from vsr.engine.tensorrt.builder import Built, build
from vsr.engine.tensorrt.cache import EngineCache, Found
from vsr.engine.tensorrt.file import EngineFileError, StaleError, read_file, write_file
from vsr.engine.tensorrt.key import Gpu, Key, engine_key
from vsr.engine.tensorrt.library import KINDS, Kind, Library, load
from vsr.engine.tensorrt.spec import EngineSpec, Shapes, any_size
from vsr.engine.tensorrt.supply import Obtained, obtain

__all__ = [
    "KINDS",
    "Built",
    "EngineCache",
    "EngineFileError",
    "EngineSpec",
    "Found",
    "Gpu",
    "Key",
    "Kind",
    "Library",
    "Obtained",
    "Shapes",
    "StaleError",
    "any_size",
    "build",
    "engine_key",
    "load",
    "obtain",
    "read_file",
    "write_file",
]
