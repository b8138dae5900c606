"""Shader files without a network: recognised by their text, planned, and made steps."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.nets import shaders
from tests.nets.glsl_machine import run_shader
from tests.nets.golden_filters import GOLDEN
from tests.nets.plain_steps import steps_of
from vsr.frame import PictureSpec, Plane, empty_frame, pixel_format
from vsr.nets.errors import LiftError
from vsr.nets.glsl import known_filters
from vsr.nets.glsl.chain import Planned, PlannedFilter, PlannedStage, chain_of, read_shaders
from vsr.nets.glsl.filters import FilterForm, fingerprint, recognise_filter
from vsr.nets.glsl.parser import parse
from vsr.ops.shader_filters.highlights import ClampHighlights
from vsr.ops.shader_filters.passes import FilterStep
from vsr.ops.shader_filters.resample import resample
from vsr.ops.step import Step

Array = Any
FLOAT = pixel_format("gbrpf32le")


@pytest.fixture
def own_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the shader of `shaders.brightener` a known filter."""
    known = fingerprint("brightener", parse(shaders.brightener(), "x.glsl").passes)
    monkeypatch.setattr("vsr.nets.glsl.filters.KNOWN", (*known_filters.KNOWN, known))


def test_numbers_of_definitions_are_parameters(own_filter: None) -> None:
    for strength, sigma in (("0.5", "2.0"), ("-3", "1e-1")):
        form = recognise_filter(parse(shaders.brightener(strength, sigma), "x.glsl").passes)
        assert form is not None and form.kind == "brightener"
        assert form.parameters == {"strength": (float(strength),), "spatial_sigma": (float(sigma),)}


def test_comments_blanks_and_descriptions_do_not_count(own_filter: None) -> None:
    text = (
        shaders.brightener().replace("//!DESC ", "//!DESC other ").replace("\n    ", "\n\t/* so\nmuch */  ")
    )
    text = text.replace(";\n", " ; // said\n")
    assert recognise_filter(parse(text, "x.glsl").passes) is not None


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("sum + 0.25", "sum + 0.3", r"x.glsl, pass 2 \(Apply\).*brightener, but differs in: .*0\.3"),
        ("    float more = 1.0;\n", "", "lacks a statement before: vec4 sum"),
        ("#define STRENGTH 0.5", "#define STRENGTH (0.5 * 2.0)", r"differs in: # define STRENGTH \( 0\.5"),
        ("//!WIDTH HOOKED.w 2 /", "//!WIDTH HOOKED.w", r"pass 1 .*differs in: WIDTH HOOKED\.w"),
        ("//!BIND SMALL\n", "", "lacks a statement before: SAVE MAIN"),
    ],
)
def test_other_edits_are_refused_by_name(own_filter: None, old: str, new: str, error: str) -> None:
    text = shaders.brightener()
    assert old in text
    with pytest.raises(LiftError, match=error):
        chain_of([parse(text.replace(old, new), "x.glsl")])


def test_what_is_like_no_filter_is_not_taken_for_one() -> None:
    with pytest.raises(LiftError, match="no known part of a network"):
        chain_of([parse(shaders.brightener(), "x.glsl")])


def test_files_in_one_file_are_stages(own_filter: None) -> None:
    text = "\n// And the next.\n\n".join(
        [
            shaders.brightener(),
            shaders.restorer(),
            shaders.plain_read("OUTPUT.w", "OUTPUT.h"),
            shaders.brightener("2"),
        ]
    )
    chain = chain_of([parse(text, "all.glsl")])
    assert kinds(chain.plan((20, 10), (30, 20))) == ["brightener", 1, "resample", "brightener"]
    assert [stage.name for stage in chain.stages] == ["all 1", "all 2", "all 3", "all 4"]
    assert chain.stages[3].form == FilterForm(
        kind="brightener", parameters={"strength": (2.0,), "spatial_sigma": (2.0,)}
    )


def test_passes_may_lack_when_where_it_changes_nothing(own_filter: None) -> None:
    when = "OUTPUT.w MAIN.w >"
    text = shaders.brightener().replace("//!DESC Apply", f"//!WHEN {when}\n//!DESC Apply")
    chain = chain_of([parse(text, "x.glsl")])
    assert chain.plan((8, 8), (8, 8)) == ()
    assert [type(planned) for planned in chain.plan((8, 8), (9, 9))] == [PlannedFilter]
    with pytest.raises(LiftError, match="WHEN differs"):
        chain_of([parse(text.replace("//!DESC Small", "//!WHEN 0\n//!DESC Small"), "x.glsl")])


@pytest.mark.parametrize(
    ("width", "height", "output", "target"),
    [
        ("OUTPUT.w", "OUTPUT.h", (301, 200), (301, 200)),
        ("OUTPUT.w 2 /", "OUTPUT.h 2 /", (301, 201), (151, 101)),
        ("NATIVE.w 1.5 *", "HOOKED.h", (300, 200), (150, 80)),
    ],
)
def test_plain_reads_have_the_size_they_say(
    width: str, height: str, output: tuple[int, int], target: tuple[int, int]
) -> None:
    chain = chain_of([parse(shaders.plain_read(width, height), "x.glsl")])
    [planned] = chain.plan((100, 80), output)
    assert isinstance(planned, PlannedFilter) and planned.form.kind == "resample"
    assert (planned.source, planned.target) == ((100, 80), target)
    with pytest.raises(LiftError, match="makes a picture of 0x80"):
        chain_of([parse(shaders.plain_read("0.1", "HOOKED.h"), "x.glsl")]).plan((100, 80), output)


def test_the_interpreter_runs_loops_branches_and_arrays() -> None:
    """Against numpy: of a pixel and those beside it, the one whose R - G is the middle one."""
    planes = picture().astype(float)
    wide = np.pad(planes, ((0, 0), (0, 0), (1, 1)), mode="edge")
    near = np.stack([wide[:, :, i : i + WIDTH] for i in range(3)])
    order = np.argsort(near[:, 0] - near[:, 1], axis=0, kind="stable")[1]
    expected = np.take_along_axis(near, order[None, None], 0)[0]
    got = run_shader(parse(shaders.middle_of_three(), "x.glsl"), planes)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def network(planned: PlannedStage, source: PictureSpec) -> Step:
    """Stands for whoever runs networks."""
    return resample(source, *planned.target)


def kinds(planned: tuple[Planned, ...]) -> list[object]:
    """The kinds of planned stages, those within Clamp_Highlights as a list of their own."""
    found: list[object] = []
    for stage in planned:
        found.append(stage.form.kind if isinstance(stage, PlannedFilter) else stage.graph.scale)
        if isinstance(stage, PlannedFilter) and stage.inner:
            found.append(kinds(stage.inner))
    return found


def official_mode_a() -> Path:
    found = find_spec("anime4k_python")
    if found is None or not found.submodule_search_locations:
        pytest.skip("anime4k-python, which has official files, is not installed")
    [path] = Path(found.submodule_search_locations[0]).rglob("*ModeA*.glsl")
    return path


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ((640, 360), ["clamp_highlights", [1]]),
        ((960, 540), ["clamp_highlights", [1, 2, "resample"]]),
        ((1280, 720), ["clamp_highlights", [1, 2]]),
        ((1920, 1080), ["clamp_highlights", [1, 2, "resample", 2]]),
        ((2560, 1440), ["clamp_highlights", [1, 2, 2]]),
    ],
)
def test_the_official_mode_a(output: tuple[int, int], expected: list[object]) -> None:
    planned = read_shaders([official_mode_a()]).plan((640, 360), output)
    assert kinds(planned) == expected
    [step] = steps_of(planned, PictureSpec(width=640, height=360, format=FLOAT), network)
    assert isinstance(step, ClampHighlights)
    last = planned[0].target
    assert (step.output.width, step.output.height) == last
    assert (step.before, step.after, len(step.inner)) == (2, 2, len(planned[0].inner))  # type: ignore[union-attr]


def test_an_edited_official_file_is_refused_by_its_statement() -> None:
    text = official_mode_a().read_text()
    edited = text.replace("0.299", "0.3", 1)
    with pytest.raises(LiftError, match=r"clamp_highlights, but differs in: .*0\.3 , 0\.587"):
        chain_of([parse(edited, "ModeA.glsl")])
    wider = text.replace("KERNELSIZE 5", "KERNELSIZE 7").replace("KERNELHALFSIZE 2", "KERNELHALFSIZE 3")
    planned = chain_of([parse(wider, "ModeA.glsl")]).plan((64, 64), (64, 64))
    [step] = steps_of(planned, PictureSpec(width=64, height=64, format=FLOAT), network)
    assert isinstance(step, ClampHighlights) and (step.before, step.after) == (3, 3)
    uneven = text.replace("KERNELSIZE 5", "KERNELSIZE 7", 1)
    planned = chain_of([parse(uneven, "ModeA.glsl")]).plan((64, 64), (64, 64))
    with pytest.raises(LiftError, match="give both passes one odd size"):
        steps_of(planned, PictureSpec(width=64, height=64, format=FLOAT), network)


WIDTH, HEIGHT = 23, 19


def picture() -> Array:
    """Lines, flats, slopes and a little noise, as (R G B, height, width), the same on every machine."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    base = 0.3 + 0.3 * ((x // 6 + y // 5) % 2) + 0.3 * ((x + 2 * y) % 11 < 2) - 0.2 * (x % 9 == 4)
    noise = ((x * 7919 + y * 104729) % 101) / 101 * 0.02
    planes = [base + noise, 0.8 * base + 0.01 * y, 0.9 * base + 0.02 * (x % 4) - noise]
    return np.stack(planes).astype(np.float32)


def enlarged(planes: Array) -> Array:
    """What a network that overshoots might make of it, at twice the size."""
    return planes.repeat(2, 1).repeat(2, 2) * 1.2 - 0.05


def widened(text: str) -> str:
    """A shader's text with what it gives for 1080 rows made large enough for a small picture."""
    pattern = r"(SIGMA \(?)([0-9.]+)( \* float| *$)|(1080\.0\) \* )([0-9.]+)"

    def wider(found: re.Match[str]) -> str:
        before, number = (found[1], found[2]) if found[2] else (found[4], found[5])
        return f"{before}{float(number) * 40:g}{found[3] or ''}"

    if "1080" in text:
        text = re.sub(pattern, wider, text, flags=re.MULTILINE)
    return re.sub(r"(STRENGTH )(\S+)(.*\s+#define ITERATIONS) 1", r"\g<1>30\3 2", text)


def output_of(name: str) -> tuple[int, int]:
    """An output's size at which the file runs."""
    scale = {"AutoDownscalePre_x2": 1.6, "AutoDownscalePre_x4": 3.3}.get(name, 2.0)
    return round(WIDTH * scale), round(HEIGHT * scale)


def samples(planes: Array) -> list[float]:
    """Nine values of a picture, three of each plane."""
    _, height, width = planes.shape
    places = ((1, 2), (4, 7), (8, 5), (2, 4), (5, 5), (9, 1), (0, 9), (6, 3), (9, 9))
    return [
        float(planes[number // 3, height * down // 10, width * across // 10])
        for number, (down, across) in enumerate(places)
    ]


class Fixed:
    """A step that gives one picture: stands for a network."""

    def __init__(self, source: PictureSpec, planes: Array) -> None:
        self.source = source
        self.output = PictureSpec(width=planes.shape[2], height=planes.shape[1], format=FLOAT)
        self.sentence = "fixed"
        self.planes = planes

    def __call__(self, planes: Sequence[Plane], into: Sequence[Plane], *, threads: int = 1) -> None:
        for plane, target in zip(self.planes[[1, 2, 0]], into, strict=True):
            target[...] = plane


def filtered(planned: Sequence[Planned], planes: Array, dtype: Any = None) -> Array:
    """Return what a plan's steps make of an (R G B, height, width) picture: by kernels, or by references."""
    source = PictureSpec(width=planes.shape[2], height=planes.shape[1], format=FLOAT)
    for step in steps_of(planned, source, network):
        assert isinstance(step, FilterStep | ClampHighlights)
        if isinstance(step, ClampHighlights):
            step = ClampHighlights(source, [Fixed(source, enlarged(planes))])
        separate = [np.ascontiguousarray(planes[i]) for i in (1, 2, 0)]
        output = step.output
        result: Sequence[Plane] = empty_frame(output.width, output.height, FLOAT).planes
        if dtype is None:
            step(separate, result, threads=2)
        else:
            result = step.reference(separate, dtype)
        planes = np.stack([result[2], result[0], result[1]])
    return planes


def plan_of(text: str, name: str) -> tuple[Planned, ...]:
    return chain_of([parse(widened(text), f"{name}.glsl")]).plan((WIDTH, HEIGHT), output_of(name))


@pytest.mark.parametrize("name", GOLDEN)
def test_files_of_the_shader_folder(name: str) -> None:
    """Each of the user's files without a network computes what its text says, and what is written here."""
    folder = os.environ.get("VSR_SHADER_DIR")
    if not folder:
        pytest.skip("VSR_SHADER_DIR, a folder of Anime4K's files, is not set")
    path = next(Path(folder).rglob(f"Anime4K_{name}.glsl"), None)
    if path is None:
        pytest.skip(f"VSR_SHADER_DIR has no Anime4K_{name}.glsl")
    text = path.read_text()
    stage = enlarged(picture()) if name == "Clamp_Highlights" else None
    expected = run_shader(parse(widened(text), path.name), picture(), output_of(name), stage)
    planned = plan_of(text, name)
    golden = GOLDEN[name]
    forms = [stage.form for stage in planned if isinstance(stage, PlannedFilter)]
    assert [(form.kind, form.parameters) for form in forms] == list(golden.stages)
    assert planned[-1].target == golden.size or name == "Clamp_Highlights"
    np.testing.assert_allclose(filtered(planned, picture(), np.float64), expected, rtol=0, atol=1e-8)
    off = np.abs(filtered(planned, picture()) - expected) > 1e-5
    assert off.mean() <= (0.01 if name.endswith("Mode") else 0)  # of equal weights, rounding decides
    np.testing.assert_allclose(samples(expected), golden.values, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", GOLDEN)
def test_filters_compute_what_the_files_did(name: str) -> None:
    """The same without the files: by their numbers, and values of their results."""
    golden = GOLDEN[name]
    source, planned = (WIDTH, HEIGHT), list[Planned]()
    for number, (kind, parameters) in enumerate(golden.stages, 1):
        target = golden.size if number == len(golden.stages) else source
        form = FilterForm(kind=kind, parameters=parameters)
        planned.append(PlannedFilter(form=form, hook="MAIN", source=source, target=target))
    np.testing.assert_allclose(samples(filtered(planned, picture())), golden.values, rtol=0, atol=1e-5)
