"""Networks as ONNX files: written from a graph, and read back as a graph where their operators are ours."""

from vsr.nets.onnx.foreign import ForeignNetwork
from vsr.nets.onnx.reader import read_onnx
from vsr.nets.onnx.writer import Precision, onnx_bytes, write_onnx

__all__ = ["ForeignNetwork", "Precision", "onnx_bytes", "read_onnx", "write_onnx"]
