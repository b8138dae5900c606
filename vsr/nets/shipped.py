"""The networks that come with vsr: engines/NAME has engine.toml, weights.safetensors and card.md."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from vsr._resources import tree
from vsr.registry import Registry

REAL_TIME = "cnn-m-photo"
"""What auto takes: the best network here that makes 960 lines of 480 in real time on two cores."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipped:
    """A network that comes with vsr."""

    description: str
    """One line, for people."""
    set5_psnr: float
    """In dB, by the papers' protocol, at its scale; measured by `vsr eval` when it was added."""
    folder: Path

    @property
    def weights(self) -> Path:
        """The checkpoint; its metadata say scale and activation."""
        return self.folder / "weights.safetensors"

    @property
    def card(self) -> Path:
        """What it is, what it was trained on, figures and limits."""
        return self.folder / "card.md"


@cache
def shipped() -> Registry[Shipped]:
    """Return the networks by name, in the order of their names."""
    found = {}
    for file in sorted(tree("engines").glob("*/engine.toml")):
        said = tomllib.loads(file.read_text(encoding="utf-8"))
        found[file.parent.name] = Shipped(
            description=said["description"], set5_psnr=said["set5_psnr"], folder=file.parent
        )
    return Registry("network", found)
