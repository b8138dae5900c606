"""`vsr bench peers`: whatever upscalers are installed, on one clip: quality beside speed."""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vsr.bench.harness import Case, Seen, measure
from vsr.bench.machine import machine
from vsr.bench.models import method_of, once_each, threads_of
from vsr.bench.peers.clip import SCALE, Clip, make
from vsr.bench.peers.contender import Contender, Peer, Task
from vsr.bench.peers.networks import graph_of
from vsr.bench.peers.table import PEERS
from vsr.bench.results import CaseResult, Method, Results, Value
from vsr.bench.worker import Prepared
from vsr.errors import OptionError
from vsr.models import Recipe
from vsr.nets.shipped import shipped
from vsr.options import BenchPeersOptions
from vsr.quality.metrics import PEAK

_MOST_FRAMES = 1000
_WHOLE, _ALONE = "whole run", "network alone"
_QUALITY = "psnr_y_db"


def run(
    clip: str | None, options: BenchPeersOptions, tell: Callable[[str], None] = lambda text: None
) -> Results:
    """Measure the peers of `options` on a clip (None: a drawing).

    Raises OptionError for values out of range, unknown peers and networks, and what reading the clip raises.
    A peer that is not here, or fails, is in the results with its sentence.
    """
    method = method_of(options)
    _check(options)
    here = machine()
    peers = [PEERS[name] for name in options.peer or PEERS]
    folder = Path(options.shader_dir) if options.shader_dir else None
    networks = options.network or _shipped()
    for network in networks:
        graph_of(network, folder)
    missing = {peer.name: absent for peer in peers if (absent := peer.absent()) is not None}
    with tempfile.TemporaryDirectory(prefix="vsr-bench-") as made:
        tell("halving the clip")
        small = make(clip, Path(made), options.frames)
        present = [peer for peer in peers if peer.name not in missing]
        cases = _cases(present, networks, small, options)
        seen, interrupted = measure(cases, method, tell)
        results = tuple(_without_paths(_result(each, method)) for each in seen)
    return Results(
        suite="peers",
        method=method,
        cases=results,
        absent=tuple(missing.values()),
        interrupted=interrupted,
        machine=here,
    )


def _check(options: BenchPeersOptions) -> None:
    if not 1 <= options.frames <= _MOST_FRAMES:
        raise OptionError(f"--frames is {options.frames}; give 1 to {_MOST_FRAMES}")
    threads_of(options.threads)
    once_each(peer=options.peer, network=options.network)


def _shipped() -> tuple[str, ...]:
    """Return the shipped networks that enlarge as far as peers are asked to."""
    return tuple(name for name in shipped() if Recipe(name).scale == SCALE)


def _cases(
    peers: Sequence[Peer], networks: Sequence[str], clip: Clip, options: BenchPeersOptions
) -> Iterator[Case]:
    common: dict[str, Value] = {
        "clip": clip.name, "width": clip.width, "height": clip.height, "scale": SCALE, "frames": clip.frames,
        "threads": threads_of(options.threads), "folder": str(clip.folder),
        "shader_dir": options.shader_dir,
    }  # fmt: skip
    for group, prepare in ((_WHOLE, prepare_whole), (_ALONE, prepare_alone)):
        for peer in peers:
            if group == _ALONE and peer.alone is None:
                continue
            ways = [(way, "") for way in peer.ways] if group == _WHOLE else []
            ways += [(network, precision) for network in networks for precision in peer.precisions]
            for way, precision in ways:
                words = [peer.name, way, precision, "alone" if group == _ALONE else ""]
                own: dict[str, Value] = {"peer": peer.name, "way": way, "precision": precision or None}
                yield Case(
                    name=" ".join(word for word in words if word),
                    group=group,
                    prepare=f"{__name__}:{prepare.__name__}",
                    parameters={**own, "what": group, **common},
                )


def prepare_whole(parameters: Mapping[str, Any]) -> Prepared:
    """Start the contender, and compare what it makes of the clip with what the clip was."""
    task = _task(parameters)
    peer = PEERS[parameters["peer"]]
    began = time.perf_counter()
    contender = peer.start(task)
    figures = _quality(contender, task.clip, began)
    return Prepared(
        once=lambda: contender.turn(0),
        parameters={"version": peer.version()},
        figures=figures,
        answer=contender.turn,
    )


def prepare_alone(parameters: Mapping[str, Any]) -> Prepared:
    """Load the network; a call runs it once."""
    peer = PEERS[parameters["peer"]]
    assert peer.alone is not None
    return Prepared(once=peer.alone(_task(parameters)), parameters={"version": peer.version()})


def _task(parameters: Mapping[str, Any]) -> Task:
    """Return what is asked for, and keep this process, with all that it starts, to as many cores."""
    threads = parameters["threads"]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    folder = parameters["shader_dir"]
    return Task(
        clip=Clip.load(Path(parameters["folder"])),
        way=parameters["way"],
        precision=parameters["precision"] or "",
        threads=threads,
        shader_dir=Path(folder) if folder else None,
    )


def _quality(contender: Contender, clip: Clip, began: float) -> dict[str, float]:
    """Return PSNR of luma over all samples of all frames, and how long the first frame took to come."""
    squares, started = 0.0, 0.0
    for original, luma in zip(clip.originals(), contender.lumas(), strict=True):
        started = started or time.perf_counter() - began
        squares += float(np.mean(np.square(np.subtract(original, luma, dtype=np.float32)), dtype=np.float64))
    figures = {"start_seconds": started}
    if squares:  # without an error there is no such ratio
        figures[_QUALITY] = 10 * math.log10(PEAK**2 * clip.frames / squares)
    return figures


def _result(seen: Seen, method: Method) -> CaseResult:
    """Return a contender's result; its picture stays what it is, however noisy the machine was."""
    result = seen.result(method, _figures)
    if result.refused is None or _QUALITY not in seen.known:
        return result
    return replace(result, figures={_QUALITY: seen.known[_QUALITY]})


def _figures(seen: Seen) -> Mapping[str, float]:
    return seen.known


def _without_paths(result: CaseResult) -> CaseResult:
    """Leave out what holds for this run alone."""
    kept = {name: value for name, value in result.parameters.items() if name != "folder"}
    return replace(result, parameters=kept)
