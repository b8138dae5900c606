"""Recognise what one pass of a network shader computes.

The idiom: a vec4 is a sum of matrices times samples at offsets, plus a bias, plus a skip, through an
activation. `mat4(a)` holds columns: output i takes input j by a[4 * j + i]. Every statement must be of a
known form; one that is not raises LiftError and names itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from vsr.nets.errors import LiftError
from vsr.nets.glsl.parser import HookPass
from vsr.nets.ops import ShuffleOrder

Part = Literal["whole", "positive", "negative"]
"""x, max(x, 0) or max(-x, 0) of a sampled value."""
Matrix = npt.NDArray[np.float32]
Offset = tuple[float, float]
"""(x, y), in texels of the sampled texture."""


@dataclass(frozen=True)
class Sample:
    """A texture read at an offset, perhaps halved by a relu."""

    texture: str
    """Its name, or "A+B" for the sum of two read at one offset."""
    part: Part = "whole"
    offset: Offset = (0.0, 0.0)
    step: float = 1.0
    """What a macro multiplies its arguments by."""


@dataclass
class SumForm:
    """A pass that is a convolution."""

    taps: dict[tuple[str, Part], dict[Offset, Matrix]] = field(default_factory=dict)
    """For each texture and part the (out 4, in 4) matrix of each offset, in order of appearance."""
    bias: npt.NDArray[np.float32] = field(default_factory=lambda: np.zeros(4, np.float32))
    skips: list[str] = field(default_factory=list)
    """Textures added as they are, before the activation."""
    relu: bool = False
    slopes: npt.NDArray[np.float32] | None = None
    """Of a PReLU."""
    gain: float = 1.0
    base: str | None = None
    """The texture added at the very end: MAIN, enlarged by the sampler."""
    clamp: bool = False


@dataclass
class ShuffleForm:
    """A pass that turns channels into pixels."""

    textures: list[str] = field(default_factory=list)
    """One for each plane of the result; the same three times where one plane serves R, G and B."""
    order: ShuffleOrder = "yx"
    factor: int = 2
    base: str | None = None
    clamp: bool = False


_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_NUMBERS = r"[-+0-9.eE,]+"
_OFF = rf"(?P<tex>\w+)_texOff\((?:vec2\((?P<x>{_NUMBER}),(?P<y>{_NUMBER})\)|(?P<same>{_NUMBER}))\)"
_TERM = re.compile(rf"(?:(?P<type>mat4x4|mat4|vec4)\((?P<numbers>{_NUMBERS})\)\*)?(?P<sample>[(A-Za-z_].*)")
_BIAS = re.compile(rf"vec4\((?P<numbers>{_NUMBERS})\)")
_SAMPLE_OFF = re.compile(_OFF)
_SAMPLE_POS = re.compile(r"(?P<tex>\w+)_tex\((?P=tex)_pos\)")
_SAMPLE_SUM = re.compile(
    rf"\((?P<first>\w+)_texOff\(vec2\((?P<x>{_NUMBER}),(?P<y>{_NUMBER})\)\)"
    r"\+(?P<second>\w+)_texOff\(vec2\((?P=x),(?P=y)\)\)\)"
)
_CALL = re.compile(rf"(?P<name>\w+)(?:\((?P<x>{_NUMBER}),(?P<y>{_NUMBER})\))?")
_DEFINE = re.compile(r"#define\s+(?P<name>\w+)(?P<arguments>\(\w+,\s*\w+\))?\s+(?P<text>.+)")
_MACRO = re.compile(
    r"(?P<max>max\((?P<minus>-?))?\(*(?P<tex>\w+)_(?:texOff\(vec2\(\w+,\w+\)(?:\*(?P<step>[0-9.]+))?\)"
    r"|tex\((?P=tex)_pos\))\)*(?P<zero>,0\.0\))?"
)
_PRELU = re.compile(rf"(\w+)=max\(\1,vec4\(0\.0\)\)\+vec4\((?P<slopes>{_NUMBERS})\)\*min\(\1,vec4\(0\.0\)\)")
_RELU = re.compile(r"(\w+)=max\(\1,vec4\(0(?:\.0)?\)\)")
_RETURN = re.compile(
    rf"return(?P<clamp>clamp\()?(?P<relu>max\()?(?:vec4\((?P<wrapped>\w+)\)|(?P<name>\w+))"
    rf"(?(relu),vec4\(0(?:\.0)?\)\)|)(?:\*(?P<gain>{_NUMBER}))?(?:\+(?P<base>\w+)_tex\((?P=base)_pos\))?"
    r"(?(clamp),0\.0,1\.0\)|)"
)
_ARRAY_READ = re.compile(r"(?P<name>\w+)\[(?P<index>\w+)\+\+\]")
_GATHER = (
    "vec2p=(LUMA_pos*LUMA_size-vec2(0.5))*LUMA_pt",
    "vec4q[8]",
    "for(inti=0;i<8;i++){q[i]=LUMA_mul*textureGatherOffset(LUMA_raw,p,gatherOffsets[i],0);}",
)


def recognise(shader_pass: HookPass) -> SumForm | ShuffleForm:
    """Return what a pass computes. Raises LiftError for one that is not part of a network."""
    return _Reader(shader_pass).read()


class _Reader:
    """Reads one pass, statement by statement."""

    def __init__(self, shader_pass: HookPass) -> None:
        self.where = shader_pass.where
        self.hooked = shader_pass.hooks[0]
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", shader_pass.body, flags=re.DOTALL)
        self.macros = self._macros(text)
        code = re.sub(r"^\s*#define.*$", "", text, flags=re.MULTILINE)
        if directive := re.search(r"^\s*#.*$", code, flags=re.MULTILINE):
            raise self.error(directive.group().strip())
        if shader_pass.compute or shader_pass.offset not in ("", "0 0", "0.0 0.0"):
            raise LiftError(f"{self.where}: compute shaders and OFFSET are not recognised as networks")
        self.statements = _statements(code)
        self.pixels: list[Sample] = []
        self.next_pixel = 0
        self.form = SumForm()
        self.name = ""

    def error(self, statement: str) -> LiftError:
        """Return the error that names a statement."""
        shown = statement if len(statement) <= 120 else statement[:117] + "..."
        return LiftError(
            f"{self.where} is no known part of a network; the first unknown statement is: {shown}"
        )

    def read(self) -> SumForm | ShuffleForm:
        for index, statement in enumerate(self.statements):
            if statement.startswith(("vec2f0=fract(", "vec2fcoord=fract(")):
                return _read_shuffle(self, self.statements)
            if statement.startswith("return"):
                if index != len(self.statements) - 1:
                    raise self.error(self.statements[index + 1])
                self._return(statement)
                return self.form
            if not (self._gather(statement) or self._activation(statement) or self._sum(statement)):
                raise self.error(statement)
        raise LiftError(f"{self.where} returns nothing")

    def _macros(self, text: str) -> dict[str, Sample]:
        found: dict[str, Sample] = {}
        for define in _DEFINE.finditer(text):
            match = _MACRO.fullmatch(_peeled(re.sub(r"\s", "", define["text"])))
            if match is None or bool(match["max"]) != bool(match["zero"]):
                raise self.error(define.group())
            part: Part = "whole" if not match["max"] else ("negative" if match["minus"] else "positive")
            step = float(match["step"] or 1)
            found[define["name"]] = Sample(self._texture(match["tex"]), part, step=step)
        return found

    def _texture(self, name: str) -> str:
        return self.hooked if name == "HOOKED" else name

    def _sum(self, statement: str) -> bool:
        """Take `vec4 result = TERM` or `result += TERM`."""
        begin = re.match(r"(?:vec4)?(\w+?)(\+?=)", statement)
        if begin is None:
            return False
        declares = statement.startswith("vec4")
        if declares != (begin[2] == "=") or (self.name and (declares or begin[1] != self.name)):
            return False
        if self.form.relu or self.form.slopes is not None:
            return False
        term = statement[begin.end() :]
        if bias := _BIAS.fullmatch(term):
            self.form.bias = self.form.bias + _vector(bias["numbers"])
        elif not self._tap(term):
            return False
        self.name = begin[1]
        return True

    def _tap(self, term: str) -> bool:
        match = _TERM.fullmatch(term)
        sample, scalar = (None, False) if match is None else self._sample(match["sample"])
        if match is None or sample is None:
            return False
        if match["type"] is None:
            self.form.skips.append(sample.texture)
            return not scalar and sample.part == "whole" and sample.offset == (0, 0)
        values = np.array(match["numbers"].split(","), np.float32)
        matrix = np.zeros((4, 4), np.float32)
        if match["type"] == "vec4" and scalar and values.size == 4:
            matrix[:, 0] = values
        elif match["type"] != "vec4" and not scalar and values.size == 16:
            matrix = values.reshape(4, 4).T
        else:
            return False
        offset = (sample.offset[0] * sample.step, sample.offset[1] * sample.step)
        taps = self.form.taps.setdefault((sample.texture, sample.part), {})
        taps[offset] = taps[offset] + matrix if offset in taps else matrix
        return True

    def _sample(self, text: str) -> tuple[Sample | None, bool]:
        """Return the sample that a text reads, and whether only its first component."""
        scalar = text.endswith(".x")
        text = text.removesuffix(".x")
        if match := _SAMPLE_OFF.fullmatch(text):
            x, y = (match["same"], match["same"]) if match["same"] else (match["x"], match["y"])
            return Sample(self._texture(match["tex"]), offset=(float(x), float(y))), scalar
        if (match := _SAMPLE_SUM.fullmatch(text)) and not scalar:
            textures = f"{self._texture(match['first'])}+{self._texture(match['second'])}"
            return Sample(textures, offset=(float(match["x"]), float(match["y"]))), False
        if match := _SAMPLE_POS.fullmatch(text):
            return Sample(self._texture(match["tex"])), scalar
        if (match := _ARRAY_READ.fullmatch(text)) and self.next_pixel < len(self.pixels):
            self.next_pixel += 1
            return self.pixels[self.next_pixel - 1], True
        if (match := _CALL.fullmatch(text)) and match["name"] in self.macros:
            macro = self.macros[match["name"]]
            offset = (float(match["x"] or 0), float(match["y"] or 0))
            return Sample(macro.texture, macro.part, offset, macro.step), scalar
        return None, False

    def _activation(self, statement: str) -> bool:
        if self.form.relu or self.form.slopes is not None:
            return False
        if (match := _PRELU.fullmatch(statement)) and match[1] == self.name:
            self.form.slopes = _vector(match["slopes"])
            return True
        if (match := _RELU.fullmatch(statement)) and match[1] == self.name:
            self.form.relu = True
            return True
        return False

    def _return(self, statement: str) -> None:
        match = _RETURN.fullmatch(statement)
        if match is None or (match["wrapped"] or match["name"]) != self.name or not self.form.taps:
            raise self.error(statement)
        if match["relu"] and (self.form.relu or self.form.slopes is not None):
            raise self.error(statement)
        self.form.relu = self.form.relu or bool(match["relu"])
        self.form.gain = float(match["gain"] or 1)
        self.form.base = self._texture(match["base"]) if match["base"] else None
        self.form.clamp = bool(match["clamp"])

    def _gather(self, statement: str) -> bool:
        """Take the statements by which FSRCNNX fetches 5x5 pixels through textureGatherOffset.

        A gather at the corner of a pixel holds, for offset (ox, oy), w = (ox-1, oy-1), x = (ox-1, oy),
        z = (ox, oy-1), y = (ox, oy) relative to that pixel.
        """
        if statement in _GATHER or statement == "inti=0":
            return True
        if statement.startswith("constivec2gatherOffsets[8]="):
            pairs = re.findall(r"\{(-?\d+),(-?\d+)\}", statement)
            self.gathers = [(int(x), int(y)) for x, y in pairs]
            return len(pairs) == 8
        if not statement.startswith("floatluma_pixels["):
            return False
        corners = {"w": (-1, -1), "x": (-1, 0), "z": (0, -1), "y": (0, 0)}
        for item in statement[statement.index("={") + 2 : -1].split(","):
            if match := re.fullmatch(r"q\[(\d)\]\.([wxyz])", item):
                (ox, oy), (cx, cy) = self.gathers[int(match[1])], corners[match[2]]
                self.pixels.append(Sample("LUMA", offset=(ox + cx, oy + cy)))
            elif item == "float(LUMA_texOff(vec2(0":  # this one holds a comma: its other half is skipped
                self.pixels.append(Sample("LUMA"))
            elif item != "0)))":
                return False
        return True


def _peeled(text: str) -> str:
    """Return the text without the one pair of brackets that encloses all of it."""
    return text[1:-1] if text.startswith("(") and text.endswith(")") else text


def _vector(numbers: str) -> npt.NDArray[np.float32]:
    values = np.array(numbers.split(","), np.float32)
    return np.full(4, values[0], np.float32) if values.size == 1 else values


def _statements(code: str) -> list[str]:
    """Return the statements of hook() without blanks; FSRCNNX's one loop stays in one piece."""
    code = re.sub(r"\s+", "", code)
    code = code.replace("vec4hook(){", "").removesuffix("}")
    code = re.sub(r"for\([^{}]*\)\{[^{}]*\}", lambda loop: loop.group().replace(";", "\0") + ";", code)
    return [part.replace("\0", ";") for part in re.split(r";", code) if part]


_FRACT = re.compile(r"vec2(?P<f>\w+?)=fract\((?P<tex>\w+)_pos\*(?P=tex)_size\)")
_INDEX = re.compile(r"ivec2(?P<i>\w+?)=ivec2\((?P<f>\w+)\*vec2\((?P<factor>\d+)(?:\.0)?\)\)")
_PICK = re.compile(
    r"(?:float(?P<c>\w+?)|(?P<res>result\.x))=(?P<tex>\w+)_tex\(\(vec2\(0\.5\)-(?P<f>\w+)\)\*(?P=tex)_pt"
    r"\+(?P=tex)_pos\)\[(?P<i>\w+)\.y\*(?P<factor>\d+)\+(?P=i)\.x\]"
)
_COPY = re.compile(r"float(?P<to>c\d)=(?P<of>c\d)")
_BASE = re.compile(r"vec2base=(?P<tex>\w+)_pos\+\(vec2\(0\.5\)-fcoord\)\*(?P=tex)_pt")
_FETCH = re.compile(r"vec4res=(?P<tex>\w+)_tex\(base\)")
_RETURN_FETCHED = re.compile(r"returnvec4\(res\[index\.x\*(?P<factor>\d+)\+index\.y\],0,0,1\)")
_RETURN_PLANES = re.compile(r"returnvec4\(c0,c1,c2,c3\)(?:\+(?P<base>\w+)_tex\((?P=base)_pos\))?")


def _read_shuffle(reader: _Reader, statements: list[str]) -> ShuffleForm:
    """Return the form of a depth-to-space pass, of Anime4K's, ArtCNN's or FSRCNNX's wording."""
    form = ShuffleForm()
    planes: dict[str, str] = {}
    seen: set[str] = set()
    for statement in statements:
        if (match := _FRACT.fullmatch(statement)) or (match := _BASE.fullmatch(statement)):
            seen.add(match["tex"])
        elif match := _INDEX.fullmatch(statement):
            form.factor = int(match["factor"])
        elif match := _PICK.fullmatch(statement):
            planes[match["c"] or "c0"] = match["tex"]
            if int(match["factor"]) != form.factor:
                raise reader.error(statement)
        elif (match := _COPY.fullmatch(statement)) and match["of"] in planes:
            planes[match["to"]] = planes[match["of"]]
        elif match := _FETCH.fullmatch(statement):
            planes["c0"] = match["tex"]
        elif (match := _RETURN_FETCHED.fullmatch(statement)) and int(match["factor"]) == form.factor:
            form.order = "xy"
        elif match := _RETURN_PLANES.fullmatch(statement):
            form.base = reader._texture(match["base"]) if match["base"] else None
        elif statement == "returnclamp(result,0.0,1.0)":
            form.clamp = True
        elif statement not in ("returnresult", "vec4result=vec4(0.0,0.0,0.0,1.0)", "vec4result=vec4(0.0)"):
            raise reader.error(statement)
    form.textures = [planes[name] for name in ("c0", "c1", "c2") if name in planes]
    if not form.textures or not set(form.textures) <= seen:
        raise reader.error(statements[-1])
    return form
