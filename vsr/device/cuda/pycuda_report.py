"""The driver's own report on a GPU, through pycuda where that is installed.

pycuda is not imported before, and never makes a context: it retains the primary one, which CuPy, FFmpeg and
TensorRT share, on a thread of its own for as long as it asks.
"""

from __future__ import annotations

import importlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from vsr.errors import DeviceError

_ATTRIBUTES = (
    "MULTIPROCESSOR_COUNT",
    "CLOCK_RATE",
    "MEMORY_CLOCK_RATE",
    "GLOBAL_MEMORY_BUS_WIDTH",
    "L2_CACHE_SIZE",
    "MAX_SHARED_MEMORY_PER_MULTIPROCESSOR",
    "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN",
    "ASYNC_ENGINE_COUNT",
    "ECC_ENABLED",
    "COMPUTE_MODE",
)
"""Of CUdevice_attribute: what decides how fast kernels and copies can be, and who may use the GPU."""


def report(index: int) -> dict[str, int | str]:
    """Return attribute -> value, and the free and total bytes of memory, of the GPU of that number.

    Raises DeviceError where pycuda is not installed, does not find the driver, or is refused by it.
    """
    try:
        driver = importlib.import_module("pycuda.driver")
    except ImportError as error:
        raise DeviceError(f"pycuda does not load ({error}); pip install 'vsr-realtime[pycuda]'") from error
    with ThreadPoolExecutor(1) as worker:
        return worker.submit(_asked, driver, index).result()


def _asked(driver: Any, index: int) -> dict[str, int | str]:
    try:
        driver.init()
        device = driver.Device(index)
        found = {name.lower(): _value(driver, device, name) for name in _ATTRIBUTES}
        context = device.retain_primary_context()
        context.push()
        try:
            found["free_bytes"], found["total_bytes"] = map(int, driver.mem_get_info())
        finally:
            context.pop()
    except driver.Error as error:
        raise DeviceError(f"pycuda: the driver refuses cuda:{index}: {error}") from error
    return found


def _value(driver: Any, device: Any, name: str) -> int | str:
    value = device.get_attribute(getattr(driver.device_attribute, name))
    return int(value) if isinstance(value, int) and name != "COMPUTE_MODE" else str(value)
