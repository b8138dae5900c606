"""NVIDIA's driver through ctypes: its version, and the GPUs that it shows. Needs nothing but the driver."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_...
_NAME_BYTES = 256


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """A GPU as the driver tells of it."""

    index: int
    name: str
    capability: str
    """E.g. "9.0"."""
    memory_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Driver:
    """A driver that starts."""

    cuda: str
    """The newest CUDA that it knows, e.g. "13.0"."""
    release: str | None
    """Its own number, e.g. "580.95.05"; None where the management library is not there."""
    cards: tuple[Card, ...]


def library() -> ctypes.CDLL:
    """Return the driver. Raises OSError where there is none."""
    return ctypes.CDLL("libcuda.so.1")


def cuda_version(driver: ctypes.CDLL) -> tuple[int, int]:
    """Return the newest CUDA that a driver knows, e.g. (13, 0)."""
    number = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(number))
    return number.value // 1000, number.value % 1000 // 10


def examine() -> Driver | None:
    """Return what the driver tells, or None where there is none, or none that starts."""
    try:
        driver = library()
    except OSError:
        return None
    if driver.cuInit(0):
        return None
    count = ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(count))
    return Driver(
        cuda=".".join(map(str, cuda_version(driver))),
        release=_release(),
        cards=tuple(_card(driver, index) for index in range(count.value)),
    )


def _card(driver: ctypes.CDLL, index: int) -> Card:
    device, size = ctypes.c_int(), ctypes.c_size_t()
    name = ctypes.create_string_buffer(_NAME_BYTES)
    numbers = ctypes.c_int(), ctypes.c_int()
    driver.cuDeviceGet(ctypes.byref(device), index)
    driver.cuDeviceGetName(name, _NAME_BYTES, device)
    driver.cuDeviceTotalMem_v2(ctypes.byref(size), device)
    for number, attribute in zip(numbers, (_CAPABILITY_MAJOR, _CAPABILITY_MINOR), strict=True):
        driver.cuDeviceGetAttribute(ctypes.byref(number), attribute, device)
    return Card(
        index=index,
        name=name.value.decode(errors="replace"),
        capability=".".join(str(number.value) for number in numbers),
        memory_bytes=size.value,
    )


def _release() -> str | None:
    try:
        management = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    if management.nvmlInit_v2():
        return None
    text = ctypes.create_string_buffer(_NAME_BYTES)
    status = management.nvmlSystemGetDriverVersion(text, _NAME_BYTES)
    management.nvmlShutdown()
    return None if status else text.value.decode(errors="replace")
