"""Read an ONNX file: a graph where it is made of our operations, otherwise a network to be run whole."""

from __future__ import annotations

from pathlib import Path

from vsr.nets.graph import Graph
from vsr.nets.onnx.foreign import ForeignNetwork
from vsr.nets.onnx.lift import NotOursError, lift
from vsr.nets.onnx.model import load_model
from vsr.nets.onnx.pointwise import POINTWISE
from vsr.nets.onnx.probe import describe
from vsr.nets.onnx.spatial import SPATIAL


def read_onnx(path: Path) -> Graph | ForeignNetwork:
    """Return the network in an ONNX file; its name is the file's.

    A graph gives what the file gives, up to rounding, for pictures of any size even where the file
    fixes one. Nothing is read but the file and the weights it keeps beside itself. Raises OnnxError for what
    is no ONNX file, is damaged or incomplete, or does not enlarge one picture of 1 or 3 planes evenly.
    """
    model = load_model(path)
    try:
        return lift(model, POINTWISE | SPATIAL)
    except NotOursError as reason:
        return describe(model, str(reason))
