"""Writes small network shaders with random weights, in the idioms that the readers know."""

from __future__ import annotations

import numpy as np

RNG = np.random.default_rng(7)


def numbers(count: int) -> str:
    """Random weights that float32 holds to nine digits, as files have them."""
    return ", ".join(
        f"{value:.9g}" for value in RNG.standard_normal(count).astype(np.float32) * np.float32(0.3)
    )


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


def with_float_samples() -> str:
    """FSRCNNX's own wording: `float(SAMPLE)` where another form has `SAMPLE.x`."""
    text = luma_network()
    for x, y in ((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)):
        text = text.replace(f"LUMA_texOff(vec2({x}, {y})).x", f"float(LUMA_texOff(vec2({x},{y})))")
    return text


def distorter() -> str:
    """Two layers at the picture's size; the last one a float, summed from dot products."""
    taps = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    text = ""
    for save in ("F1", "F2"):
        terms = [f"vec4({numbers(4)}) * float(LUMA_texOff(vec2({x},{y})))" for x, y in taps]
        lines = [f"vec4 res = vec4({numbers(4)});", *(f"res += {term};" for term in terms), "return res;"]
        joined = "\n".join(lines)
        text += f"{header('part', ['LUMA'], save, 'LUMA.?', hook='LUMA')}vec4 hook()\n{{\n{joined}\n}}\n"
    terms = [f"dot(vec4({numbers(4)}), F{n}_texOff(vec2({x},{y})))" for n in (1, 2) for x, y in taps]
    lines = [f"float res = {numbers(1)};", *(f"res += {term};" for term in terms)]
    joined = "\n".join([*lines, "return vec4(res, 0, 0, 0);"])
    return text + f"//!HOOK LUMA\n//!BIND F1\n//!BIND F2\nvec4 hook()\n{{\n{joined}\n}}\n"


HALF = """#extension GL_EXT_shader_explicit_arithmetic_types_float16 : enable
#ifdef GL_EXT_shader_explicit_arithmetic_types_float16
#\tdefine V4 f16vec4
#\tdefine M4 f16mat4
#\tdefine F float16_t
#else
#\tdefine V4 vec4
#\tdefine M4 mat4
#\tdefine F float
#endif
"""
WHOLE = HALF[HALF.index("\tdefine V4 f16vec4") - 1 : HALF.index("#else")]
Packing = tuple[int, int]


def packed_pass(
    save: str,
    reads: list[str],
    *,
    source: Packing = (1, 1),
    packing: Packing = (2, 2),
    hook: str = "LUMA",
    end: str = "",
    named: bool = True,
) -> str:
    """A 3x3 compute pass: shared memory, several vec4 packed into one texture.

    `named` is the wording with local_xy, wg_size and named samples; the other one is without any. `end` is
    "relu", "prelu" or nothing. A sum is read where `reads` has two textures.
    """
    scalar = reads == ["LUMA"]
    kind = "F" if scalar else "V4"
    wg, xy = ("wg_size", "local_xy") if named else ("ivec2(gl_WorkGroupSize)", "gl_LocalInvocationID")
    member = wg if named else "gl_WorkGroupSize"
    inner = "(base + ivec2(x,y) - offset)"
    lines = ["const ivec2 ksize = ivec2(3, 3);", "const ivec2 offset = ksize / 2;"]
    lines += ["const ivec2 wg_size = ivec2(gl_WorkGroupSize);"] if named else []
    lines += [f"const ivec2 isize = {wg} + ksize - 1;"]
    places = [(x, y) for y in range(source[1]) for x in range(source[0])]
    lines += [f"shared {kind} inp[{len(places)}][isize.y][isize.x];", "void hook() {"]
    lines += ["const uvec2 local_xy = gl_LocalInvocationID.xy;"] if named else []
    lines += [f"ivec2 base = ivec2(gl_WorkGroupID) * {wg};"]
    for axis in "yx":
        lines += [f"for (uint {axis} = {xy}.{axis}; {axis} < isize.{axis}; {axis} += {member}.{axis}) {{"]
    lines += [f"const ivec2 input_base = {inner} * ivec2{source};"] if named else []
    for number, place in enumerate(places):
        at = f"{'input_base' if named else f'{inner} * ivec2{source}'} + ivec2{place}"
        sum_ = " + ".join(f"{name}_mul * texelFetch({name}_raw, {at}, 0)" for name in reads)
        lines += [f"inp[{number}][y][x] = {kind}({sum_}{'.x' if scalar else ''});"]
    lines += ["}", "}", "", "barrier();"]
    outs = [(x, y) for y in range(packing[1]) for x in range(packing[0])]
    lines += [f"V4 result{n} = V4({numbers(4)});" for n in range(len(outs))]
    for number in range(len(places)):
        for y, x in ((y, x) for y in range(3) for x in range(3)):
            element = f"inp[{number}][{xy}.y + {y}][{xy}.x + {x}]"
            if named:
                lines += [f"const {kind} inp_{number}_{x}_{y} = {element};"]
                element = f"inp_{number}_{x}_{y}"
            for n in range(len(outs)):
                weights = "V4" if scalar else "M4"
                values = numbers(4) if scalar else numbers(16)
                if reads in (["HOOKED"], ["MAIN"]):
                    values = numbers(12) + ", 0, 0, 0, 0"
                lines += [f"result{n} += {weights}({values}) * {element};"]
    for number, place in enumerate(outs):
        value = f"result{number}"
        if end == "prelu":
            lines += [f"V4 s{number} = V4({numbers(3)}, 1);"]
            lines += [f"{value} = max({value}, V4(0.0)) + s{number} * min({value}, V4(0.0));"]
        target = f"ivec2(gl_GlobalInvocationID) * ivec2{packing}"
        lines += [f"ivec2 at{number} = {target} + ivec2{place};"]
        lines += [
            f"imageStore(out_image, at{number}, {f'max({value}, V4(0.0))' if end == 'relu' else value});"
        ]
    block = f"//!COMPUTE {4 * packing[0]} {3 * packing[1]} 4 3\n"
    text = header("Packed", reads, save, f"{hook}.?", hook=hook)
    text = text.replace(f"{hook}.w", f"{hook}.w {packing[0]} *").replace(
        f"{hook}.h", f"{hook}.h {packing[1]} *"
    )
    return text + block + (HALF if named else WHOLE) + "\n".join([*lines, "}", "", ""])


def packed_luma_network(*, named: bool, packing: Packing = (2, 2)) -> str:
    """In the words of ArtCNN's compute shaders: packed textures, a sum that is read, a store of pixels."""
    options = {"named": named, "packing": packing}
    text = packed_pass("a", ["LUMA"], **options)  # type: ignore[arg-type]
    text += packed_pass("a_1", ["a"], source=packing, end="relu", **options)  # type: ignore[arg-type]
    text += packed_pass("a_2", ["a_1"], source=packing, **options)  # type: ignore[arg-type]
    text += packed_pass("a_3", ["a_2", "a"], source=packing, packing=(1, 1), named=named)
    text += header("Depth-To-Space", ["a_3"], "LUMA", "LUMA.? 2.0 *", hook="LUMA") + "//!COMPUTE 4 3 4 3\n"
    return (
        text
        + HALF
        + (
            "void hook() {\n    vec4 result = vec4(0.0, 0.0, 0.0, 1.0);\n"
            "    vec2 f0 = fract(a_3_pos * a_3_size);\n"
            "    ivec2 i0 = ivec2(f0 * vec2(2.0));\n"
            "    result.x = a_3_tex((vec2(0.5) - f0) * a_3_pt + a_3_pos)[i0.y * 2 + i0.x];\n"
            "    imageStore(out_image, ivec2(gl_GlobalInvocationID), clamp(result, 0.0, 1.0));\n}\n"
        )
    )


def stored_luma_network() -> str:
    """The fragment shaders' words in compute shaders, each invocation storing its own texel."""
    blocks = residual_luma_network().split("//!DESC ")
    text = blocks[0]
    for block in blocks[1:]:
        head, _, tail = block.partition("return ")
        value, _, rest = tail.partition(";")
        head = head.replace("vec4 hook()", "void hook()").replace(
            "//!COMPONENTS", "//!COMPUTE 8 4\n//!COMPONENTS"
        )
        text += f"//!DESC {head}imageStore(out_image, ivec2(gl_GlobalInvocationID), {value});{rest}"
    return text


def packed_rgb_network() -> str:
    """In AnimeJaNai's words: PReLU, R, G and B side by side, and the nearest pixel added at the end."""
    text = packed_pass("c0", ["HOOKED"], packing=(3, 2), hook="MAIN", end="prelu", named=False)
    text += packed_pass("c1", ["c0"], source=(3, 2), packing=(3, 1), hook="MAIN", named=False)
    text += header("PixelShuffle", ["c1", "HOOKED"], "MAIN", "HOOKED.? 2 *") + "//!COMPUTE 4 3 4 3\n"
    lines = [
        "ivec2 opos = ivec2(gl_GlobalInvocationID.xy);",
        "ivec2 ipos = opos / 2;",
        "ivec2 sub = opos % 2;",
    ]
    lines += ["int idx = sub.y * 2 + sub.x;", "ivec2 base_pixel = ipos * ivec2(3, 1);"]
    lines += ["vec4 orig = texelFetch(HOOKED_raw, ipos, 0) * HOOKED_mul;"]
    lines += [
        f"vec4 tile{c} = c1_mul * texelFetch(c1_raw, base_pixel + ivec2({n}, 0), 0);"
        for n, c in enumerate("RGB")
    ]
    lines += ["vec4 result;", *(f"result.{c} = tile{c.upper()}[idx];" for c in "rgb"), "result.a = orig.a;"]
    lines += ["result.rgb += orig.rgb;", "imageStore(out_image, opos, clamp(result, 0.0, 1.0));"]
    return text + "\n".join(["void hook() {", *lines, "}", ""])


def brightener(strength: str = "0.5", sigma: str = "2.0") -> str:
    """No network: a pass at half the size, and one that adds it to the picture, with numbers to edit."""
    text = header("Small", ["HOOKED"], "SMALL", "HOOKED.? 2 /")
    text += "vec4 hook() {\n    return HOOKED_tex(HOOKED_pos) * 0.5;\n}\n"
    text += header("Apply", ["HOOKED", "SMALL"], "MAIN", "HOOKED.?")
    return text + (
        f"#define STRENGTH {strength} // to taste\n"
        f"#define SPATIAL_SIGMA ({sigma} * float(HOOKED_size.y) / 1080.0)\n\n"
        "float weight(float x) {\n    return exp(-x * x / SPATIAL_SIGMA);\n}\n\n"
        "vec4 hook() {\n    float more = 1.0;\n    vec4 sum = vec4(0.0);\n"
        "    for (int i=0; i<3; i++) {\n"
        "        sum += SMALL_texOff(vec2(i - 1, 0)) * weight(float(i));\n    }\n"
        "    return HOOKED_tex(HOOKED_pos) + (sum + 0.25) * STRENGTH * more;\n}\n"
    )


def plain_read(width: str, height: str) -> str:
    """The picture read at another size."""
    text = header("Read", ["HOOKED", "NATIVE"], "MAIN", "?").replace("//!WIDTH w", f"//!WIDTH {width}")
    text = text.replace("//!HEIGHT h", f"//!HEIGHT {height}")
    return text + "vec4 hook() {\n    return HOOKED_tex(HOOKED_pos);\n}\n"


def middle_of_three() -> str:
    """No network: functions, arrays, loops, branches and early returns, as filters have them."""
    return header("Middle", ["HOOKED"], "MAIN", "HOOKED.?") + (
        "#define COUNT (2 * 1 + 1)\n#define WEIGHT(i) (float(i) * 0.5)\n"
        "vec4 middle(vec4 v[COUNT], float w[COUNT]) {\n"
        "    for (int i=0; i<COUNT; i++) {\n        int below = 0;\n"
        "        for (int j=0; j<COUNT; j++) {\n            if (w[j] < w[i]) {\n"
        "                below += 1;\n            } else if (w[j] == w[i] && j < i) {\n"
        "                below++;\n            }\n        }\n"
        "        if (below == COUNT / 2) {\n            return v[i];\n        }\n    }\n"
        "    return vec4(0);\n}\n"
        "vec4 hook() {\n    vec4 v[COUNT];\n    float w[COUNT];\n"
        "    for (int i=0; i<COUNT; i++) {\n        v[i] = HOOKED_texOff(vec2(i - COUNT / 2, 0));\n"
        "        w[i] = v[i].x - v[i].y;\n    }\n    vec4 found = middle(v, w);\n"
        "    found.x *= WEIGHT(4) - 1.0;\n    return found;\n}\n"
    )
