"""Recognise what a fragment shader of a network computes: one vec4 for each pixel, read through samplers.

A compute shader that stores one vec4 at its own place is the same thing and read here too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from vsr.nets.errors import LiftError
from vsr.nets.glsl.forms import (
    NUMBER,
    NUMBERS,
    Matrix,
    Offset,
    Part,
    ShuffleForm,
    SumForm,
    matrix,
    prepare,
    unknown,
    vector,
)
from vsr.nets.glsl.parser import HookPass


@dataclass(frozen=True)
class Sample:
    """A texture read at an offset, perhaps halved by a relu."""

    texture: str
    """Its name, or "A+B" for the sum of two read at one offset."""
    part: Part = "whole"
    offset: Offset = (0.0, 0.0)
    step: float = 1.0
    """What a macro multiplies its arguments by."""


_OFF = rf"(?P<tex>\w+)_texOff\((?:vec2\((?P<x>{NUMBER}),(?P<y>{NUMBER})\)|(?P<same>{NUMBER}))\)"
_TERM = re.compile(rf"(?:(?P<type>mat4x4|mat4|vec4)\((?P<numbers>{NUMBERS})\)\*)?(?P<sample>[(A-Za-z_].*)")
_DOT = re.compile(rf"dot\(vec4\((?P<numbers>{NUMBERS})\),(?P<sample>\w.*)\)")
_BIAS = re.compile(rf"vec4\((?P<numbers>{NUMBERS})\)")
_SAMPLE_OFF = re.compile(_OFF)
_SAMPLE_POS = re.compile(r"(?P<tex>\w+)_tex\((?P=tex)_pos\)")
_SAMPLE_SUM = re.compile(
    rf"\((?P<first>\w+)_texOff\(vec2\((?P<x>{NUMBER}),(?P<y>{NUMBER})\)\)"
    r"\+(?P<second>\w+)_texOff\(vec2\((?P=x),(?P=y)\)\)\)"
)
_CALL = re.compile(rf"(?P<name>\w+)(?:\((?P<x>{NUMBER}),(?P<y>{NUMBER})\))?")
_DEFINE = re.compile(r"#define\s+(?P<name>\w+)(?P<arguments>\(\w+,\s*\w+\))?\s+(?P<text>.+)")
_MACRO = re.compile(
    r"(?P<max>max\((?P<minus>-?))?\(*(?P<tex>\w+)_(?:texOff\(vec2\(\w+,\w+\)(?:\*(?P<step>[0-9.]+))?\)"
    r"|tex\((?P=tex)_pos\))\)*(?P<zero>,0\.0\))?"
)
_PRELU = re.compile(rf"(\w+)=max\(\1,vec4\(0\.0\)\)\+vec4\((?P<slopes>{NUMBERS})\)\*min\(\1,vec4\(0\.0\)\)")
_RELU = re.compile(r"(\w+)=max\(\1,vec4\(0(?:\.0)?\)\)")
_RETURN = re.compile(
    rf"return(?P<clamp>clamp\()?(?P<relu>max\()?(?:vec4\((?P<wrapped>\w+)\)|(?P<name>\w+))"
    rf"(?(relu),vec4\(0(?:\.0)?\)\)|)(?:\*(?P<gain>{NUMBER}))?(?:\+(?P<base>\w+)_tex\((?P=base)_pos\))?"
    r"(?(clamp),0\.0,1\.0\)|)"
)
_RETURN_SCALAR = re.compile(
    r"returnvec4\((?P<name>\w+),0(?:\.0)?,0(?:\.0)?,[01](?:\.0)?\)"
    r"(?P<wrapped>)(?P<relu>)(?P<gain>)(?P<base>)(?P<clamp>)"
)
_LOOP = re.compile(r"for\([^{}]{0,200}\)\{[^{}]{0,200}\}")
_STORE = re.compile(r"imageStore\(out_image,ivec2\(gl_GlobalInvocationID(?:\.xy)?\),(?P<value>.+)\)")
_ARRAY_READ = re.compile(r"(?P<name>\w+)\[(?P<index>\w+)\+\+\]")
_GATHER = (
    "vec2p=(LUMA_pos*LUMA_size-vec2(0.5))*LUMA_pt",
    "vec4q[8]",
    "for(inti=0;i<8;i++){q[i]=LUMA_mul*textureGatherOffset(LUMA_raw,p,gatherOffsets[i],0);}",
)


def read_fragment(shader_pass: HookPass) -> SumForm | ShuffleForm:
    """Return what a pass computes. Raises LiftError for one that is not part of a network."""
    return _Reader(shader_pass).read()


class _Reader:
    """Reads one pass, statement by statement."""

    def __init__(self, shader_pass: HookPass) -> None:
        self.shader_pass = shader_pass
        self.hooked = shader_pass.hooks[0]
        self.code = prepare(shader_pass)
        self.macros = self._macros()
        code = re.sub(r"^[ \t]*#[ \t]*define.*$", "", self.code, flags=re.MULTILINE)
        if directive := re.search(r"^[ \t]*#.*$", code, flags=re.MULTILINE):
            raise self.error(directive.group().strip())
        self.statements = _statements(code)
        self.gathers: list[tuple[int, int]] = []
        self.pixels: list[Sample] = []
        self.next_pixel = 0
        self.form = SumForm()
        self.name = ""
        self.scalar = False
        """Whether the sum is a float, and the first component alone is given."""

    def error(self, statement: str) -> LiftError:
        """Return the error that names a statement."""
        return unknown(self.shader_pass, self.code, statement)

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
        raise LiftError(f"{self.shader_pass.where} returns nothing; is the file cut?")

    def _macros(self) -> dict[str, Sample]:
        found: dict[str, Sample] = {}
        for define in _DEFINE.finditer(self.code):
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
        """Take `vec4 result = TERM` or `result += TERM`; the sum may be a float, of dot products."""
        begin = re.match(r"(?P<type>vec4|float)?(?P<name>\w+?)(?P<sign>\+?=)", statement)
        if begin is None:
            return False
        declares = begin["type"] is not None
        if declares != (begin["sign"] == "=") or (self.name and (declares or begin["name"] != self.name)):
            return False
        if self.form.relu or self.form.slopes is not None:
            return False
        self.scalar = self.scalar or begin["type"] == "float"
        term = statement[begin.end() :]
        if not (self._dot(term) if self.scalar else self._bias(term) or self._tap(term)):
            return False
        self.name = begin["name"]
        return True

    def _bias(self, term: str) -> bool:
        match = _BIAS.fullmatch(term)
        values = None if match is None else vector(match["numbers"])
        if values is not None:
            self.form.bias = self.form.bias + values
        return values is not None

    def _dot(self, term: str) -> bool:
        """Take a number, or `dot(vec4(...), SAMPLE)`."""
        if re.fullmatch(NUMBER, term):
            self.form.bias = self.form.bias + np.array([term, 0, 0, 0], np.float32)
            return True
        match = _DOT.fullmatch(term)
        sample, scalar = (None, False) if match is None else self._sample(match["sample"])
        row = None if match is None else vector(match["numbers"])
        if sample is None or scalar or row is None:
            return False
        values = np.zeros((4, 4), np.float32)
        values[0] = row
        self._add(sample, values)
        return True

    def _tap(self, term: str) -> bool:
        match = _TERM.fullmatch(term)
        sample, scalar = (None, False) if match is None else self._sample(match["sample"])
        if match is None or sample is None:
            return False
        if match["type"] is None:
            self.form.skips.append(sample.texture)
            return not scalar and sample.part == "whole" and sample.offset == (0, 0)
        values = matrix(match["type"], match["numbers"], scalar=scalar)
        if values is not None:
            self._add(sample, values)
        return values is not None

    def _add(self, sample: Sample, values: Matrix) -> None:
        offset = (sample.offset[0] * sample.step, sample.offset[1] * sample.step)
        self.form.add(sample.texture, sample.part, offset, values)

    def _sample(self, text: str) -> tuple[Sample | None, bool]:
        """Return the sample that a text reads, and whether only its first component."""
        scalar = text.endswith(".x") or text.startswith("float(")
        text = text[6:-1] if text.startswith("float(") else text.removesuffix(".x")
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
        if self.scalar:
            return False
        if (match := _PRELU.fullmatch(statement)) and match[1] == self.name:
            self.form.slopes = vector(match["slopes"])
            return self.form.slopes is not None
        if (match := _RELU.fullmatch(statement)) and match[1] == self.name:
            self.form.relu = True
            return True
        return False

    def _return(self, statement: str) -> None:
        match = (_RETURN_SCALAR if self.scalar else _RETURN).fullmatch(statement)
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
            pairs = re.findall(r"\{(-?\d{1,2}),(-?\d{1,2})\}", statement)
            self.gathers = [(int(x), int(y)) for x, y in pairs]
            return len(pairs) == 8
        if not statement.startswith("floatluma_pixels[") or len(self.gathers) != 8:
            return False
        corners = {"w": (-1, -1), "x": (-1, 0), "z": (0, -1), "y": (0, 0)}
        for item in statement.partition("={")[2].removesuffix("}").split(","):
            if match := re.fullmatch(r"q\[([0-7])\]\.([wxyz])", item):
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


def _statements(code: str) -> list[str]:
    """Return the statements of hook() without blanks; FSRCNNX's one loop stays in one piece.

    A compute shader's last one, the store at its own place, becomes a return.
    """
    code = "".join(code.split())
    code = code.removeprefix("vec4hook(){").removeprefix("voidhook(){").removesuffix("}")
    code = _LOOP.sub(lambda loop: loop.group().replace(";", "\0") + ";", code)
    statements = [part.replace("\0", ";") for part in code.split(";") if part]
    if statements and (match := _STORE.fullmatch(statements[-1])):
        statements[-1] = f"return{match['value']}"
    return statements


_FRACT = re.compile(r"vec2(?P<f>\w+?)=fract\((?P<tex>\w+)_pos\*(?P=tex)_size\)")
_INDEX = re.compile(r"ivec2(?P<i>\w+?)=ivec2\((?P<f>\w+)\*vec2\(2(?:\.0)?\)\)")
_PICK = re.compile(
    r"(?:float(?P<c>\w+?)|result\.x)=(?P<tex>\w+)_tex\(\(vec2\(0\.5\)-(?P<f>\w+)\)\*(?P=tex)_pt"
    r"\+(?P=tex)_pos\)\[(?P<i>\w+)\.y\*2\+(?P=i)\.x\]"
)
_COPY = re.compile(r"float(?P<to>c\d)=(?P<of>c\d)")
_BASE = re.compile(r"vec2base=(?P<tex>\w+)_pos\+\(vec2\(0\.5\)-(?P<f>\w+)\)\*(?P=tex)_pt")
_FETCH = re.compile(r"vec4res=(?P<tex>\w+)_tex\(base\)")
_RETURN_FETCHED = re.compile(r"returnvec4\(res\[(?P<i>\w+)\.x\*2\+(?P=i)\.y\],0,0,1\)")
_RETURN_PLANES = re.compile(r"returnvec4\(c0,c1,c2,c3\)(?:\+(?P<base>\w+)_tex\((?P=base)_pos\))?")
_RETURN_RESULT = ("returnresult", "returnclamp(result,0.0,1.0)")
_RESULT = ("vec4result=vec4(0.0,0.0,0.0,1.0)", "vec4result=vec4(0.0)")


class _ShuffleReader:
    """Reads a depth-to-space pass, of Anime4K's, ArtCNN's or FSRCNNX's wording."""

    def __init__(self) -> None:
        self.fractions: dict[str, str] = {}
        """For each variable that holds a place within a texel the texture whose texel it is."""
        self.indexes: dict[str, str] = {}
        """For each variable that holds the number of a sub-pixel that texture."""
        self.base = ""
        self.planes: dict[str, str] = {}
        self.form: ShuffleForm | None = None

    def take(self, statement: str) -> bool:
        """Take a statement; False where it is unknown or refers to what is not there."""
        if self.form is not None:
            return False
        if match := _FRACT.fullmatch(statement):
            self.fractions[match["f"]] = match["tex"]
        elif (match := _INDEX.fullmatch(statement)) and match["f"] in self.fractions:
            self.indexes[match["i"]] = self.fractions[match["f"]]
        elif match := _PICK.fullmatch(statement):
            self.planes[match["c"] or "result"] = match["tex"]
            return self.fractions.get(match["f"]) == self.indexes.get(match["i"]) == match["tex"]
        elif (match := _COPY.fullmatch(statement)) and match["of"] in self.planes:
            self.planes[match["to"]] = self.planes[match["of"]]
        elif match := _BASE.fullmatch(statement):
            self.base = match["tex"]
            return self.fractions.get(match["f"]) == self.base
        elif match := _FETCH.fullmatch(statement):
            return match["tex"] == self.base
        else:
            return statement in _RESULT or self._return(statement)
        return True

    def _return(self, statement: str) -> bool:
        if (match := _RETURN_FETCHED.fullmatch(statement)) and self.base:
            self.form = ShuffleForm([self.base], "xy")
            return self.indexes.get(match["i"]) == self.base
        if (match := _RETURN_PLANES.fullmatch(statement)) and {"c0", "c1", "c2", "c3"} <= set(self.planes):
            self.form = ShuffleForm([self.planes[name] for name in ("c0", "c1", "c2")], base=match["base"])
            return True
        if statement in _RETURN_RESULT and "result" in self.planes:
            self.form = ShuffleForm([self.planes["result"]], clamp=statement != "returnresult")
            return True
        return False


def _read_shuffle(reader: _Reader, statements: list[str]) -> ShuffleForm:
    shuffle = _ShuffleReader()
    for statement in statements:
        if not shuffle.take(statement):
            raise reader.error(statement)
    if shuffle.form is None:
        raise LiftError(f"{reader.shader_pass.where} returns nothing; is the file cut?")
    form = shuffle.form
    form.textures = [reader._texture(name) for name in form.textures]
    form.base = reader._texture(form.base) if form.base else None
    return form
