"""Every name of TensorRT that is used exists: in TensorRT 11.4's bindings, and in TensorRT-RTX's."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vsr.engine.tensorrt import surface

CLASSES: dict[type, str] = {
    surface.ParserError: "ParserError",
    surface.Tensor: "ITensor",
    surface.Network: "INetworkDefinition",
    surface.Parser: "OnnxParser",
    surface.Profile: "IOptimizationProfile",
    surface.TimingCache: "ITimingCache",
    surface.Config: "IBuilderConfig",
    surface.RtxConfig: "IBuilderConfig",
    surface.Builder: "Builder",
    surface.BuilderFlag: "BuilderFlag",
    surface.RuntimeConfig: "IRuntimeConfig",
    surface.RtxRuntimeCache: "IRuntimeCache",
    surface.RtxRuntimeConfig: "IRuntimeConfig",
    surface.Context: "IExecutionContext",
    surface.Engine: "ICudaEngine",
    surface.Runtime: "Runtime",
    surface.TensorIOMode: "TensorIOMode",
    surface.DataType: "DataType",
    surface.AllocationStrategy: "ExecutionContextAllocationStrategy",
    surface.RtxSpecialization: "DynamicShapesKernelSpecializationStrategy",
    surface.Module: "",
    surface.RtxModule: "",
}
RTX_ONLY = {protocol for protocol in CLASSES if protocol.__name__.startswith("Rtx")}
DERIVED = {
    "ILogger": {"INTERNAL_ERROR", "ERROR", "log"},
    "IProgressMonitor": {"phase_start", "phase_finish", "step_complete"},
}
"""What library.py uses of the classes that it derives from."""
LIBRARIES = {
    "libnvinfer.so.11": (
        "createInferBuilder_INTERNAL",
        "createInferRefitter_INTERNAL",
        "createInferRuntime_INTERNAL",
        "getBuilderPluginRegistry",
        "getPluginRegistry",
    ),
    "libnvinfer_plugin.so.11": ("initLibNvInferPlugins",),
    "libnvonnxparser.so.11": (
        "createNvOnnxParserRefitter_INTERNAL",
        "createNvOnnxParser_INTERNAL",
        "getNvOnnxParserVersion",
    ),
}
"""What the bindings of 11.4 are linked with: libraries of 3.8 GB, whose place empty functions take."""


def own_names(protocol: type) -> set[str]:
    names = {*vars(protocol), *vars(protocol).get("__annotations__", {})}
    return {name for name in names if name == "__version__" or not name.startswith("_")}


def used(*, rtx: bool) -> dict[str, set[str]]:
    """Return class names of TensorRT, "" the module, with the names that are used of them."""
    names = {name: set(members) for name, members in DERIVED.items()}
    for protocol, name in CLASSES.items():
        if rtx or protocol not in RTX_ONLY:
            names.setdefault(name, set()).update(own_names(protocol))
    return names


def test_all_protocols_are_looked_up() -> None:
    protocols = {
        value
        for value in vars(surface).values()
        if isinstance(value, type) and value.__module__ == surface.__name__
    }
    assert protocols == set(CLASSES)
    assert all(own_names(protocol) for protocol in protocols)


def test_names_of_tensorrt_rtx() -> None:
    trt: Any = pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt-rtx is not installed: pip install 'vsr-realtime[rtx]'"
    )
    for name, members in used(rtx=True).items():
        assert members <= set(dir(getattr(trt, name) if name else trt)), name


LOOK_UP = """
import json, sys, tensorrt_bindings as trt
sys.modules["tensorrt"] = trt  # as the package tensorrt-cu13 has it
from vsr.engine.tensorrt import load
library = load("tensorrt")
names = json.load(sys.stdin)
missing = [
    f"{name}.{member}"
    for name, members in names.items()
    for member in members
    if not hasattr(getattr(trt, name) if name else trt, member)
]
print(json.dumps([library.version, library.targets, library.keeps_timings, missing]))
"""


def test_names_of_tensorrt_11(tmp_path: Path) -> None:
    if importlib.util.find_spec("tensorrt_bindings") is None:
        pytest.skip("TensorRT's bindings are not installed: pip install tensorrt-cu13-bindings")
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("there is no C compiler")
    for library, symbols in LIBRARIES.items():
        source = tmp_path / f"{library}.c"
        source.write_text("".join(f"void *{symbol}(void) {{ return 0; }}\n" for symbol in symbols))
        arguments = ["-shared", "-fPIC", f"-Wl,-soname,{library}", "-o", str(tmp_path / library), str(source)]
        subprocess.run([compiler, *arguments], check=True, capture_output=True)
    names = {name: sorted(members) for name, members in used(rtx=False).items()}
    names["IBuilderConfig"].append("platform_has_fast_fp16")  # to see that what is missing is found
    run = subprocess.run(
        [sys.executable, "-c", LOOK_UP],
        input=json.dumps(names),
        env={**os.environ, "LD_LIBRARY_PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    version, targets, keeps_timings, missing = json.loads(run.stdout)
    assert version.startswith("11.")
    assert (targets, keeps_timings) == ([], True)
    assert missing == ["IBuilderConfig.platform_has_fast_fp16"]
