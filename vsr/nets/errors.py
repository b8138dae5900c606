"""The errors of networks: each is an OptionError, because a network is what the caller chose.

OptionError
    GraphError          a graph that contradicts itself
    LiftError           a shader that is not a network, or not one that can be recognised
    CheckpointError     a file of weights that cannot be read, or fits no family
    OnnxError           an ONNX file that cannot be read, run or written
"""

from vsr.errors import OptionError


class GraphError(OptionError):
    """A graph whose parts do not fit together."""


class LiftError(OptionError):
    """A shader file, pass or statement that cannot be turned into a graph."""


class CheckpointError(OptionError):
    """A checkpoint that is damaged, refused, or of no known family."""


class OnnxError(OptionError):
    """An ONNX file that is damaged, refused, or of a network that enlarges no pictures."""
