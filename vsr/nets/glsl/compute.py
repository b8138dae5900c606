"""Recognise what a compute shader of a network computes: convolutions that share their samples.

The idiom of ArtCNN's and AnimeJaNai's shaders: a workgroup copies the texels around it into a shared array,
waits, and each invocation makes several vec4 of it, which it stores side by side: for 8 vec4 to a pixel in an
8x1 or 4x2 packing, pixel (x, y) has its vec4 (i, j) at texel (x * 8 + i, y + j). texelFetch gives zeros
outside the texture, so these convolutions see zeros around the picture.
"""

from __future__ import annotations

import re

from vsr.nets.errors import LiftError
from vsr.nets.glsl.forms import (
    NUMBERS,
    ZERO,
    Packing,
    Recognised,
    ShuffleForm,
    SumForm,
    matrix,
    packed,
    prepare,
    unknown,
    vector,
)
from vsr.nets.glsl.parser import HookPass

_LOADING = (
    "constivec2offset=ksize/2",
    "constivec2isize=ivec2(gl_WorkGroupSize)+ksize-1",
    "voidhook()",
    "ivec2base=ivec2(gl_WorkGroupID)*ivec2(gl_WorkGroupSize)",
    "for(uinty=gl_LocalInvocationID.y",
    "y<isize.y",
    "y+=gl_WorkGroupSize.y)",
    "for(uintx=gl_LocalInvocationID.x",
    "x<isize.x",
    "x+=gl_WorkGroupSize.x)",
    "barrier()",
)
"""The statements that copy into the shared array, in this order, besides those that say what."""
_ALIASES = (
    (r"\bconst\s+uvec2\s+local_xy\s*=", {"local_xy": "gl_LocalInvocationID"}),
    (
        r"\bconst\s+ivec2\s+wg_size\s*=",
        {"wg_size.": "gl_WorkGroupSize.", "wg_size": "ivec2(gl_WorkGroupSize)"},
    ),
)
"""Declarations of short names, and what those are to be read as."""
_ALIASED = (
    "constuvec2gl_LocalInvocationID=gl_LocalInvocationID.xy",
    "constivec2ivec2(gl_WorkGroupSize)=ivec2(gl_WorkGroupSize)",
)
"""The declarations themselves, so read."""
_PAIR = r"ivec2\((\d{1,3}),(\d{1,3})\)"
_HERE = r"base\+ivec2\(x,y\)-offset"
_KSIZE = re.compile(rf"constivec2ksize={_PAIR}")
_SHARED = re.compile(r"shared(float|vec4)inp(?:\[\d+\])?\[isize\.y\]\[isize\.x\]")
_PLACE = re.compile(rf"(?:const)?ivec2(\w+)=(?:\({_HERE}\)\*{_PAIR}|{_HERE})")
_LOAD = re.compile(r"inp(?:\[(\d+)\])?\[y\]\[x\]=(float|vec4)\((.*)\)")
_FETCH = re.compile(
    rf"(?P<tex>\w+)_mul\*texelFetch\((?P=tex)_raw,(?:\({_HERE}\)\*{_PAIR}|(\w+))(?:\+{_PAIR})?,0\)"
)
_READ = r"inp(?:\[(\d+)\])?\[gl_LocalInvocationID\.y\+(\d)\]\[gl_LocalInvocationID\.x\+(\d)\]"
_NAMED_READ = re.compile(rf"(?:const)?(float|vec4)(\w+)={_READ}")
_DECLARE = re.compile(rf"vec4(\w+)=vec4\(({NUMBERS})\)")
_TERM = re.compile(rf"(\w+)\+=(mat4|vec4)\(({NUMBERS})\)\*(?:{_READ}|(\w+))")
_PRELU = re.compile(rf"(\w+)=max\(\1,{ZERO}\)\+(\w+)\*min\(\1,{ZERO}\)")
_OUT = re.compile(rf"(?:const)?ivec2(\w+)=ivec2\(gl_GlobalInvocationID\)\*{_PAIR}(?:\+{_PAIR})?")
_STORE = re.compile(rf"imageStore\(out_image,(\w+)(?:\+{_PAIR})?,(?:max\((\w+),{ZERO}\)|(\w+))\)")


def read_compute(shader_pass: HookPass) -> Recognised:
    """Return what a pass with a shared array computes. Raises LiftError for one that is no convolution."""
    return _Reader(shader_pass).read()


class _Reader:
    """Reads one pass, statement by statement."""

    def __init__(self, shader_pass: HookPass) -> None:
        self.shader_pass = shader_pass
        self.hooked = shader_pass.hooks[0]
        self.code = prepare(shader_pass)
        self.kernel = 0
        self.scalar = False
        self.places: dict[str, Packing] = {}
        self.shared: dict[str, str] = {}
        """For each number of the shared array the texture that it holds, or "A+B"."""
        self.reads: dict[str, tuple[str, tuple[int, int]]] = {}
        self.sums: dict[str, SumForm] = {}
        self.packing: Packing | None = None
        self.outs: dict[str, tuple[int, int]] = {}
        self.stored: dict[tuple[int, int], SumForm] = {}

    def read(self) -> Recognised:
        for declaration, names in _ALIASES:
            if re.search(declaration, self.code):
                for short, long in names.items():
                    self.code = self.code.replace(short, long)
        code = "".join(self.code.split())
        statements = [part for part in re.split(r"[;{}]", code) if part and part not in _ALIASED]
        if _LOADING[-1] not in statements:
            raise LiftError(f"{self.shader_pass.where}: its shared array is read without barrier()")
        end = statements.index(_LOADING[-1]) + 1
        for statement in statements[:end]:
            if statement not in _LOADING and not self._load(statement):
                raise unknown(self.shader_pass, self.code, statement)
        if (found := tuple(part for part in statements[:end] if part in _LOADING)) != _LOADING:
            missing = next((part for part in _LOADING if part not in found), "their order")
            raise LiftError(f"{self.shader_pass.where} fills its shared array in no known way: {missing}")
        for statement in statements[end:]:
            if not self._take(statement):
                raise unknown(self.shader_pass, self.code, statement)
        return self._result()

    def _load(self, statement: str) -> bool:
        """Take what comes before the barrier: sizes, and which texel goes into the shared array."""
        if match := _KSIZE.fullmatch(statement):
            self.kernel = int(match[1])
            return match[1] == match[2] and self.kernel % 2 == 1
        if match := _SHARED.fullmatch(statement):
            self.scalar = match[1] == "float"
            return True
        if match := _PLACE.fullmatch(statement):
            self.places[match[1]] = (int(match[2] or 1), int(match[3] or 1))
            return True
        match = _LOAD.fullmatch(statement)
        if match is None or (match[2] == "float") != self.scalar or (self.scalar and match[3][-2:] != ".x"):
            return False
        fetches = [_FETCH.fullmatch(text) for text in re.split(r"(?<=,0\))\+", match[3].removesuffix(".x"))]
        textures = [self._texture(fetch) for fetch in fetches if fetch is not None]
        if len(textures) != len(fetches) or len(textures) > 2 or None in textures:
            return False
        self.shared[match[1] or ""] = "+".join(texture for texture in textures if texture)
        return True

    def _texture(self, fetch: re.Match[str]) -> str | None:
        """Return the name of what a fetch reads, which says how the texture is packed."""
        packing = (int(fetch[2]), int(fetch[3])) if fetch[2] else self.places.get(fetch[4])
        place = (int(fetch[5] or 0), int(fetch[6] or 0))
        if packing is None or place[0] >= packing[0] or place[1] >= packing[1]:
            return None
        name = self.hooked if fetch["tex"] == "HOOKED" else fetch["tex"]
        return packed(name, packing, place)

    def _take(self, statement: str) -> bool:
        """Take what comes after the barrier: biases, samples, terms, activations, stores."""
        if match := _TERM.fullmatch(statement):
            return self._term(match)
        if match := _DECLARE.fullmatch(statement):
            bias = vector(match[2])
            if bias is not None and match[1] not in self.sums:
                self.sums[match[1]] = SumForm(bias=bias, border="zero")
                return True
            return False
        if match := _NAMED_READ.fullmatch(statement):
            sample = self._sample(*match.group(3, 4, 5))
            if sample is not None:
                self.reads[match[2]] = sample
            return sample is not None and (match[1] == "float") == self.scalar
        if match := _PRELU.fullmatch(statement):
            form, slopes = self.sums.get(match[1]), self.sums.get(match[2])
            if form is None or slopes is None or slopes.taps or form.slopes is not None:
                return False
            form.slopes = slopes.bias
            return True
        if match := _OUT.fullmatch(statement):
            self.outs[match[1]] = (int(match[4] or 0), int(match[5] or 0))
            packing = (int(match[2]), int(match[3]))
            self.packing = self.packing or packing
            return self.packing == packing
        match = _STORE.fullmatch(statement)
        return match is not None and self._store(match)

    def _sample(self, index: str | None, y: str, x: str) -> tuple[str, tuple[int, int]] | None:
        """Return the texture and the offset of an element of the shared array."""
        texture = self.shared.get(index or "")
        if texture is None or max(int(x), int(y)) >= self.kernel:
            return None
        return texture, (int(x) - self.kernel // 2, int(y) - self.kernel // 2)

    def _term(self, match: re.Match[str]) -> bool:
        form = self.sums.get(match[1])
        sample = self.reads.get(match[7]) if match[7] else self._sample(*match.group(4, 5, 6))
        values = matrix(match[2], match[3], scalar=self.scalar)
        if form is None or sample is None or values is None or form.slopes is not None:
            return False
        form.add(sample[0], "whole", sample[1], values)
        return True

    def _store(self, match: re.Match[str]) -> bool:
        """Take a store; what is stored is finished, and its name is known no more."""
        first, form = self.outs.get(match[1]), self.sums.pop(match[4] or match[5], None)
        if first is None or form is None or not form.taps or (match[4] and form.slopes is not None):
            return False
        place = (first[0] + int(match[2] or 0), first[1] + int(match[3] or 0))
        if place in self.stored:
            return False
        form.relu = bool(match[4])
        self.stored[place] = form
        return True

    def _result(self) -> Recognised:
        across, down = self.packing or (0, 0)
        if sorted(self.stored) != [(x, y) for x in range(across) for y in range(down)]:
            raise LiftError(
                f"{self.shader_pass.where} stores {len(self.stored)} texels for each pixel and has room for "
                f"{across}x{down}; is the file cut?"
            )
        block, threads = self.shader_pass.compute[:2], (self.shader_pass.compute * 2)[2:4]
        if block != (threads[0] * across, threads[1] * down):
            raise LiftError(
                f"{self.shader_pass.where}: COMPUTE has blocks of {block[0]}x{block[1]} texels, and its "
                f"{threads[0]}x{threads[1]} invocations store {across}x{down} each"
            )
        forms = tuple(self.stored[x, y] for y in range(down) for x in range(across))
        return Recognised(forms, (across, down))


_SHUFFLE = (
    "voidhook()",
    "ivec2opos=ivec2(gl_GlobalInvocationID.xy)",
    "ivec2ipos=opos/2",
    "ivec2sub=opos%2",
    "intidx=sub.y*2+sub.x",
    "vec4result",
    "result.a=orig.a",
    "result.rgb+=orig.rgb",
    "imageStore(out_image,opos,clamp(result,0.0,1.0))",
)
_PIXEL = re.compile(rf"ivec2base_pixel=ipos\*{_PAIR}")
_TILE = re.compile(rf"vec4(\w+)=(?P<tex>\w+)_mul\*texelFetch\((?P=tex)_raw,base_pixel\+{_PAIR},0\)")
_ORIGINAL = re.compile(r"vec4orig=texelFetch\((?P<tex>\w+)_raw,ipos,0\)\*(?P=tex)_mul")
_CHANNEL = re.compile(r"result\.([rgb])=(\w+)\[idx\]")


def read_fetched_shuffle(shader_pass: HookPass) -> ShuffleForm:
    """Return the form of a pass that fetches its channels and adds the nearest pixel: AnimeJaNai's last.

    Raises LiftError for one that is not of that wording.
    """
    code = prepare(shader_pass)
    form = ShuffleForm(base_kind="nearest", clamp=True)
    packing, tiles, channels = (1, 1), dict[str, str](), dict[str, str]()
    statements = [part for part in re.split(r"[;{}]", "".join(code.split())) if part]
    for statement in statements:
        if match := _PIXEL.fullmatch(statement):
            packing = (int(match[1]), int(match[2]))
        elif match := _TILE.fullmatch(statement):
            tiles[match[1]] = packed(match["tex"], packing, (int(match[3]), int(match[4])))
        elif match := _ORIGINAL.fullmatch(statement):
            form.base = shader_pass.hooks[0] if match["tex"] == "HOOKED" else match["tex"]
        elif (match := _CHANNEL.fullmatch(statement)) and match[2] in tiles:
            channels[match[1]] = tiles[match[2]]
        elif statement not in _SHUFFLE:
            raise unknown(shader_pass, code, statement)
    if tuple(part for part in statements if part in _SHUFFLE) != _SHUFFLE or form.base is None:
        raise LiftError(f"{shader_pass.where} turns channels into pixels in no known way")
    form.textures = [channels[name] for name in "rgb" if name in channels]
    if len(form.textures) != 3:
        raise LiftError(f"{shader_pass.where}: {len(form.textures)} of R, G, B are set")
    return form
