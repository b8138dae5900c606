"""The options of a run: one frozen dataclass that Python, the command line and the plan all read.

Each field's metadata holds what the command line needs: `help`, `flags` where the spelling differs
from the field's name, and `metavar`.
"""

from vsr.options.bench import (
    BenchKernelsOptions,
    BenchModelsOptions,
    BenchPeersOptions,
    BenchPipelineOptions,
    MeasureOptions,
    RoundsOptions,
)
from vsr.options.live import DropChoice, DropMode, GapMode, LiveOptions, Switch
from vsr.options.quality import CompareOptions, EvalOptions, TilesOptions
from vsr.options.shared import MAX_THREADS, DeinterlaceMode, ProgressMode
from vsr.options.upscale import UpscaleOptions

__all__ = [
    "MAX_THREADS",
    "BenchKernelsOptions",
    "BenchModelsOptions",
    "BenchPeersOptions",
    "BenchPipelineOptions",
    "CompareOptions",
    "DeinterlaceMode",
    "DropChoice",
    "DropMode",
    "EvalOptions",
    "GapMode",
    "LiveOptions",
    "MeasureOptions",
    "ProgressMode",
    "RoundsOptions",
    "Switch",
    "TilesOptions",
    "UpscaleOptions",
]
