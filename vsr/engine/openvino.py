"""Run a network in OpenVINO: graphs of ours, and ONNX files with operators of their own."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from threading import Lock
from typing import Any, Literal

from vsr.engine.step import CHANNELS
from vsr.errors import DeviceError, OptionError
from vsr.frame import PictureSpec, Plane
from vsr.nets.graph import Graph
from vsr.nets.onnx import ForeignNetwork, onnx_bytes

Precision = Literal["fp32", "bf16"]
_HINTS = {"fp32": "f32", "bf16": "bf16"}
OVERLAP = 32
"""Least number of pixels by which neighbouring tiles of a fixed size overlap; a quarter of smaller tiles."""


@dataclass(frozen=True, slots=True)
class Span:
    """Along one axis: a tile reads from `start` on; of its result, pixels first..stop - 1 are kept."""

    start: int
    first: int
    stop: int


class OpenVinoStep:
    """Float pictures of `source` through a network, to float pictures `scale` times as large.

    `source` is gbrpf32le for a network of R, G, B and grayf32le for one of luma. Sides that the network does
    not take are filled up by repeating the last row and column, and the result is cut.

    An ONNX file that takes one size only is fed a larger picture in tiles of that size. They overlap, by
    OVERLAP pixels at least or a quarter of a small tile, and are cut in the middle of the overlap, without
    blending: where the network looks further than half of it, seams can show. `sentence` says so.

    "bf16" lets OpenVINO compute in bfloat16, which some processors do several times as fast; about 3 decimal
    digits are left. It is refused where the processor does not have it.

    The network is compiled once, for this size, `threads` and `streams`: `streams` calls make progress at
    once, each on `threads` threads, and further ones wait. A stream has memory of its own for everything
    between the layers; one with many threads does as many pictures a second as many with one.

    Thread-safety: safe; each call in progress has a request of its own, kept for the next call. Ownership:
    the planes are the caller's and are not kept. Raises OptionError for a source or file that does not fit,
    DeviceError where OpenVINO is missing or fails.
    """

    def __init__(
        self,
        network: Graph | ForeignNetwork,
        source: PictureSpec,
        *,
        precision: Precision = "fp32",
        threads: int = 1,
        streams: int = 1,
    ) -> None:
        _check(network, source, threads, streams)
        self.network = network
        self.source = source
        self.output = replace(
            source, width=source.width * network.scale, height=source.height * network.scale
        )
        self.precision = precision
        self._streams = streams
        self._channels = CHANNELS[source.format.name]
        fixed = network.size if isinstance(network, ForeignNetwork) else None
        self._tile = fixed or (
            _round_up(source.height, network.multiple_of),
            _round_up(source.width, network.multiple_of),
        )
        self._rows = spans(source.height, self._tile[0])
        self._columns = spans(source.width, self._tile[1])
        self._core = _core(precision)
        self._model = _load(self._core, network, (1, len(self._channels), *self._tile))
        self._lock = Lock()
        self._pools: dict[int, _Pool] = {threads: self._compile(threads)}

    @property
    def sentence(self) -> str:
        """What this does, for people."""
        source, output = self.source, self.output
        text = (
            f"{self.network.name} {source.width}x{source.height} to {output.width}x{output.height}, "
            f"OpenVINO on the CPU in {self.precision}"
        )
        count = len(self._rows) * len(self._columns)
        if count == 1:
            return text
        overlap = min(_least_overlap(self._rows, self._tile[0]), _least_overlap(self._columns, self._tile[1]))
        return (
            f"{text}, in {count} tiles of {self._tile[1]}x{self._tile[0]}, the only size it takes: they "
            f"overlap by {overlap} pixels or more and are cut in the middle, where seams can show"
        )

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        """Write the result of `planes` (height, width) float32 of 0..1 into `into`, scale times as large.

        The first call with another number of threads than before compiles the network once more.
        """
        with self._lock:
            pool = self._pools.get(threads)
            if pool is None:
                pool = self._pools[threads] = self._compile(threads)
        request = pool.take()
        try:
            for rows in self._rows:
                for columns in self._columns:
                    self._run(request, planes, into, rows, columns)
        except RuntimeError as error:
            raise DeviceError(
                f"OpenVINO failed on {self.network.name}: {_reason(error)}; "
                "a smaller picture needs less memory"
            ) from error
        finally:
            pool.give(request)

    def _compile(self, threads: int) -> _Pool:
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
            "INFERENCE_NUM_THREADS": threads * self._streams,
            "NUM_STREAMS": self._streams,
            # Pinned threads would stay on cores that decoders and encoders are using.
            "ENABLE_CPU_PINNING": False,
        }
        try:
            return _Pool(self._core.compile_model(self._model, "CPU", settings))
        except RuntimeError as error:
            raise DeviceError(
                f"OpenVINO cannot prepare {self.network.name} for {self._tile[1]}x{self._tile[0]} pixels: "
                f"{_reason(error)}"
            ) from error

    def _run(
        self, request: Any, planes: Sequence[Plane], into: Sequence[Plane], rows: Span, columns: Span
    ) -> None:
        """Run one tile: fill the request's input, compute, and copy what is kept of the result."""
        array = request.get_input_tensor().data[0]
        height = min(self._tile[0], self.source.height - rows.start)
        width = min(self._tile[1], self.source.width - columns.start)
        part = slice(rows.start, rows.start + height), slice(columns.start, columns.start + width)
        for channel, plane in zip(array, self._channels, strict=True):
            channel[:height, :width] = planes[plane][part]
        array[:, :height, width:] = array[:, :height, width - 1 : width]
        array[:, height:] = array[:, height - 1 : height]
        request.infer(share_outputs=True)
        result, scale = request.get_output_tensor().data[0], self.network.scale
        to = tuple(slice(span.first * scale, span.stop * scale) for span in (rows, columns))
        of = tuple(
            slice((span.first - span.start) * scale, (span.stop - span.start) * scale)
            for span in (rows, columns)
        )
        for channel, plane in zip(result, self._channels, strict=True):
            into[plane][to] = channel[of]


class _Pool:
    """Requests of one compiled network, as many as calls were ever in progress at once. Thread-safe."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._idle: deque[Any] = deque([compiled.create_infer_request()])

    def take(self) -> Any:
        try:
            return self._idle.pop()
        except IndexError:
            return self._compiled.create_infer_request()

    def give(self, request: Any) -> None:
        self._idle.append(request)


def spans(length: int, tile: int) -> list[Span]:
    """Return the tiles along one axis, evenly spread, each cut in the middle of its overlap with the next."""
    if length <= tile:
        return [Span(0, 0, length)]
    overlap = min(OVERLAP, tile // 4)
    count = -(-(length - overlap) // (tile - overlap))
    starts = [index * (length - tile) // (count - 1) for index in range(count)]
    cuts = [0, *((a + tile + b) // 2 for a, b in pairwise(starts)), length]
    return [Span(start, *cut) for start, cut in zip(starts, pairwise(cuts), strict=True)]


def _least_overlap(tiles: list[Span], tile: int) -> int:
    """Return the fewest pixels that two neighbours share; the tile itself where there is but one."""
    return min((a.start + tile - b.start for a, b in pairwise(tiles)), default=tile)


def _round_up(side: int, block: int) -> int:
    return -(-side // block) * block


def _check(network: Graph | ForeignNetwork, source: PictureSpec, threads: int, streams: int) -> None:
    wanted = "grayf32le" if network.channels_in == 1 else "gbrpf32le"
    if source.format.name != wanted:
        raise OptionError(
            f"{network.name} reads {'luma' if network.channels_in == 1 else 'R, G, B'} as float32; "
            f"the source is {source.format.name}: convert it to {wanted} first"
        )
    if network.channels_in != network.channels_out:
        raise OptionError(
            f"{network.name} reads {network.channels_in} planes and gives {network.channels_out}; "
            "as many must come out as go in: choose another network"
        )
    if threads < 1 or streams < 1:
        raise OptionError(f"threads is {threads} and streams is {streams}; give 1 or more of each")


def _core(precision: str) -> Any:
    """Return OpenVINO's door, once it is sure that the processor has the precision."""
    if precision not in _HINTS:
        raise OptionError(f"precision is {precision!r}; OpenVINO runs {' and '.join(_HINTS)} here")
    try:
        import openvino  # type: ignore[import-untyped]
    except ImportError as error:
        raise DeviceError(f"OpenVINO does not load ({error}); install the package openvino again") from error
    core = openvino.Core()
    if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise OptionError("this processor has no bfloat16 (AVX-512 BF16 or AMX); choose precision fp32")
    return core


def _load(core: Any, network: Graph | ForeignNetwork, shape: tuple[int, ...]) -> Any:
    """Return the network as OpenVINO's model for one shape, float32 at both ends."""
    from openvino import Type, preprocess

    try:
        origin = onnx_bytes(network) if isinstance(network, Graph) else str(network.path)
        model = core.read_model(origin)
        ends = preprocess.PrePostProcessor(model)
        ends.input().tensor().set_element_type(Type.f32)
        ends.output().tensor().set_element_type(Type.f32)
        model = ends.build()
        model.reshape(list(shape))
    except RuntimeError as error:
        reason = f" ({network.reason})" if isinstance(network, ForeignNetwork) else ""
        raise OptionError(
            f"OpenVINO cannot run {network.name}{reason} for {shape[3]}x{shape[2]} pixels: "
            f"{_reason(error)}; export it with other operators, or for another size"
        ) from error
    made = model.output().get_partial_shape()
    wanted = (1, network.channels_out, shape[2] * network.scale, shape[3] * network.scale)
    if made.is_static and tuple(made.to_shape()) != wanted:
        raise OptionError(
            f"{network.name} makes {'x'.join(map(str, made.to_shape()))} of {shape[3]}x{shape[2]} pixels, "
            f"{'x'.join(map(str, wanted))} is wanted: export it for a fixed size"
        )
    return model


def _reason(error: Exception) -> str:
    """Return the line of OpenVINO's message that says most: operators it lacks, else the last one."""
    lines = [line.strip(" -") for line in str(error).splitlines() if line.strip()]
    return next(
        (line for line in lines if "No conversion rule" in line), lines[-1] if lines else "no reason given"
    )
