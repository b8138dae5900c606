"""`vsr doctor`: what this machine has, and what vsr would use, and why."""

import json
import os
import platform
from dataclasses import asdict
from typing import Annotated, Any

import typer

from vsr.cli import doctor_gpu


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print it for programs.")] = False,
) -> None:
    """Show what this machine has, and what vsr would use, and why."""
    facts = examine()
    typer.echo(json.dumps(facts, indent=2) if as_json else "\n".join(lines(facts)))


def examine() -> dict[str, Any]:
    """Return the facts, grouped as they are printed."""
    from vsr._version import __version__
    from vsr.errors import DeviceError
    from vsr.media.inventory import inventory

    gpu = doctor_gpu.examine()
    try:
        kernels: dict[str, Any] = _kernels()
    except DeviceError as error:
        kernels = {"error": str(error)}
    return {
        "vsr": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu": _cpu(),
        "kernels": kernels,
        "engines": _engines(),
        "media": asdict(inventory()),
        "gpu": gpu,
        "device": doctor_gpu.auto(gpu),
    }


def lines(facts: dict[str, Any]) -> list[str]:
    """Return the facts as text."""
    cpu, kernels, media = facts["cpu"], facts["kernels"], facts["media"]
    memory = f"{cpu['memory_bytes'] / 2**30:.1f} GiB" if cpu["memory_bytes"] else "unknown"
    if "error" in kernels:
        isa = f"NOT WORKING: {kernels['error']}"
    else:
        isa = f"{kernels['isa']}, of {', '.join(kernels['available'])} (VSR_CPU_ISA chooses another)"
    return [
        f"vsr       {facts['vsr']}",
        f"python    {facts['python']} on {facts['system']}",
        f"cpu       {cpu['name']}, {cpu['usable_cores']} cores usable, {memory} memory",
        f"kernels   {isa}",
        *_engine_lines(facts["engines"]),
        *doctor_gpu.lines(facts["gpu"]),
        f"--device auto is {facts['device']['auto']}: {facts['device']['why']}",
        f"pyav      {media['pyav']} with FFmpeg {media['ffmpeg']}, "
        f"{media['num_codecs']} codecs, {media['num_formats']} containers",
        "          " + ", ".join(f"{name} {version}" for name, version in media["libraries"].items()),
        *_codec_lines("encoders", media["encoders"]),
        _gpu_encoder_line(media["gpu_encoders"], usable=facts["gpu"]["usable"]),
        *_codec_lines("decoders", media["decoders"]),
    ]


def _codec_lines(title: str, there: dict[str, bool]) -> list[str]:
    have = [name for name, has in there.items() if has]
    lack = [name for name, has in there.items() if not has]
    found = f"{title:<9} {', '.join(have) or 'none'}"
    return [found, *([f"          missing: {', '.join(lack)}"] if lack else [])]


def _gpu_encoder_line(there: dict[str, bool], *, usable: bool) -> str:
    have = ", ".join(name for name, has in there.items() if has) or "none"
    return f"          on a GPU{'' if usable else ', and none can be used'}: {have}"


def _kernels() -> dict[str, Any]:
    from vsr.device import cpu

    return {"isa": cpu.isa(), "available": list(cpu.features())}


def _engines() -> dict[str, Any]:
    """Return what each engine computes in here; and what one core does at most, in multiply-adds."""
    from vsr.engine.engines import ENGINES, peak
    from vsr.errors import DeviceError

    try:
        precisions = {name: list(engine.precisions()) for name, engine in ENGINES.items()}
        peaks = {precision: peak(precision) for precision in ENGINES["fused_cpu"].precisions()}
    except DeviceError as error:
        return {"error": str(error)}
    return {"precisions": precisions, "core_operations_per_second": peaks, "openvino": _openvino_version()}


def _openvino_version() -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("openvino")
    except PackageNotFoundError:
        return None


def _engine_lines(engines: dict[str, Any]) -> list[str]:
    if "error" in engines:
        return []
    shown = (f"{name} ({', '.join(precisions)})" for name, precisions in engines["precisions"].items())
    peaks = engines["core_operations_per_second"].items()
    speeds = ", ".join(f"{speed / 1e9:.0f} GFLOPS in {precision}" for precision, speed in peaks)
    return [
        f"networks  {', '.join(shown)}; openvino {engines['openvino'] or 'is missing'}",
        f"          a core does {speeds} at most, measured now",
    ]


def _cpu() -> dict[str, Any]:
    from vsr.device import cpu

    return {
        "name": cpu.model_name(),
        "machine": platform.machine(),
        "usable_cores": cpu.usable_cores(),
        "memory_bytes": _memory_bytes(),
    }


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):  # not every system has these names
        return None
