"""What a model's text means: a scaler or another of the classics, a chain of networks, or auto."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vsr.chain import FINAL_SCALER, Chain, read_chain
from vsr.errors import OptionError
from vsr.frame import PictureSpec
from vsr.nets.glsl.chain import ShaderChain
from vsr.nets.shipped import REAL_TIME, shipped
from vsr.ops.anime4k import Anime4k
from vsr.ops.resize import Resize
from vsr.ops.scalers import SCALERS
from vsr.ops.step import Step
from vsr.registry import Registry, nearest


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelOption:
    """One option of a model."""

    name: str
    meaning: str
    default: str
    allowed: str
    """What values it takes, for people."""
    accepts: Callable[[str], bool]


Values = Mapping[str, str]
"""An option's text for each of a model's options, all checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A way to enlarge."""

    description: str
    build: Callable[[PictureSpec, PictureSpec, Values], Step]
    """From (source, target, option values) to the step; target keeps the source's components."""
    options: tuple[ModelOption, ...] = ()


def _scaler_model(name: str, description: str) -> Model:
    def build(source: PictureSpec, target: PictureSpec, values: Values) -> Step:
        return Resize(
            source,
            target.width,
            target.height,
            scaler=name,
            target_format=target.format,
            target_color=target.color,
        )

    return Model(description=description, build=build)


def _is_strength(text: str) -> bool:
    try:
        return text == "auto" or 0 <= float(text) <= 1
    except ValueError:
        return False


def _strength(text: str) -> float | None:
    return None if text == "auto" else float(text)


def _build_anime4k(source: PictureSpec, target: PictureSpec, values: Values) -> Step:
    return Anime4k(
        source,
        target.width,
        target.height,
        strength_color=_strength(values["strength_color"]),
        strength_gradient=_strength(values["strength_gradient"]),
        upscale=values["upscale"],
        target_format=target.format,
        target_color=target.color,
    )


_ANIME4K_OPTIONS = (
    ModelOption(
        name="strength_color",
        meaning="how far lines are thinned; auto is scale / 6",
        default="auto",
        allowed="auto, or 0 to 1",
        accepts=_is_strength,
    ),
    ModelOption(
        name="strength_gradient",
        meaning="how far edges are sharpened; auto is scale / 2",
        default="auto",
        allowed="auto, or 0 to 1",
        accepts=_is_strength,
    ),
    ModelOption(
        name="upscale",
        meaning="what enlarges before lines and edges are worked on",
        default="bicubic",
        allowed=", ".join(SCALERS),
        accepts=SCALERS.__contains__,
    ),
)

NETWORK_OPTIONS = (
    ModelOption(
        name="scale",
        meaning="how far a checkpoint enlarges that does not say it itself (SRCNN, VDSR)",
        default="auto",
        allowed="auto, 1, 2, 3 or 4",
        accepts=("auto", "1", "2", "3", "4").__contains__,
    ),
    ModelOption(
        name="activation",
        meaning="what a checkpoint was trained with where its keys do not tell (ESPCN)",
        default="auto",
        allowed="auto, relu, leakyrelu or tanh",
        accepts=("auto", "relu", "leakyrelu", "tanh").__contains__,
    ),
)
"""Those of every checkpoint."""
AUTO = "auto"
"""The model that is chosen by what is to be done: see Recipe.suited."""
PRESET_FORM = "anime4k:A, B, C, A+A, B+B, C+A, each also with :fast"

MODELS: Registry[Model] = Registry(
    "model",
    {
        "bilinear": _scaler_model("bilinear", "2x2 samples: soft, the fastest"),
        "bicubic": _scaler_model("bicubic", "4x4 samples, as MATLAB's imresize: the papers' baseline"),
        "lanczos3": _scaler_model("lanczos3", "6x6 samples: sharp, slight ringing; right for every source"),
        "spline36": _scaler_model("spline36", "6x6 samples: sharp, less ringing than lanczos3"),
        "area": _scaler_model("area", "mean of the area a sample covers: for shrinking, and for pixel art"),
        "anime4k-classic": Model(
            description="Anime4K 0.9: thins lines and sharpens edges of drawings",
            build=_build_anime4k,
            options=_ANIME4K_OPTIONS,
        ),
    },
)


class Recipe:
    """What a model's text means, read once: one of MODELS with its options, a chain of networks, or AUTO.

    Thread-safety: safe, immutable. Raises OptionError for an unknown model, files that cannot be read, and
    options that the model does not have.
    """

    text: str
    """Of what runs, also where AUTO took it."""
    model: Model | Chain
    values: Values
    reason: str
    """Why AUTO took it, for people; empty where it was named."""

    def __init__(
        self, text: str, *, options: Mapping[str, str] | None = None, shader_dir: Path | None = None
    ) -> None:
        """`options` are the model's own, as text; `shader_dir` is looked in first for shader files.

        Those of chains are NETWORK_OPTIONS; AUTO has none, and is REAL_TIME unless `suited` says otherwise.
        """
        given = options or {}
        self.text, self.reason = text, ""
        if text == AUTO:
            _option_values(text, (), given)
            self.text, self.reason = REAL_TIME, "auto: the picture grows"
        if self.text in MODELS:
            self.model = MODELS[self.text]
            self.values = _option_values(self.text, self.model.options, given)
            return
        self.values = _option_values(self.text, NETWORK_OPTIONS, given)
        scale, activation = (
            None if v == "auto" else v for v in (self.values["scale"], self.values["activation"])
        )
        chain = read_chain(
            self.text,
            shader_dir=shader_dir,
            scale=None if scale is None else int(scale),
            activation=activation,
        )
        if chain is None:
            raise OptionError(_unknown_model(text))
        self.model = chain

    def suited(self, source: PictureSpec, target: PictureSpec) -> Recipe:
        """Return what runs from `source` to `target`: of AUTO, FINAL_SCALER where neither side grows.

        A network would be wasted there: it enlarges what is made small again.
        """
        if not self.reason or target.width > source.width or target.height > source.height:
            return self
        plain = Recipe(FINAL_SCALER)
        plain.reason = "auto: the picture does not grow"
        return plain

    @property
    def scale(self) -> float:
        """How far it enlarges where nobody says: a network's own factor, else 2."""
        return float(self.model.scale) if isinstance(self.model, Chain) else 2.0


def check_heeded(
    recipes: Sequence[Recipe],
    *,
    engine: str = "auto",
    precision: str = "auto",
    shader_dir: Path | None = None,
) -> None:
    """Raise OptionError for what was asked for and none of the models heeds."""
    given = asked(engine, precision)
    chains = [recipe.model for recipe in recipes if isinstance(recipe.model, Chain)]
    models = ", ".join(recipe.text for recipe in recipes)
    if given and not chains:
        raise OptionError(f"{given} is for networks, and none is in {models}: leave it out, or choose one")
    if shader_dir and not any(isinstance(link, ShaderChain) for chain in chains for link in chain.links):
        raise OptionError(
            f"--shader-dir {shader_dir} is for presets and shader files, and none is in {models}: "
            "leave it out, or choose one"
        )


def asked(engine: str, precision: str) -> str:
    """Return how networks were asked to be run, for people: "engine openvino, precision fp32", or nothing."""
    given = {"engine": engine, "precision": precision}
    return ", ".join(f"{what} {name}" for what, name in given.items() if name != "auto")


def _unknown_model(text: str) -> str:
    names = [AUTO, *MODELS, *shipped()]
    return (
        f"unknown model {text!r}; available: {', '.join(names)}; presets {PRESET_FORM}; and "
        f"files: .glsl, .onnx, .pth, .pt, .ckpt, .safetensors.{nearest(text, names)}"
    )


def _option_values(name: str, options: Sequence[ModelOption], given: Mapping[str, str]) -> Values:
    values = {option.name: option.default for option in options}
    for key, value in given.items():
        option = next((option for option in options if option.name == key), None)
        if option is None:
            allowed = ", ".join(values) or "none"
            raise OptionError(
                f"model {name!r} has no option {key!r}; it has: {allowed}.{nearest(key, list(values))}"
            )
        if not option.accepts(value):
            raise OptionError(f"option {key} of {name} is {value!r}; allowed is {option.allowed}")
        values[key] = value
    return values
