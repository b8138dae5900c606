"""A narrow network on a GPU as a step: its launches, and what enlarges the planes that it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vsr.device.cuda.gpu import Gpu, Work
from vsr.device.cuda.launch import View
from vsr.engine.cuda_step import CudaRest, Place
from vsr.engine.fused_cuda import network as fused
from vsr.engine.fused_cuda.network import CudaNetwork, CudaPrecision
from vsr.engine.step import Network, Precision, changes_luma_alone
from vsr.frame import PictureSpec, format_name, pixel_format
from vsr.nets.graph import Graph
from vsr.ops.convert import Convert
from vsr.ops.cuda.lowering import lowered
from vsr.ops.cuda.step import CudaStep, picture

PRECISIONS: tuple[CudaPrecision, ...] = ("fp16", "fp32")
_DEEP = 16


def problem(network: Network, source: PictureSpec, gpu: Gpu) -> str | None:
    """Return why the network does not run so on pictures like that, or None."""
    if not isinstance(network, Graph):
        return f"{network.name} is not made of our operations: {network.reason}"
    block = network.multiple_of
    if source.width % block or source.height % block:
        return f"{network.name} takes sides that are multiples of {block}, not {source.width}x{source.height}"
    target = replace(source, width=source.width * network.scale, height=source.height * network.scale)
    return fused.problem(network, source, _written_whole(network, source, target))


def fused_step(
    network: Network, source: PictureSpec, target: PictureSpec, precision: Precision, place: Place
) -> CudaStep:
    """Return the step from `source` to `target`. Raises OptionError for what `problem` says."""
    assert isinstance(network, Graph) and precision in PRECISIONS
    whole = _written_whole(network, source, target)
    own = CudaNetwork(network, source, whole, place.memory, precision=precision, found=place.found)
    rest = CudaRest(source, target, range(len(own.written)), place.memory)
    between = picture(whole, place.memory) if whole is not target else None
    back = lowered(Convert(whole, target.format, target.color), place.memory) if between else None

    def work(planes: Sequence[View], into: Sequence[View]) -> list[Work]:
        if between is None or back is None:
            return [*own.launches(planes, into), *rest.work(planes, into)]
        return [*own.launches(planes, between), *back.launches(between, into), *rest.work(planes, into)]

    return CudaStep(
        source=source, output=target, sentence=own.sentence, work=work, in_half=precision == "fp16"
    )


def _written_whole(network: Graph, source: PictureSpec, target: PictureSpec) -> PictureSpec:
    """Return the target, or what is made before it: chroma of full size where the network gives R, G, B."""
    fmt = target.format
    if changes_luma_alone(network, source, target) or not (fmt.log2_chroma_w or fmt.log2_chroma_h):
        return target
    return replace(target, format=pixel_format(format_name("yuv", _DEEP)))
