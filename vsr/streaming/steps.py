"""Several upscalers for one output, all ready at once, so that the model can change between two frames."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Self

from vsr.chain import Chain
from vsr.color import ColorSpec
from vsr.device.cuda.gpu import Gpu
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, PixelFormat, empty_frame
from vsr.models import Recipe, check_heeded
from vsr.upscaler import Upscaler, opened

_CHEAPER = ("bicubic", "bilinear")
"""What stands below a model where nobody says: each costs less, and shifts nothing."""
_TRIALS, _MOST_TRIALS = 3, 20
_TRIAL_SECONDS = 0.05
"""What each step gets for more than three trials: on a busy machine the best of three is a chance."""


def default_ladder(model: str) -> tuple[str, ...]:
    """Return the models of a run for which only the best was named, the best first."""
    if model in _CHEAPER:
        return _CHEAPER[_CHEAPER.index(model) :]
    return (model,) if model == "area" else (model, *_CHEAPER)


class Steps:
    """The upscalers of a ladder. All give frames of one size, format and colour.

    Thread-safety: safe, as Upscaler is; `close` once no call is under way.
    Ownership: it keeps no frame that it is given or gives.
    """

    output: PictureSpec
    """What comes out of each of them."""
    models: tuple[str, ...]
    """The text of each, the best first; of auto what it took."""
    costs: tuple[float, ...]
    """Seconds that a frame of the source took each of them at the start, undisturbed by the others."""
    notes: tuple[str, ...]
    """What there is to say about engines and costs."""

    def __init__(
        self,
        models: Sequence[str | Recipe],
        *,
        source: PictureSpec,
        scale: float | None = None,
        size: tuple[int, int] | None = None,
        target_format: PixelFormat | None = None,
        target_color: ColorSpec | None = None,
        threads: int = 1,
        calls: int = 1,
        engine: str = "auto",
        precision: str = "auto",
        device: str | Gpu = "cpu",
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Prepare every model for frames of `source`, and time each; see Upscaler for the arguments.

        Without `scale` and `size` the networks decide, which must then agree. `engine` and `precision` are
        for those steps that are networks. Raises what Upscaler raises, and OptionError for no model, one
        that is named twice, and networks of different scales.
        """
        recipes = [model if isinstance(model, Recipe) else Recipe(model) for model in models]
        _check_distinct(recipes)
        check_heeded(recipes, engine=engine, precision=precision)
        if scale is None and size is None:
            scale = _common_scale(recipes)
        gpu = opened(device) if isinstance(device, str) else device
        self._upscalers: list[Upscaler] = []
        try:
            for recipe in recipes:
                is_network = isinstance(recipe.model, Chain)
                self._upscalers.append(
                    Upscaler(
                        recipe,
                        source=source,
                        scale=scale,
                        size=size,
                        target_format=target_format,
                        target_color=target_color,
                        threads=threads,
                        calls=calls,
                        engine=engine if is_network else "auto",
                        precision=precision if is_network else "auto",
                        device=gpu or "cpu",
                        say=say,
                    )
                )
            self.costs = self._measured()
        except BaseException:
            self.close()
            raise
        self.output = self._upscalers[0].output
        self.models = tuple(upscaler.recipe.text for upscaler in self._upscalers)
        self.notes = self._found()

    def __call__(self, frame: Frame, index: int, into: Frame | None = None) -> Frame:
        """Return the frame enlarged by that step's model, with the same time; see Upscaler."""
        return self._upscalers[index](frame, into)

    def close(self) -> None:
        """Free what is prepared. Idempotent."""
        for upscaler in self._upscalers:
            upscaler.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _measured(self) -> tuple[float, ...]:
        """Return each one's best of a few, in turns: a disturbance then meets them all alike."""
        best = [float("inf")] * len(self._upscalers)
        source, output = self._upscalers[0].source, self._upscalers[0].output
        frame = empty_frame(source.width, source.height, source.format, color=source.color)
        for plane in frame.planes:
            plane[...] = source.format.max_value // 2
        into = empty_frame(output.width, output.height, output.format)
        spent = [0.0] * len(self._upscalers)
        for turn in range(_MOST_TRIALS):
            for index, upscaler in enumerate(self._upscalers):
                if turn >= _TRIALS and spent[index] > _TRIAL_SECONDS:
                    continue
                begin = time.perf_counter()
                upscaler(frame, into)
                took = time.perf_counter() - begin
                best[index] = min(best[index], took)
                spent[index] += took
        return tuple(best)

    def _found(self) -> tuple[str, ...]:
        notes = [note for upscaler in self._upscalers for note in upscaler.notes]
        for index in range(1, len(self.models)):
            before, after = self.costs[index - 1 : index + 1]
            if after >= before:
                notes.append(
                    f"ladder: {self.models[index]} takes {after * 1000:.1f} ms for a frame, no less than "
                    f"{self.models[index - 1]} before it ({before * 1000:.1f} ms)"
                )
        return tuple(dict.fromkeys(notes))


def _check_distinct(recipes: Sequence[Recipe]) -> None:
    texts = [recipe.text for recipe in recipes]
    if not texts:
        raise OptionError(
            "the ladder is empty; name a model, the best first, for instance cnn-m-photo,bilinear"
        )
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise OptionError(f"the ladder {', '.join(texts)} has {twice} twice; name each model once")


def _common_scale(recipes: Sequence[Recipe]) -> float:
    """Return the networks' own scale; scalers follow."""
    scales = {recipe.text: recipe.scale for recipe in recipes if isinstance(recipe.model, Chain)}
    if len(set(scales.values())) > 1:
        each = ", ".join(f"{text} x{scale:g}" for text, scale in scales.items())
        raise OptionError(
            f"the ladder's models have different scales: {each}; say which with --scale or --size, or choose "
            "models of one scale"
        )
    return next(iter(scales.values()), recipes[0].scale)
