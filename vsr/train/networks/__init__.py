"""The networks that can be trained, in torch: parameters have the names that vsr.nets.families reads."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from vsr.registry import Registry
from vsr.train.networks.cnn import Cnn
from vsr.train.networks.enhancenet import EnhanceNet
from vsr.train.networks.espcn import Espcn
from vsr.train.networks.johnson import Johnson
from vsr.train.networks.pixel_recursive import PixelRecursive
from vsr.train.networks.rrdb import RrdbNet
from vsr.train.networks.srcnn import Srcnn
from vsr.train.networks.srresnet import SrResNet
from vsr.train.networks.vdsr import Vdsr

__all__ = ["NETWORKS", "Cnn", "PixelRecursive"]

NETWORKS: Registry[Callable[..., nn.Module]] = Registry(
    "network",
    {
        "cnn": Cnn,
        "srcnn": Srcnn,
        "vdsr": Vdsr,
        "espcn": Espcn,
        "johnson": Johnson,
        "srresnet": SrResNet,
        "rrdb": RrdbNet,
        "enhancenet": EnhanceNet,
        "pixel-recursive": PixelRecursive,
    },
)
"""From (scale=, its own options) to a network."""
