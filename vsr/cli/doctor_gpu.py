"""What `vsr doctor` says of NVIDIA GPUs: driver, packages, and what each GPU decodes, encodes and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vsr.device.cuda.gpu import Gpu

_PACKAGES = {
    "cupy": "cupy-cuda13x",
    "nvrtc": "nvidia-cuda-nvrtc",
    "tensorrt": "tensorrt-cu13",
    "tensorrt_rtx": "tensorrt-rtx-cu13",
    "pycuda": "pycuda",
}
_TRIED_SIDE = 512


def examine() -> dict[str, Any]:
    """Return the facts. A GPU is opened only where there is one."""
    from dataclasses import asdict

    from vsr.device import cuda
    from vsr.device.cuda import driver

    missing = cuda.unavailable()
    found = driver.examine()
    cards = [asdict(card) for card in found.cards] if found else []
    if missing is None:
        cards = [card | _abilities(card["index"]) for card in cards]
    return {
        "usable": missing is None,
        "missing": missing,
        "driver": {"cuda": found.cuda, "release": found.release} if found else None,
        "packages": {name: _version(package) for name, package in _PACKAGES.items()},
        "cards": cards,
    }


def auto(gpu: dict[str, Any]) -> dict[str, str]:
    """Return what --device auto is, and why."""
    if gpu["usable"]:
        why = "the way over the GPU has not been run on hardware yet; --device cuda asks for it"
    else:
        why = "no GPU can be used; the CPU gives the same result"
    return {"auto": "cpu", "why": why}


def lines(gpu: dict[str, Any]) -> list[str]:
    """Return the facts as text."""
    shown = [f"gpu       {gpu['missing']}"] if gpu["missing"] else []
    if gpu["driver"]:
        packages = ", ".join(f"{name} {number}" for name, number in gpu["packages"].items() if number)
        release = gpu["driver"]["release"] or "of unknown number"
        shown.append(f"gpu       driver {release}, knows CUDA {gpu['driver']['cuda']}; {packages}")
    for card in gpu["cards"]:
        shown += _card_lines(card)
    return shown


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _abilities(index: int) -> dict[str, Any]:
    from vsr.device.cuda import nvidia
    from vsr.errors import DeviceError

    try:
        gpu = nvidia.open_gpu(index)
    except DeviceError as error:
        return {"error": str(error)}
    found = {"nvdec": _nvdec(gpu), "nvenc": _nvenc(gpu), "tensorrt": _tensorrt(gpu)}
    return found | ({"pycuda": _pycuda(index)} if _version("pycuda") else {})


def _nvdec(gpu: Gpu) -> dict[str, Any]:
    """Return codec -> depth and chroma -> largest size."""
    from vsr.device.cuda.nvcuvid import CHROMAS, CODECS, DEPTHS, abilities
    from vsr.errors import DeviceError

    found: dict[str, dict[str, str]] = {codec: {} for codec in CODECS}
    try:
        for codec in CODECS:
            for chroma in CHROMAS:
                for depth in DEPTHS:
                    able = abilities(gpu, codec, chroma, depth)
                    if able is not None:
                        found[codec][f"{depth} bit {chroma}"] = "x".join(map(str, able.max_size))
                        found.setdefault("decoders", {})[codec] = str(able.num_decoders)
    except DeviceError as error:
        return {"error": str(error)}
    return found


def _nvenc(gpu: Gpu) -> dict[str, str | None]:
    """Return encoder and layout -> why it refuses, or None where it really encoded."""
    from vsr.media.nvenc import LAYOUTS, TWINS, Nvenc

    tried = Nvenc(gpu, _TRIED_SIDE, _TRIED_SIDE)
    kinds = [(name, layout) for name in TWINS.values() for layout in LAYOUTS.values()]
    return {f"{name} {layout}": tried.refusal(name, layout) for name, layout in kinds}


def _tensorrt(gpu: Gpu) -> dict[str, str]:
    """Return library -> whether it builds for this chip, for those that are installed."""
    from vsr.engine.tensorrt.library import Kind, load
    from vsr.errors import DeviceError

    found = {}
    kinds: tuple[tuple[Kind, str], ...] = (("tensorrt", "tensorrt"), ("rtx", "tensorrt_rtx"))
    for kind, name in kinds:
        if _version(_PACKAGES[name]) is None:
            continue
        try:
            targets = load(kind).targets
        except DeviceError as error:
            found[name] = str(error)
            continue
        fits = not targets or gpu.architecture in targets
        found[name] = "yes" if fits else f"no: {gpu.architecture} is not one of {', '.join(targets)}"
    return found


def _pycuda(index: int) -> dict[str, Any]:
    from vsr.device.cuda.pycuda_report import report
    from vsr.errors import DeviceError

    try:
        return dict(report(index))
    except DeviceError as error:
        return {"error": str(error)}


def _card_lines(card: dict[str, Any]) -> list[str]:
    memory = f"{card['memory_bytes'] / 2**30:.1f} GiB"
    shown = [f"cuda:{card['index']:<4} {card['name']}, compute capability {card['capability']}, {memory}"]
    if "error" in card:
        return [*shown, f"          NOT WORKING: {card['error']}"]
    if "nvdec" not in card:
        return shown
    shown.append(f"          decodes {_nvdec_words(card['nvdec'])}")
    shown += [f"          {line}" for line in _nvenc_words(card["nvenc"])]
    shown += [f"          {name} builds for it: {words}" for name, words in card["tensorrt"].items()]
    if "pycuda" in card:
        facts = (f"{name} {value}" for name, value in card["pycuda"].items())
        shown.append(f"          pycuda: {', '.join(facts)}")
    return shown


def _nvdec_words(nvdec: dict[str, Any]) -> str:
    if "error" in nvdec:
        return f"nothing: {nvdec['error']}"
    kinds = {codec: ", ".join(found) for codec, found in nvdec.items() if codec != "decoders" and found}
    return "; ".join(f"{codec} ({words})" for codec, words in kinds.items()) or "nothing"


def _nvenc_words(nvenc: dict[str, str | None]) -> list[str]:
    able = [name for name, why in nvenc.items() if why is None]
    refused = [name for name, why in nvenc.items() if why is not None]
    shown = [f"encodes {', '.join(able) or 'nothing'}"]
    if refused:
        reasons = dict.fromkeys(why for why in nvenc.values() if why is not None)
        shown.append(f"does not encode {', '.join(refused)}: {'; '.join(reasons)}")
    return shown
