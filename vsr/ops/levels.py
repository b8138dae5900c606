"""What code values stand for: the scale and offset of each plane, by range and depth."""

from vsr.color import ColorSpec, Matrix, Range
from vsr.errors import OptionError
from vsr.frame import PixelFormat


def levels(fmt: PixelFormat, color: ColorSpec, plane: int) -> tuple[float, float]:
    """Return (scale, offset) such that code = scale * value + offset, ITU-T H.273 section 8.3.

    Values are 0..1, and -0.5..0.5 for Cb and Cr. Alpha is always at full range. Luma of limited range in
    float32 lies in 16/255..235/255, whatever depth it came from.
    Raises OptionError where the range is needed and unspecified.
    """
    top, factor = fmt.max_value, 1 / 255 if fmt.is_float else 2 ** (fmt.depth - 8)
    if plane == fmt.num_planes - 1 and fmt.alpha:
        return top, 0
    if color.range is Range.UNSPECIFIED:
        raise OptionError(
            f"the range of {fmt.name} is unspecified; give LIMITED or FULL, or use ColorSpec.guessed"
        )
    if fmt.is_chroma(plane):
        middle = 1 << (fmt.depth - 1)
        limited = 219 if color.matrix is Matrix.YCGCO else 224  # YCgCo is made of RGB's code values
        return (top, middle) if color.range is Range.FULL else (limited * factor, middle)
    return (top, 0) if color.range is Range.FULL else (219 * factor, 16 * factor)


def gain_and_bias(
    source: tuple[PixelFormat, ColorSpec],
    target: tuple[PixelFormat, ColorSpec],
    plane: int,
    target_plane: int,
) -> tuple[float, float]:
    """Return (gain, bias) such that target code = gain * source code + bias, for one plane."""
    (source_format, source_color), (target_format, target_color) = source, target
    same_range = source_color.range is target_color.range
    if same_range and source_format.depth == target_format.depth:
        return 1.0, 0.0
    scale_in, offset_in = levels(source_format, source_color, plane)
    scale_out, offset_out = levels(target_format, target_color, target_plane)
    gain = scale_out / scale_in
    return gain, offset_out - gain * offset_in
