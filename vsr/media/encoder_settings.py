"""The options that an encoder is given: its defaults, quality and preset, HDR, and the user's own."""

from __future__ import annotations

import re
from typing import Any

import av

from vsr.errors import OptionError
from vsr.frame import PixelFormat
from vsr.media.encoder_table import EncoderSpec
from vsr.media.sidedata import HdrMetadata, svtav1_parameters, x26x_parameters
from vsr.options import UpscaleOptions

_QP_TO_LAMBDA = 118  # FFmpeg's FF_QP2LAMBDA
_WHOLE = re.compile(r"-?\d+")


def encoder_settings(
    name: str, spec: EncoderSpec, fmt: PixelFormat, hdr: HdrMetadata, options: UpscaleOptions
) -> dict[str, str]:
    """Return FFmpeg's options by name for frames of the format `fmt`.

    Raises OptionError for a --crf or --preset that the encoder does not have.
    """
    settings = dict(spec.options or {})
    low, high = spec.quality_range
    if options.crf is not None and spec.quality_option and not low <= options.crf <= high:
        raise OptionError(f"--crf {options.crf:g}: {name} takes {low:g} to {high:g}")
    if options.preset is not None and spec.preset_option:
        _check_preset(name, spec.presets, spec.preset_option, options.preset)
    _set_choice(settings, name, "--crf", spec.quality_option, options.crf, spec.quality)
    _set_choice(settings, name, "--preset", spec.preset_option, options.preset, spec.preset)
    if name == "prores_ks" and options.preset is None:
        settings["profile"] = "4444" if fmt.log2_chroma_w == 0 else "hq"
    if "qscale" in settings:
        settings["global_quality"] = str(round(float(settings.pop("qscale")) * _QP_TO_LAMBDA))
    parameters = _hdr_parameters(name, hdr)
    given = parse_pairs(options.encoder_options, "--encoder-option")
    if spec.parameters_option:
        key = spec.parameters_option
        parts = [settings.get(key, ""), *parameters, given.pop(key, "")]
        if joined := ":".join(part for part in parts if part):
            settings[key] = joined
    settings.update(given)
    return settings


def _check_preset(name: str, presets: tuple[str, ...], option: str, preset: str) -> None:
    """Refuse a preset that table or FFmpeg know the encoder not to have; names have numbers, too."""
    private = av.CodecContext.create(name, "w").supported_options.private
    known = next(each for each in private if each.name == option)
    names = presets or tuple(choice.name for choice in known.choices)
    low, high = (0, len(presets) - 1) if presets else (int(known.min), int(known.max))
    if preset in names or (_WHOLE.fullmatch(preset) and low <= int(preset) <= high):
        return
    raise OptionError(f"--preset {preset}: {name} takes {', '.join(names) if names else f'{low} to {high}'}")


def _set_choice(
    settings: dict[str, str], name: str, flag: str, option: str | None, given: Any, default: Any
) -> None:
    if option is None:
        if given is not None:
            raise OptionError(f"{flag} has no meaning for {name}; set its own options with -E KEY=VALUE")
        return
    value = given if given is not None else default
    if value is not None:
        settings[option] = f"{value:g}" if isinstance(value, float | int) else str(value)


def _hdr_parameters(name: str, hdr: HdrMetadata) -> list[str]:
    if name in ("libx264", "libx264rgb"):
        return x26x_parameters(hdr, mastering_key="mastering-display", light_key="cll")
    if name == "libx265":
        return x26x_parameters(hdr, mastering_key="master-display", light_key="max-cll")
    if name == "libsvtav1":
        return svtav1_parameters(hdr)
    return []


_EXAMPLES = {"--model-option": "scale=3", "--degrade": "blur=1.2"}


def parse_pairs(pairs: tuple[str, ...], flag: str) -> dict[str, str]:
    """Return {"k": "v"} for ("k=v",). Raises OptionError for anything without an equals sign."""
    result = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            example = _EXAMPLES.get(flag, "tune=animation")
            raise OptionError(f"{flag}: {pair!r} is not KEY=VALUE, e.g. {example}")
        result[key] = value
    return result
