"""A network between two pictures: what it can read and make, and how its numbers come of code values."""

from __future__ import annotations

import numpy as np

from vsr.engine.fused.terms import Affine
from vsr.engine.step import check_luma
from vsr.errors import OptionError
from vsr.frame import PictureSpec, pixel_format
from vsr.nets.graph import Graph
from vsr.ops.levels import gain_and_bias
from vsr.ops.matrices import from_rgb, to_rgb


def check(graph: Graph, source: PictureSpec, target: PictureSpec) -> None:
    """Raise OptionError for a source that the network cannot read, and a target it cannot make."""
    wanted = (source.width * graph.scale, source.height * graph.scale)
    if (target.width, target.height) != wanted:
        raise OptionError(
            f"{graph.name} makes {source.width}x{source.height} {wanted[0]}x{wanted[1]}, "
            f"not {target.width}x{target.height}"
        )
    if graph.reads == "luma":
        check_luma(graph.name, source, target)
    if source.width % graph.multiple_of or source.height % graph.multiple_of:
        raise OptionError(
            f"{graph.name} takes sides that are multiples of {graph.multiple_of}; "
            f"got {source.width}x{source.height}"
        )


def maps(graph: Graph, source: PictureSpec, target: PictureSpec) -> tuple[Affine, Affine]:
    """Return the maps from the source to the graph's input, and from its result to the target."""
    if graph.reads == "rgb":
        return to_rgb(source.format, source.color), from_rgb(target.format, target.color)
    between = (pixel_format("grayf32le"), source.color)
    into = gain_and_bias((source.format, source.color), between, 0, 0)
    back = gain_and_bias((between[0], target.color), (target.format, target.color), 0, 0)
    return np.array([into]), np.array([back])
