"""Steps for planned shader stages: filters by the operations of vsr.ops, networks by whoever runs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vsr.frame import PictureSpec
from vsr.nets.errors import LiftError
from vsr.nets.glsl.chain import Planned, PlannedFilter, PlannedStage
from vsr.nets.glsl.filters import Parameters
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.ops.shader_filters.table import FILTERS
from vsr.ops.step import Step

NetworkStep = Callable[[PlannedStage, PictureSpec], Step]
"""From a planned network and the picture it gets, in gbrpf32le, to the step that runs it."""


def steps_of(planned: Sequence[Planned], source: PictureSpec, network: NetworkStep) -> list[Step]:
    """Return the steps of what a chain has planned, for pictures of `source` in gbrpf32le.

    Each step's source is the output of the one before. Raises OptionError for parameters out of range.
    """
    steps: list[Step] = []
    for stage in planned:
        if isinstance(stage, PlannedStage):
            steps.append(network(stage, source))
        else:
            steps.append(_filter_step(stage, source, network))
        source = steps[-1].output
    return steps


def _filter_step(planned: PlannedFilter, source: PictureSpec, network: NetworkStep) -> Step:
    form = planned.form
    if form.kind != "clamp_highlights":
        return FILTERS[form.kind](source, planned.target, form.parameters)
    inner = steps_of(planned.inner, source, network)
    return ClampHighlights(source, inner, **_window(form.parameters))


def _window(parameters: Parameters) -> dict[str, int]:
    """Return how far Clamp_Highlights looks, by KERNELSIZE and KERNELHALFSIZE of its two passes."""
    sizes, halves = set(parameters["kernelsize"]), set(parameters["kernelhalfsize"])
    [size], [half] = (sizes, halves) if len(sizes) == len(halves) == 1 else ([0.0], [0.0])
    if size < 1 or size % 1 or half % 1 or not 0 <= half < size:
        raise LiftError(
            f"Clamp_Highlights has KERNELSIZE {parameters['kernelsize']} and KERNELHALFSIZE "
            f"{parameters['kernelhalfsize']}; give both passes one odd size and its half, rounded down"
        )
    return {"before": int(half), "after": int(size - 1 - half)}
