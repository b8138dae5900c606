"""The figures of a network's card: PSNR and perceptual distance by source, in the form of card.md.

    python -m bench.cards FOLDER MODEL... [--side N] [--scale N] [--vgg FILE]
    python -m bench.cards FOLDER MODEL... --picture FILE.png [--crop NAME,LEFT,TOP,SIDE]

Pictures of FOLDER (with `--side`, the middle of each, that many pixels a side) are made small in four ways,
and MODELs enlarge them in float32. What H.264 does is drawn from one seed: every run measures the same.
`--picture` writes a crop of one picture after x264 at crf 28, for people who look for ringing: side by side
what each MODEL makes of it, and the original, each sample as 3x3.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vsr.media.png import png_bytes
from vsr.media.rgb import read_rgb8
from vsr.options import EvalOptions
from vsr.quality.evaluate import ModelResult, evaluate
from vsr.quality.metrics import modulo_cropped
from vsr.quality.subject import Settings, read_subjects
from vsr.train.degrade import Degradation, degraded
from vsr.train.pictures import floats, picture_files

SOURCES = {
    "MATLAB bicubic": Degradation(),
    "box": Degradation(scaler="area"),
    "bicubic, x264 crf 23": Degradation(codec="h264", crf=(23, 23)),
    "bicubic, x264 crf 28": Degradation(codec="h264", crf=(28, 28)),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--side", type=int)
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--vgg")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--crop", default=",0,0,96")
    arguments = parser.parse_args()
    if arguments.picture:
        arguments.picture.write_bytes(png_bytes(side_by_side(arguments)))
        return
    heads = [f"{model} {what}" for what in ("PSNR", "perceptual") for model in arguments.models]
    print(f"| source | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name, how in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            high, low = pairs(arguments.folder, Path(folder), arguments.scale, how, arguments.side)
            options = EvalOptions(
                data=str(high), lr=str(low), scale=arguments.scale, precision="fp32", vgg=arguments.vgg
            )
            models = evaluate(arguments.models, options).models
        cells = [_cell(m, "psnr_y", 2) for m in models] + [_cell(m, "perceptual", 4) for m in models]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def pairs(folder: Path, into: Path, scale: int, how: Degradation, side: int | None) -> tuple[Path, Path]:
    """Write the pictures and their small versions as PNG; return both folders."""
    high, low = into / "high", into / "low"
    for each in (high, low):
        each.mkdir()
    rng = np.random.default_rng(1)
    for path in picture_files(folder):
        whole = modulo_cropped(_middle(read_rgb8(path), side), scale)
        small = np.rint(degraded(floats(whole), scale, how, rng).clip(0, 1) * 255).astype(np.uint8)
        for place, picture in ((high, whole), (low, small)):
            (place / f"{path.stem}.png").write_bytes(png_bytes(picture))
    return high, low


def side_by_side(arguments: argparse.Namespace) -> npt.NDArray[np.uint8]:
    """Return a crop as each model enlarges it, and as it was, (3, height, width)."""
    name, *numbers = arguments.crop.split(",")
    left, top, side = map(int, numbers)
    path = next(path for path in picture_files(arguments.folder) if path.stem.startswith(name))
    whole = modulo_cropped(read_rgb8(path), arguments.scale)
    how = SOURCES["bicubic, x264 crf 28"]
    low = degraded(floats(whole), arguments.scale, how, np.random.default_rng(1))
    subjects = read_subjects(arguments.models, arguments.scale, Settings(precision="fp32"))
    shown = [np.rint(subject(low)[1]).astype(np.uint8) for subject in subjects]
    crops = [picture[:, top : top + side, left : left + side] for picture in (*shown, whole)]
    gap = np.full((3, side, 2), 255, np.uint8)
    row = np.concatenate([part for crop in crops for part in (crop, gap)][:-1], axis=2)
    return row.repeat(3, axis=1).repeat(3, axis=2)


def _middle(picture: npt.NDArray[np.uint8], side: int | None) -> npt.NDArray[np.uint8]:
    height, width = picture.shape[1:]
    if side is None:
        return picture
    top, left = max(0, height - side) // 2, max(0, width - side) // 2
    return picture[:, top : top + side, left : left + side]


def _cell(model: ModelResult, metric: str, digits: int) -> str:
    return f"{model.mean(metric):.{digits}f}" if metric in model.values else "-"


if __name__ == "__main__":
    main()
