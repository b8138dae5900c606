"""Several models for one output, and changing between them."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import pytest

from vsr.color import ChromaLocation, ColorSpec, Matrix, Range
from vsr.errors import OptionError
from vsr.frame import Frame, PictureSpec, empty_frame, pixel_format
from vsr.models import MODELS, Recipe
from vsr.streaming.steps import Steps, default_ladder
from vsr.upscaler import Upscaler

COLOR = ColorSpec(matrix=Matrix.BT709, range=Range.LIMITED, chroma_location=ChromaLocation.LEFT)
SOURCE = PictureSpec(width=64, height=36, format=pixel_format("yuv420p"), color=COLOR)
LADDER = ("cnn-m-photo", "bicubic", "bilinear")


def frame_of(seed: int, width: int = 64, height: int = 36) -> Frame:
    rng = np.random.default_rng(seed)
    frame = empty_frame(width, height, SOURCE.format, color=COLOR, pts=seed, time_base=Fraction(1, 30))
    for plane in frame.planes:
        plane[...] = rng.integers(16, 236, plane.shape)
    return frame


def test_each_step_gives_what_its_model_alone_gives() -> None:
    alone = [Upscaler(model, source=SOURCE, scale=2) for model in LADDER]
    with Steps(LADDER, source=SOURCE) as steps:
        assert steps.models == LADDER
        assert (steps.output.width, steps.output.height) == (128, 72)
        for number, index in enumerate([0, 0, 2, 1, 0, 2]):
            frame = frame_of(number)
            found, wanted = steps(frame, index), alone[index](frame)
            assert found.pts == number
            for a, b in zip(found.planes, wanted.planes, strict=True):
                assert np.array_equal(a, b)


def test_a_frame_is_written_into_what_is_given() -> None:
    with Steps(LADDER, source=SOURCE) as steps:
        into = empty_frame(128, 72, SOURCE.format)
        assert steps(frame_of(1), 1, into) is into


def test_a_source_that_changes_its_size_comes_out_the_same_at_each_step() -> None:
    with Steps(LADDER, source=SOURCE) as steps:
        for index in range(len(LADDER)):
            result = steps(frame_of(3, 80, 48), index)
            assert (result.width, result.height) == (128, 72)


def test_costs_are_measured_for_each() -> None:
    source = PictureSpec(width=320, height=180, format=SOURCE.format, color=COLOR)
    with Steps(("cnn-m-photo", "bilinear"), source=source) as steps:
        assert all(cost > 0 for cost in steps.costs)
        assert steps.costs[0] > steps.costs[1]


def test_what_disturbs_the_first_trials_is_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Disturbed(Upscaler):
        calls = 0

        def __call__(self, frame: Frame, into: Frame | None = None) -> Frame:
            type(self).calls += 1
            if self.calls <= 4:
                time.sleep(0.008)
            return super().__call__(frame, into)

    monkeypatch.setattr("vsr.streaming.steps.Upscaler", Disturbed)
    monkeypatch.setattr("vsr.streaming.steps._TRIAL_SECONDS", 60.0)  # a busy machine must not end it early
    with Steps(("bicubic",), source=SOURCE) as steps:
        assert steps.costs[0] < 0.008


def test_a_ladder_that_goes_up_is_said() -> None:
    source = PictureSpec(width=320, height=180, format=SOURCE.format, color=COLOR)
    with Steps(("bilinear", "cnn-m-photo"), source=source) as steps:
        assert any(note.startswith("ladder: cnn-m-photo takes") for note in steps.notes)


def test_engines_are_asked_for_networks_alone() -> None:
    with Steps(("cnn-m-photo", "bilinear"), source=SOURCE, engine="fused_cpu", precision="fp32") as steps:
        assert steps.models == ("cnn-m-photo", "bilinear")
    with pytest.raises(OptionError, match="is for networks, and none is in bicubic, bilinear"):
        Steps(("bicubic", "bilinear"), source=SOURCE, engine="fused_cpu")


def test_networks_of_different_scales_are_refused_unless_a_size_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    three = Recipe("cnn-m-anime")
    monkeypatch.setattr(Recipe, "scale", property(lambda self: 3.0 if self is three else 2.0))
    models: list[str | Recipe] = ["cnn-m-photo", three, "bilinear"]
    with pytest.raises(OptionError, match=r"different scales: cnn-m-photo x2, cnn-m-anime x3; say which"):
        Steps(models, source=SOURCE)
    with Steps(models, source=SOURCE, size=(120, 60)) as steps:
        assert {steps(frame_of(1), index).width for index in range(3)} == {120}


@pytest.mark.parametrize(
    ("models", "text"),
    [
        ([], "the ladder is empty"),
        (["bilinear", "bicubic", "bilinear"], "has bilinear twice"),
        (["cnn-m-photo", "cnn-x"], "unknown model 'cnn-x'"),
    ],
)
def test_bad_ladders(models: list[str], text: str) -> None:
    with pytest.raises(OptionError, match=text):
        Steps(models, source=SOURCE)


@pytest.mark.parametrize("model", [*MODELS, "cnn-m-photo", "auto"])
def test_the_default_ladder_ends_with_what_costs_least(model: str) -> None:
    ladder = default_ladder(model)
    assert ladder[0] == model
    assert len(set(ladder)) == len(ladder)
    assert ladder[-1] == ("area" if model == "area" else "bilinear")
