"""What TensorRT logs, as sentences for people."""

from __future__ import annotations

import re

_NOISE = ("catchCudaError", "While parsing node", "--- Begin node", "--- End node")
"""What TensorRT logs beside an error: where in its code, and that there is no GPU."""
_DETAIL = re.compile(r"Error Code \d+: ([^(]+) \((.*)\)$")
"""A kind of error and its text, e.g. "Error Code 4: API Usage Error (...)"."""
_MEMORY = re.compile(r"OutOfMemory|out of memory|cudaErrorMemoryAllocation", re.IGNORECASE)
_CUDA = re.compile(r"\(cudaError \d+: (.*?)\)")


def is_noise(text: str) -> bool:
    """Return whether a message only accompanies an error."""
    return any(noise in text for noise in _NOISE)


def is_out_of_memory(text: str) -> bool:
    """Return whether a message tells of memory that the GPU does not have."""
    return _MEMORY.search(text) is not None


def reason(text: str) -> str:
    """Return the sentence in one of TensorRT's messages, without places in its code."""
    lines = [line for line in text.splitlines() if line and not is_noise(line)]
    if not lines and (match := _CUDA.search(text)):
        return match[1]
    detailed = [match for line in lines if (match := _DETAIL.search(line))]
    line = (lines or [text])[0]
    if detailed:
        kind, line = detailed[0].groups()
        line = f"out of memory: {line}" if kind == "OutOfMemory" else line
    line = re.sub(r"\s*In \w+ at /_src\S+.*$", "", line)
    line = line.replace("Assertion failed: ", "").strip().rstrip(".")
    if match := re.match(r"\(.*\): (.*)$", line):
        line = match[1]
    if "Plugin not found" in line or line == "false":
        return "it has no such operator"
    return line or "no reason is given"
