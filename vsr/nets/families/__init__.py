"""Known networks: told apart by the names and shapes of their weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from vsr.nets.errors import CheckpointError, GraphError
from vsr.nets.families import (
    cnn,
    compact,
    enhancenet,
    espcn,
    fsrcnn,
    johnson,
    rrdb,
    srcnn,
    srresnet,
    vdsr,
)
from vsr.nets.families.weights import ACTIVATIONS, Hints, MismatchError, Tensors, Weights
from vsr.nets.graph import Graph
from vsr.registry import Registry

__all__ = ["ACTIVATIONS", "FAMILIES", "Family", "Hints", "Tensors", "Weights", "recognise"]

MAX_SCALE = 16


@dataclass(frozen=True, kw_only=True)
class Family:
    """A kind of network."""

    summary: str
    build: Callable[[Weights, str, Hints], Graph]
    """From (weights, name, hints) to the graph. Raises MismatchError at the first difference."""


FAMILIES: Registry[Family] = Registry(
    "family",
    {
        "srcnn": Family(summary="SRCNN: three layers on an enlarged luma", build=srcnn.build),
        "vdsr": Family(summary="VDSR: a deep residual on an enlarged luma", build=vdsr.build),
        "espcn": Family(summary="ESPCN: luma, pixels made of channels at the end", build=espcn.build),
        "fsrcnn": Family(summary="FSRCNN: luma, a transposed convolution at the end", build=fsrcnn.build),
        "srvggnet-compact": Family(
            summary="SRVGGNetCompact: Real-ESRGAN's small network", build=compact.build
        ),
        "rrdb": Family(summary="RRDBNet: ESRGAN and Real-ESRGAN, old and new keys", build=rrdb.build),
        "srresnet": Family(summary="SRResNet, SRGAN and MSRResNet", build=srresnet.build),
        "cnn": Family(summary="cnn-s, cnn-m, cnn-l: crelu on luma, trained here", build=cnn.build),
        "johnson": Family(summary="Johnson's perceptual-loss network", build=johnson.build),
        "enhancenet": Family(summary="EnhanceNet", build=enhancenet.build),
    },
)
"""In the order they are tried; no checkpoint fits two."""


def recognise(
    tensors: Tensors,
    *,
    name: str,
    source: str = "",
    scale: int | None = None,
    activation: str | None = None,
) -> Graph:
    """Return the graph of a checkpoint's tensors; its source says the family and what was assumed.

    `scale` and `activation` (one of ACTIVATIONS) are what keys and shapes do not say: see Hints. Raises
    CheckpointError, naming the nearest family, and for a scale or activation that is not the network's.
    """
    if activation is not None and activation not in ACTIVATIONS:
        raise CheckpointError(f"unknown activation {activation!r}; {', '.join(ACTIVATIONS)} exist")
    if scale is not None and not 1 <= scale <= MAX_SCALE:
        raise CheckpointError(f"scale is {scale}; 1 to {MAX_SCALE} is allowed")
    attempts: list[tuple[float, str, str]] = []
    for family, entry in FAMILIES.items():
        weights, hints = Weights(tensors), Hints(scale, activation)
        try:
            graph = entry.build(weights, name, hints)
            weights.finish()
        except (MismatchError, GraphError) as error:
            attempts.append((weights.share_taken, family, str(error)))
            continue
        if scale is not None and graph.scale != scale:
            raise CheckpointError(f"{source or name} is {family} for {graph.scale}x; {scale}x was asked for")
        if not hints.asked_activation:
            raise CheckpointError(f"{source or name} is {family}, which leaves no choice of activation")
        note = f"{family} ({'; '.join(hints.assumed)})" if hints.assumed else family
        return Graph(graph.name, graph.nodes, source=f"{note}, {source}" if source else note)
    share, family, difference = max(attempts, key=lambda attempt: attempt[0])
    if share == 0:
        known = ", ".join(FAMILIES)
        raise CheckpointError(
            f"{source or name} is of no known family; known are {known}. Its first keys are "
            f"{', '.join(key[:60] for key in list(tensors)[:4])}"
        )
    raise CheckpointError(
        f"{source or name} is of no known family; the nearest is {family}, the first difference: {difference}"
    )
