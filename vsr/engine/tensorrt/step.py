"""A network in TensorRT as a step on a GPU: converted into its tensor, run, converted back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vsr.device.cuda.gpu import Call, Work
from vsr.device.cuda.launch import View
from vsr.engine.cuda_step import CudaRest, Place
from vsr.engine.step import CHANNELS, FloatEnds, Network, Precision, changes_luma_alone, float_picture
from vsr.engine.tensorrt.runtime import EngineRun, LoadedEngine, Sizes
from vsr.frame import PictureSpec
from vsr.ops.cuda.check import FOUND, looked_at
from vsr.ops.cuda.lowering import lowered
from vsr.ops.cuda.step import CudaStep


def sizes_of(network: Network, source: PictureSpec) -> Sizes:
    """Return the shapes of a network's ends for pictures of the source's size."""
    sides = source.height * network.scale, source.width * network.scale
    return Sizes(
        read=(1, network.channels_in, source.height, source.width), made=(1, network.channels_out, *sides)
    )


def engine_step(
    network: Network,
    source: PictureSpec,
    target: PictureSpec,
    precision: Precision,
    place: Place,
    loaded: LoadedEngine,
) -> CudaStep:
    """Return the step that runs an engine from `source` to `target`.

    Conversions write and read the engine's tensors themselves, in float16 where it is of float16; a result
    that is no number is told to the place. Raises OutOfMemoryError, DeviceError for sizes that are not the
    engine's, and OptionError where a network of luma would have to mix components.
    """
    run, memory = EngineRun(loaded, sizes_of(network, source)), place.memory
    seen = float_picture(network, source)
    ends = FloatEnds(
        seen,
        replace(seen, width=target.width, height=target.height),
        source,
        target,
        luma_only=changes_luma_alone(network, source, target),
    )
    into, back = lowered(ends.into, memory), lowered(ends.back, memory)
    rest = CudaRest(source, target, range(ends.written), memory)
    before, after = (_planes(channels, seen) for channels in (run.input, run.output))
    look = looked_at(run.whole_output, _row(place.found))

    def work(planes: Sequence[View], targets: Sequence[View]) -> list[Work]:
        return [
            *into.launches(planes, before),
            Call(run.enqueue),
            look,
            *back.launches(after, targets[: ends.written]),
            *rest.work(planes, targets),
        ]

    return CudaStep(
        source=source,
        output=target,
        sentence=(
            f"{network.name} {source.width}x{source.height} to {target.width}x{target.height}, "
            f"{loaded.library.name} {loaded.library.version} in {precision}"
        ),
        work=work,
        in_half=precision == "fp16",
    )


def _planes(channels: Sequence[View], seen: PictureSpec) -> tuple[View, ...]:
    """Return a tensor's channels in the order of the picture's planes."""
    order = CHANNELS[seen.format.name]
    return tuple(channels[order.index(plane)] for plane in range(len(order)))


def _row(found: int) -> View:
    return View(pointer=found, stride_bytes=FOUND.itemsize, width=FOUND.itemsize, height=1, kind="u8")
