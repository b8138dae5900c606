"""`vsr data tiles SOURCE...` and `vsr data lineart`: what networks are trained on."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vsr.cli.streams import StatusLine

if TYPE_CHECKING:
    from vsr.data.outcome import Outcome

app = typer.Typer(help="Make data to train on: tiles of pictures and videos, or drawings.")

Out = Annotated[
    Path, typer.Option("--out", metavar="DIR", help="The folder to make; it must not hold anything.")
]
Seed = Annotated[int, typer.Option(metavar="N", help="What is random comes from this number alone.")]


@app.command("tiles", short_help="Cut pictures and videos into tiles worth learning from.")
def tiles(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="SOURCE", help="Images, videos, and folders of them at any depth."),
    ],
    out: Out,
    size: Annotated[
        int, typer.Option(metavar="N", help="Side of a tile in pixels; partial ones are dropped.")
    ] = 128,
    stride: Annotated[
        int, typer.Option(metavar="N", help="Pixels from one tile to the next; 0 = the size: no two overlap.")
    ] = 0,
    every: Annotated[
        float,
        typer.Option(
            metavar="SECONDS",
            help="Of a video, a frame at each scene change, and each so many seconds within; 0 = none.",
        ),
    ] = 5.0,
    max_distance: Annotated[
        float,
        typer.Option(
            metavar="PERCENT",
            help="Of the 169 bits of a tile's hash: tiles that differ in no more are duplicates.",
        ),
    ] = 5.0,
    max_cluster: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="Drop tiles with more pixels than this in one cluster of colours; 1 = none."
        ),
    ] = 0.9,
    min_gradient: Annotated[
        float,
        typer.Option(
            metavar="X", help="Drop tiles whose pixels differ less from their neighbours, of 255; 0 = none."
        ),
    ] = 2.0,
    split: Annotated[
        str, typer.Option(metavar="A/B/C", help="Shares of train, val and test; a picture is in one of them.")
    ] = "80/10/10",
    scale: Annotated[
        int, typer.Option(metavar="N", help="Write a tile so many times smaller beside each; 1 = none.")
    ] = 1,
    degrade: Annotated[
        list[str] | None,
        typer.Option(
            metavar="K=V",
            help="How the smaller one is made: blur=1.2; scaler=bicubic, area, subsample...; noise=4; "
            "chroma=420; codec=h264, hevc or vp9; crf=18-32. Repeatable.",
        ),
    ] = None,
    seed: Seed = 1,
) -> int:
    """Cut pictures into tiles; leave out the flat, the smooth and the duplicates; split; write a report.

    Exit code 3 where a file could not be read, or not wholly.
    """
    from vsr.data.splits import parse_shares
    from vsr.data.tiles import REPORT, TileOptions, prepare_tiles
    from vsr.errors import OptionError
    from vsr.media.encoder_settings import parse_pairs
    from vsr.train.degrade import parse_degradation

    pairs = parse_pairs(tuple(degrade or ()), "--degrade")
    if pairs and scale == 1:
        raise OptionError("--degrade says how smaller tiles are made, and none are; add --scale 2")
    options = TileOptions(
        size=size,
        stride=stride,
        every_seconds=every,
        max_distance=max_distance,
        max_cluster=max_cluster,
        min_gradient=min_gradient,
        split=parse_shares(split),
        seed=seed,
        scale=scale,
        degradation=parse_degradation(pairs.items()),
    )
    with StatusLine(sys.stderr) as line:
        outcome = prepare_tiles(
            sources, out, options, lambda done, files, kept: line.show(f"{done}/{files} files, {kept} tiles")
        )
    _tell(outcome)
    typer.echo(f"report {out / REPORT}")
    return outcome.exit_code


def _tell(outcome: "Outcome") -> None:
    """Say what was left out and why, how many tiles there are, and in which part."""
    for note in outcome.notes:
        typer.echo(f"vsr: {note}", err=True)
    if outcome.too_small:
        typer.echo(f"vsr: files smaller than a tile, named in the report: {len(outcome.too_small)}", err=True)
    typer.echo(", ".join(f"{count:,} {name}" for name, count in outcome.counts().items()))
    for name, (count, pictures) in outcome.split_counts().items():
        typer.echo(f"{name:<6} {count:>8,} tiles of {pictures:,} pictures")


@app.command("lineart", short_help="Draw pictures, each with an exact smaller version.")
def lineart(
    out: Out,
    count: Annotated[int, typer.Option(metavar="N", help="How many drawings.")],
    size: Annotated[str, typer.Option(metavar="WxH", help="Size of the large picture.")] = "512x512",
    scale: Annotated[int, typer.Option(metavar="N", help="How many times smaller the small picture is.")] = 2,
    seed: Seed = 1,
) -> None:
    """Draw pictures like those of animated films, each large and small, exact to the pixel's area."""
    from vsr.data.lineart import LineArtOptions, draw_all
    from vsr.errors import OptionError

    match = re.fullmatch(r"(\d{1,6})[xX](\d{1,6})", size)
    if match is None:
        raise OptionError(f"--size {size!r} is not a size; write WxH like 512x512")
    options = LineArtOptions(count=count, width=int(match[1]), height=int(match[2]), scale=scale, seed=seed)
    with StatusLine(sys.stderr) as line:
        draw_all(out, options, lambda done, all: line.show(f"{done}/{all} drawings"))
    typer.echo(f"{count:,} drawings of {size} in {out}, {scale} times smaller in {out / f'x{scale}'}")
