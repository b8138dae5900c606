"""A recipe: all that a training is, from a TOML file."""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import math
import tomllib
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from vsr.errors import OptionError
from vsr.registry import Registry, nearest
from vsr.train.degrade import Degradation

Schedule = Literal["cosine", "steps", "constant"]
Precision = Literal["fp32", "bf16", "fp16"]
Optimizer = Literal["adam", "sgd", "rmsprop"]
_BETAS = "two numbers from 0, below 1, e.g. [0.9, 0.999]"

_SHIPPED = Path(__file__).parent / "recipes"


def _require(holds: bool, name: str, value: object, allowed: str) -> None:
    """Raise OptionError for a value out of its range."""
    if not holds:
        raise OptionError(f"{name} is {value!r}; give {allowed}")


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """What a network learns from. Raises OptionError for values out of range, as all tables here do."""

    folders: tuple[str, ...]
    """With images, in the folder of all data."""
    planes: Literal["luma", "rgb"] = "luma"
    tile: int = 32
    """The side of a tile of the small picture, in samples."""
    enlarged: tuple[int, ...] = ()
    """Scales, for a network of scale 1 that takes the bicubic picture: made small and large again by each."""
    shrinks: tuple[float, ...] = (1.0,)
    """Each picture is used in these sizes, made by the box filter."""
    held_out: bool = False
    """Keep every tenth picture of each folder out of the training."""
    degradations: tuple[Degradation, ...] = (Degradation(),)

    def __post_init__(self) -> None:
        _require(len(self.folders) > 0, "data.folders", list(self.folders), "one or more folders of images")
        _require(1 <= self.tile <= 4096, "data.tile", self.tile, "1 to 4096 samples")
        _require(len(self.shrinks) > 0, "data.shrinks", [], "one or more factors, or leave it out for 1.0")
        for shrink in self.shrinks:
            _require(0 < shrink <= 1, "data.shrinks", shrink, "factors above 0, up to 1")
        for scale in self.enlarged:
            _require(2 <= scale <= 16, "data.enlarged", scale, "scales from 2 to 16")
        shares = [each.share for each in self.degradations]
        _require(
            sum(shares) > 0, "data.degradations: the sum of share", sum(shares), "one with a share above 0"
        )


@dataclass(frozen=True, kw_only=True)
class NetworkOptions:
    """Which network: a name of vsr.train.networks, and its own options."""

    kind: str
    scale: int = 2
    options: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    """The folder of a finished training whose weights to begin with, beside this one's."""

    def __post_init__(self) -> None:
        _require(1 <= self.scale <= 16, "network.scale", self.scale, "a whole number from 1 to 16")


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """A term of the loss: a name of vsr.train.losses, its weight and its own options."""

    kind: str = "l1"
    weight: float = 1.0
    begin: float = 0.0
    """The share of the training before which it does not count."""
    end: float = 1.0
    """The share from which it does not count."""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(0 <= self.weight < math.inf, "losses.weight", self.weight, "0 or more")
        _require(0 <= self.begin < 1, "losses.begin", self.begin, "a share from 0, below 1")
        _require(self.begin < self.end <= 1, "losses.end", self.end, "a share above begin, up to 1")


@dataclass(frozen=True, kw_only=True)
class AdversaryOptions:
    """A discriminator: a name of vsr.train.adversary, and how it learns."""

    kind: str
    weight: float = 1e-3
    """Of the generator's adversarial loss."""
    mode: Literal["vanilla", "relativistic"] = "vanilla"
    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    threshold: float = 1.0
    """It learns only while it was less often right than this, on average, in the batch before."""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rate = self.learning_rate
        _require(0 <= self.weight < math.inf, "adversary.weight", self.weight, "0 or more")
        _require(0 < rate < math.inf, "adversary.learning_rate", rate, "a number above 0, e.g. 1e-4")
        _require(all(0 <= each < 1 for each in self.betas), "adversary.betas", self.betas, _BETAS)
        _require(0 < self.threshold <= 1, "adversary.threshold", self.threshold, "a share above 0, up to 1")


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """How the weights are found."""

    steps: int
    batch: int = 16
    optimizer: Optimizer = "adam"
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    momentum: float = 0.9
    weight_decay: float = 0.0
    last_layer: float = 1.0
    """Factor of the learning rate of the last layer."""
    schedule: Schedule = "cosine"
    warm_up: int = 200
    """Steps over which the rate rises."""
    decay_at: tuple[float, ...] = ()
    """Of schedule steps: the shares of the training after which the rate is multiplied by `decay`."""
    decay: float = 0.1
    theta: float = 0.0
    """Gradients are clipped to theta over the learning rate, each component; 0 is off."""
    ema: float = 0.998
    """How much the averaged weights keep at each step, less in the first ones; 0 is off."""
    precision: Precision = "fp32"
    """What layers compute in; weights stay float32. bf16 pays on a CPU that has AVX-512 BF16 or AMX."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto is cuda where there is one."""
    threads: int = 0
    """Of the CPU; 0 is one a core. Results are the same only for the same number."""

    def __post_init__(self) -> None:
        rate = self.learning_rate
        _require(self.steps >= 1, "training.steps", self.steps, "1 or more")
        _require(self.batch >= 1, "training.batch", self.batch, "1 tile or more")
        _require(0 < rate < math.inf, "training.learning_rate", rate, "a number above 0, e.g. 1e-3")
        _require(self.warm_up >= 0, "training.warm_up", self.warm_up, "0 steps or more")
        _require(all(0 <= each < 1 for each in self.betas), "training.betas", self.betas, _BETAS)
        _require(0 <= self.momentum < 1, "training.momentum", self.momentum, "0 (off) or more, below 1")
        _require(0 <= self.weight_decay < 1, "training.weight_decay", self.weight_decay, "0 (off) or more")
        _require(0 < self.last_layer < math.inf, "training.last_layer", self.last_layer, "a factor above 0")
        for share in self.decay_at:
            _require(0 < share < 1, "training.decay_at", share, "shares of the training, between 0 and 1")
        _require(0 < self.decay <= 1, "training.decay", self.decay, "a factor above 0, up to 1")
        _require(0 <= self.theta < math.inf, "training.theta", self.theta, "0 (off) or more")
        _require(0 <= self.ema < 1, "training.ema", self.ema, "0 (off) or more, below 1")
        _require(0 <= self.threads <= 1024, "training.threads", self.threads, "0 (one a core) to 1024")


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """What is measured on the way."""

    folder: str = ""
    """With images that are never trained on. Empty: the pictures held out, or nothing."""
    degradations: tuple[Degradation, ...] = (Degradation(),)
    every: int = 1000
    """Steps."""
    match_histogram: bool = False
    """Give results the small picture's histogram first, as Johnson et al. do."""
    samples: bool = False
    """Keep what the network makes of the first picture, each time."""

    def __post_init__(self) -> None:
        _require(self.every >= 1, "evaluation.every", self.every, "1 step or more")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole training."""

    name: str
    seed: int = 1
    data: DataOptions
    network: NetworkOptions
    training: TrainingOptions
    losses: tuple[LossOptions, ...] = (LossOptions(),)
    adversary: AdversaryOptions | None = None
    evaluation: EvaluationOptions = EvaluationOptions()

    def __post_init__(self) -> None:
        plain = self.name not in ("", ".", "..") and not set(self.name) & set("/\\")
        _require(plain, "name", self.name, "a name that a folder can have, without slashes")
        _require(0 <= self.seed < 1 << 63, "seed", self.seed, "0 to 9223372036854775807")
        fits = self.network.scale == 1 or not self.data.enlarged
        _require(fits, "network.scale", self.network.scale, "1, as data.enlarged is for; or leave that out")
        fits = self.adversary is None or self.data.planes == "rgb"
        _require(fits, "data.planes", self.data.planes, "rgb: that is what discriminators judge")
        self._check_losses()

    def _check_losses(self) -> None:
        """Raise OptionError where at some part of the training there is nothing to make small."""
        covered = 0.0
        for each in sorted(self.losses, key=lambda each: each.begin):
            if each.begin <= covered:
                covered = max(covered, each.end)
        fits = covered == 1 or self.adversary is not None
        _require(fits, "losses: the share of the training that they cover", covered, "terms for all of it")

    @property
    def identity(self) -> str:
        """What a saved state must be of to be gone on with: network and data, not how long or how fast."""
        return hashlib.sha256(repr((self.seed, self.data, self.network)).encode()).hexdigest()

    @property
    def sentence(self) -> str:
        """What is trained, on what, and for how long, for people."""
        scale = " ".join(f"x{scale}" for scale in self.data.enlarged or (self.network.scale,))
        against = f" against a discriminator ({self.adversary.mode})" if self.adversary else ""
        losses = ", ".join(each.kind for each in self.losses)
        return (
            f"{self.network.kind} {scale}, {self.data.planes}, by {losses}{against}; "
            f"{self.training.steps:,} steps on {', '.join(self.data.folders)}"
        )


@cache
def shipped_recipes() -> Registry[Path]:
    """Return the files of the recipes that come with vsr, by name, in the order of the names."""
    return Registry("recipe", {path.stem: path for path in sorted(_SHIPPED.glob("*.toml"))})


def recipe_file(text: str) -> Path:
    """Return the file of a recipe, given its path, or its name where it comes with vsr.

    Raises OptionError for another name; a path is anything with a folder or .toml in it, or that is a file.
    """
    path = Path(text)
    is_path = path.suffix.lower() == ".toml" or path.name != text or path.is_file()
    return path if is_path and text not in shipped_recipes() else shipped_recipes()[text]


def read_recipe(path: Path) -> Recipe:
    """Return a recipe from a file. Raises OptionError for what it does not say, or says wrongly."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OptionError(f"{path} is no TOML: {error}") from None
    recipe: Recipe = _made(Recipe, table, path.name)
    return recipe


def _made(kind: Any, table: Any, where: str) -> Any:
    """Return a dataclass from a table of TOML."""
    if not isinstance(table, dict):
        raise OptionError(f"{where} is {table!r}; a table is wanted")
    hints = typing.get_type_hints(kind)
    known = [each.name for each in dataclasses.fields(kind)]
    _check_keys(table, known, where)
    for each in dataclasses.fields(kind):
        has_default = dataclasses.MISSING not in (each.default, each.default_factory) or (
            each.default is not each.default_factory
        )
        if not has_default and each.name not in table:
            raise OptionError(f"{where}: {each.name} is missing")
    return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()})


def _check_keys(table: Mapping[str, Any], known: list[str], where: str) -> None:
    for key in table:
        if key not in known:
            has = f"known are {', '.join(known)}.{nearest(key, known)}" if known else "there are none"
            raise OptionError(f"{where}: unknown key {key!r}; {has}")


def typed_options(
    kind: Callable[..., Any], options: Mapping[str, Any], where: str, *, given: str = ""
) -> dict[str, Any]:
    """Return options as the types of the keyword-only arguments of `kind`, but for the one that is `given`.

    Whole numbers count something (layers, channels, taps). Raises OptionError for one below 1, for values
    of another type, for those that are not among those allowed, and for options unknown or missing.
    """
    parameters = {
        name: each
        for name, each in inspect.signature(kind).parameters.items()
        if each.kind is each.KEYWORD_ONLY and name != given
    }
    _check_keys(options, list(parameters), where)
    for name, each in parameters.items():
        if each.default is each.empty and name not in options:
            raise OptionError(f"{where}: {name} is missing")
    hints = typing.get_type_hints(kind.__init__ if isinstance(kind, type) else kind)  # type: ignore[misc]
    typed = {key: _value(hints[key], value, f"{where}: {key}") for key, value in options.items()}
    for key, value in typed.items():
        for number in value if isinstance(value, tuple) else (value,):
            fits = not isinstance(number, int) or isinstance(number, bool) or number >= 1
            _require(fits, f"{where}: {key}", value, "1 or more")
    return typed


def _value(hint: Any, value: Any, where: str) -> Any:
    """Return a TOML value as the type that a field has."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is types.UnionType:
        return _value(arguments[0], value, where)
    if dataclasses.is_dataclass(hint):
        return _made(hint, value, where)
    if origin is Literal:
        if value not in arguments:
            raise OptionError(f"{where} is {value!r}; allowed are {', '.join(map(str, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise OptionError(f"{where} is {value!r}; a list is wanted")
        if arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise OptionError(f"{where} has {len(value)} values; {len(arguments)} are wanted")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(_value(k, v, f"{where}[{i}]") for i, (k, v) in enumerate(zip(kinds, value, strict=True)))
    if origin is Mapping:
        if not isinstance(value, dict):
            raise OptionError(f"{where} is {value!r}; a table is wanted")
        return {key: _value(arguments[1], each, f"{where}.{key}") for key, each in value.items()}
    if hint is Any:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise OptionError(f"{where} is {value!r}; {hint.__name__} is wanted")
    return value
