"""NVIDIA GPUs: whether this machine can use one, and what is missing where it cannot.

Importing this loads neither the driver nor CuPy.
"""

from __future__ import annotations

import ctypes
from importlib.util import find_spec

from vsr.device.cuda import driver as nvidia_driver
from vsr.device.cuda import nvrtc

MIN_DRIVER = (13, 0)
"""The CUDA version that the driver must know: machine code of NVRTC 13 needs it."""
_NO_DEVICE = 100
"""CUDA_ERROR_NO_DEVICE: what cuInit gives where no GPU is visible."""
_HIDDEN = "the NVIDIA driver shows no GPU; look at CUDA_VISIBLE_DEVICES"
_INSTALL = "pip install 'vsr-realtime[cuda]'"


def unavailable() -> str | None:
    """Return one sentence that says why no GPU can be used and what to do, or None where one can.

    Asks the driver each time, which takes about 0.1 s where there is one and nothing where there is none.
    """
    missing = [_driver_fault(), _package_fault()]
    faults = [fault for fault in missing if fault]
    return f"CUDA cannot be used: {'; '.join(faults)}" if faults else None


def _driver_fault() -> str | None:
    try:
        driver = nvidia_driver.library()
    except OSError:
        return (
            "there is no NVIDIA driver (libcuda.so.1); on a machine with an NVIDIA GPU install 580 or newer"
        )
    status = driver.cuInit(0)
    if status == _NO_DEVICE:
        return _HIDDEN
    if status:
        return f"the NVIDIA driver does not start (cuInit gives {status}); `nvidia-smi` says more"
    known = nvidia_driver.cuda_version(driver)
    if known < MIN_DRIVER:
        return (
            f"the NVIDIA driver knows CUDA {known[0]}.{known[1]}, 13.0 is needed; install driver 580 or newer"
        )
    number = ctypes.c_int()
    driver.cuDeviceGetCount(ctypes.byref(number))
    if number.value == 0:
        return _HIDDEN
    return None


def _package_fault() -> str | None:
    packages = []
    if find_spec("cupy") is None:
        packages.append("CuPy (cupy-cuda13x)")
    if nvrtc.find() is None:
        packages.append("NVRTC (nvidia-cuda-nvrtc)")
    return f"{' and '.join(packages)} not installed: {_INSTALL}" if packages else None
