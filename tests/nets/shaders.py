"""Writes small network shaders with random weights, in the idioms that the readers know."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(7)


def numbers(count: int) -> str:
    return ", ".join(f"{value:.8g}" for value in RNG.standard_normal(count) * 0.3)


def rgb_matrix() -> str:
    return f"mat4({numbers(12)}, 0.0, 0.0, 0.0, 0.0)"


def header(desc: str, binds: list[str], save: str, size: str, *, when: str = "", hook: str = "MAIN") -> str:
    lines = [f"//!DESC {desc}", f"//!HOOK {hook}", *(f"//!BIND {bind}" for bind in binds), f"//!SAVE {save}"]
    lines += [f"//!WIDTH {size.replace('?', 'w')}", f"//!HEIGHT {size.replace('?', 'h')}", "//!COMPONENTS 4"]
    return "\n".join([*lines, *([f"//!WHEN {when}"] if when else [])]) + "\n"


TAPS = [(x, y) for x in (-1.0, 0.0, 1.0) for y in (-1.0, 0.0, 1.0)]


def conv_pass(
    save: str, reads: list[str], *, size: str = "MAIN.?", end: str = "", when: str = "", step: str = "",
    parts: tuple[str, ...] = ("", "-"), binds: tuple[str, ...] = (),
) -> str:  # fmt: skip
    """A 3x3 pass over textures; `parts` are the signs of their relus, or ("raw",)."""
    text, terms = header("Conv", [*binds, *reads], save, size, when=when), []
    number = 0
    for part in parts:
        for texture in reads:
            inner = f"{texture}_texOff(vec2(x_off, y_off){step})"
            inner = f"({inner})" if part == "raw" else f"(max({part}({inner}), 0.0))"
            text += f"#define go_{number}(x_off, y_off) {inner}\n"
            matrix = rgb_matrix if texture == "MAIN" else lambda: f"mat4({numbers(16)})"
            terms += [f"{matrix()} * go_{number}({x}, {y})" for x, y in TAPS]
            number += 1
    return text + body(terms, end)


def body(terms: list[str], end: str = "") -> str:
    lines = [f"    vec4 result = {terms[0]};", *(f"    result += {term};" for term in terms[1:])]
    return "\n".join(
        ["vec4 hook() {", *lines, f"    result += vec4({numbers(4)});", f"    return result{end};", "}", ""]
    )


def point_pass(save: str, reads: list[str]) -> str:
    """A 1x1 pass over the positive and negative parts of textures."""
    text, terms = header("Conv-1x1", reads, save, f"{reads[0]}.?"), []
    for number, (sign, texture) in enumerate((s, t) for t in reads for s in ("", "-")):
        text += f"#define g_{number} (max({sign}({texture}_tex({texture}_pos)), 0.0))\n"
        terms.append(f"mat4({numbers(16)}) * g_{number}")
    return text + body(terms)


def shuffle_pass(textures: list[str], when: str = "") -> str:
    text = header("Depth-to-Space", ["MAIN", *textures], "MAIN", f"{textures[0]}.? 2 *", when=when)
    lines = []
    for n in range(3):
        if n >= len(textures):
            lines.append(f"float c{n} = c{n - 1};")
            continue
        t = textures[n]
        lines += [
            f"vec2 f{n} = fract({t}_pos * {t}_size);",
            f"ivec2 i{n} = ivec2(f{n} * vec2(2.0));",
            f"float c{n} = {t}_tex((vec2(0.5) - f{n}) * {t}_pt + {t}_pos)[i{n}.y * 2 + i{n}.x];",
        ]
    lines += ["float c3 = c2;", "return vec4(c0, c1, c2, c3) + MAIN_tex(MAIN_pos);"]
    return text + "\n".join(["vec4 hook() {", *(f"    {line}" for line in lines), "}", ""])


UPSCALE_WHEN = "OUTPUT.w MAIN.w / 1.200 > OUTPUT.h MAIN.h / 1.200 > *"


def upscaler(*, wide: bool = False, when: str = "") -> str:
    """conv, crelu conv, 1x1 over all, depth to space: 4 channels and one plane, or 12 and three."""
    ends = ["", "1", "2"] if wide else [""]
    layers = [[f"a{e}" for e in ends], [f"b{e}" for e in ends], [f"c{e}" for e in ends]]
    text = "".join(conv_pass(name, ["MAIN"], parts=("raw",)) for name in layers[0])
    text += "".join(conv_pass(name, layers[0], size="a.?") for name in layers[1])
    text += "".join(point_pass(name, [*layers[0], *layers[1]]) for name in layers[2])
    text = text.replace("//!COMPONENTS 4\n", f"//!COMPONENTS 4\n//!WHEN {when}\n") if when else text
    return text + shuffle_pass(layers[2], when)


def restorer() -> str:
    text = conv_pass("a", ["MAIN"], parts=("raw",)) + conv_pass("b", ["a"], parts=("",))
    return text + conv_pass("MAIN", ["b"], end=" * 0.5 + MAIN_tex(MAIN_pos)", binds=("MAIN",))


def gan(factor: int, step: str) -> str:
    """Features read at a larger size, through the sampler, by a convolution."""
    text = conv_pass("a", ["MAIN"], parts=("raw",)) + conv_pass("a1", ["MAIN"], parts=("raw",))
    text += conv_pass("up", ["a", "a1"], size=f"a.? {factor} *", step=f" * {step}")
    return text + conv_pass("MAIN", ["up"], size="up.?", end=" + MAIN_tex(MAIN_pos)", binds=("MAIN",))


def luma_network() -> str:
    """In FSRCNNX's words, after its first pass: PReLU, skips, and sub-pixels in columns."""
    taps = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]

    def make(save: str, terms: list[str], binds: list[str], tail: str) -> str:
        lines = [f"vec4 res = vec4({numbers(4)});", *(f"res += {term};" for term in terms), tail]
        joined = "\n".join(lines)
        return f"{header('part', binds, save, 'LUMA.?', hook='LUMA')}vec4 hook()\n{{\n{joined}\n}}\n"

    prelu = f"res = max(res, vec4(0.0)) + vec4({numbers(4)}) * min(res, vec4(0.0));\nreturn res;"
    text = ""
    for save in ("F1", "F2"):
        terms = [f"vec4({numbers(4)}) * LUMA_texOff(vec2({x}, {y})).x" for x, y in taps]
        text += make(save, terms, ["LUMA"], "return res;")
    for number in (1, 2):
        terms = [f"mat4({numbers(16)}) * F{n}_texOff(vec2({x},{y}))" for n in (1, 2) for x, y in taps]
        text += make(f"M{number}", [*terms, f"F{number}_texOff(0)"], ["F1", "F2"], prelu)
    terms = [f"mat4x4({numbers(16)}) * M{n}_texOff(vec2({x},{y}))" for n in (1, 2) for x, y in taps]
    text += make("S", terms, ["M1", "M2"], "return vec4(res);")
    text += header("shuffle", ["S"], "LUMA", "LUMA.? 2 *", hook="LUMA")
    return text + (
        "vec4 hook()\n{\nvec2 fcoord = fract(S_pos * S_size);\n"
        "vec2 base = S_pos + (vec2(0.5) - fcoord) * S_pt;\nivec2 index = ivec2(fcoord * vec2(2));\n"
        "vec4 res = S_tex(base);\nreturn vec4(res[index.x * 2 + index.y], 0, 0, 1);\n}\n"
    )


def residual_luma_network() -> str:
    """In the words of ArtCNN's fragment shaders: relu at the return, sums of samples, a clamp at the end."""
    taps = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)]

    def make(save: str, terms: list[str], binds: list[str], end: str) -> str:
        lines = [
            f"vec4 result = vec4({numbers(4)});",
            *(f"result += {term};" for term in terms),
            f"return {end};",
        ]
        joined = "\n".join(f"    {line}" for line in lines)
        return f"{header('Conv2D', binds, save, 'LUMA.?', hook='LUMA')}\nvec4 hook() {{\n{joined}\n}}\n\n"

    text = ""
    for save in ("s0", "s1"):
        terms = [f"vec4({numbers(4)}) * LUMA_texOff(vec2({x}, {y})).x" for x, y in taps]
        text += make(save, terms, ["LUMA"], "result")
    for save in ("m0", "m1"):
        terms = [f"mat4({numbers(16)}) * s{n}_texOff(vec2({x}, {y}))" for n in (0, 1) for x, y in taps]
        text += make(save, terms, ["s0", "s1"], "max(result, vec4(0.0))")
    terms = [
        f"mat4({numbers(16)}) * (m{n}_texOff(vec2({x}, {y})) + s{n}_texOff(vec2({x}, {y})))"
        for n in (0, 1)
        for x, y in taps
    ]
    text += make("d0", terms, ["m0", "m1", "s0", "s1"], "result")
    text += header("Depth-To-Space", ["d0"], "LUMA", "LUMA.? 2.0 *", hook="LUMA")
    return text + (
        "vec4 hook() {\n    vec4 result = vec4(0.0, 0.0, 0.0, 1.0);\n    vec2 f0 = fract(d0_pos * d0_size);\n"
        "    ivec2 i0 = ivec2(f0 * vec2(2.0));\n"
        "    result.x = d0_tex((vec2(0.5) - f0) * d0_pt + d0_pos)[i0.y * 2 + i0.x];\n"
        "    return clamp(result, 0.0, 1.0);\n}\n"
    )
