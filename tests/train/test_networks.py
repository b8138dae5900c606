"""Networks in torch: as large as published, and read by vsr.nets as what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from vsr.engine.reference import run  # noqa: E402
from vsr.nets.checkpoint import read_checkpoint  # noqa: E402
from vsr.train.adversary import DISCRIMINATORS  # noqa: E402
from vsr.train.export import write_weights  # noqa: E402
from vsr.train.networks import NETWORKS, PixelRecursive  # noqa: E402
from vsr.train.recipe import DataOptions, NetworkOptions, Recipe, TrainingOptions  # noqa: E402


def count(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("kind", "options", "published"),
    [
        ("srcnn", {"scale": 2, "middle": 1}, 8_129),
        ("srcnn", {"scale": 2, "middle": 5}, 57_281),
        ("vdsr", {"scale": 2}, 665_921),
        ("espcn", {"scale": 2}, 21_284),
        ("espcn", {"scale": 3}, 22_729),
        ("espcn", {"scale": 4}, 24_752),
        ("johnson", {"scale": 4}, 401_859),
        ("srresnet", {"scale": 2}, 1_399_637),
        ("srresnet", {"scale": 4}, 1_547_350),
        ("rrdb", {"scale": 4, "blocks": 6}, 4_467_779),
        ("enhancenet", {"scale": 4}, 852_867),
    ],
)
def test_as_many_parameters_as_published(kind: str, options: dict[str, Any], published: int) -> None:
    assert count(NETWORKS[kind](**options)) == published


def test_rrdb_of_23_blocks_has_as_many_parameters_as_published() -> None:
    with torch.device("meta"):
        assert count(NETWORKS["rrdb"](scale=4, blocks=23)) == 16_697_987


def test_pixel_recursive_has_as_many_parameters_as_counted() -> None:
    network = PixelRecursive()
    assert count(network.conditioning) == 379_200
    assert count(network.prior) == 6_196_992


@pytest.mark.parametrize(
    ("kind", "side", "published"), [("srgan", 96, 23_563_649), ("enhancenet", 128, 13_102_881)]
)
def test_discriminators_are_as_large_as_published(kind: str, side: int, published: int) -> None:
    with torch.device("meta"):
        network = DISCRIMINATORS[kind](side=side)
        assert network(torch.zeros(2, 3, side, side)).shape == (2, 1)
    assert count(network) == published


def test_the_discriminator_of_esrgan_judges_pictures_of_128() -> None:
    with torch.device("meta"):
        network = DISCRIMINATORS["esrgan"](side=128)
        assert network(torch.zeros(2, 3, 128, 128)).shape == (2, 1)
        assert network.state_dict()["judge.0.weight"].shape == (100, 8192)


SMALL: list[tuple[str, int, dict[str, Any]]] = [
    ("cnn", 2, {"width": 4, "layers": 3}),
    ("cnn", 3, {"width": 3, "layers": 2}),
    ("srcnn", 2, {"middle": 1}),
    ("srcnn", 3, {"middle": 5}),
    ("vdsr", 3, {"layers": 4, "width": 8}),
    ("espcn", 2, {}),
    ("espcn", 3, {"activation": "relu"}),
    ("johnson", 4, {"blocks": 1, "width": 8}),
    ("johnson", 8, {"blocks": 1, "width": 8}),
    ("srresnet", 4, {"blocks": 2, "width": 8}),
    ("rrdb", 4, {"blocks": 1, "width": 8, "growth": 4}),
    ("enhancenet", 4, {"blocks": 2, "width": 8}),
]


@pytest.mark.parametrize(("kind", "scale", "options"), SMALL)
def test_exported_weights_are_the_same_network(
    kind: str, scale: int, options: dict[str, Any], tmp_path: Path
) -> None:
    torch.manual_seed(7)
    network = NETWORKS[kind](scale=scale, **options)
    planes = 1 if kind in ("cnn", "srcnn", "vdsr", "espcn") else 3
    _shake(network, torch.rand(4, planes, 16, 16))
    recipe = Recipe(
        name=kind,
        data=DataOptions(folders=("none",)),
        network=NetworkOptions(kind=kind, scale=scale, options=options),
        training=TrainingOptions(steps=1),
    )
    write_weights(tmp_path / "weights.safetensors", network, recipe, {"x2-bicubic": 30.0})
    graph = read_checkpoint(tmp_path / "weights.safetensors")
    assert graph.scale == scale
    picture = torch.rand(1, planes, 11, 14)
    with torch.no_grad():
        expected = network(picture)[0].numpy()
    np.testing.assert_allclose(run(graph, picture[0].numpy()), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("srcnn", {"middle": 1}), ("srcnn", {"middle": 5}), ("espcn", {"activation": "relu"})],
)
def test_shallow_networks_begin_as_an_enlargement(kind: str, options: dict[str, Any]) -> None:
    """Else thousands of steps go by until the picture itself comes through."""
    torch.manual_seed(7)
    picture = torch.nn.functional.interpolate(torch.rand(1, 1, 6, 6), scale_factor=4, mode="bicubic")
    known = torch.nn.functional.interpolate(picture, scale_factor=2, mode="bilinear")
    with torch.no_grad():
        made = NETWORKS[kind](scale=2, **options)(picture)
    assert float((made - known)[..., 8:-8, 8:-8].abs().mean()) < 0.03
    assert float(made.std()) > 0.1


def _shake(network: Any, pictures: Any) -> None:
    """Give all parameters values that matter, and batch norm something to have measured."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
        network.train()(pictures)
    network.eval()


def test_half_precision_weights_are_read_as_well(tmp_path: Path) -> None:
    network = NETWORKS["cnn"](scale=2)
    recipe = Recipe(
        name="half",
        data=DataOptions(folders=("none",)),
        network=NetworkOptions(kind="cnn"),
        training=TrainingOptions(steps=1),
    )
    write_weights(tmp_path / "a.safetensors", network, recipe, {}, half=True)
    write_weights(tmp_path / "b.safetensors", network, recipe, {})
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in "ab"]
    assert sizes[0] < sizes[1] - 3000
    picture = np.random.default_rng(0).random((1, 9, 9), np.float32)
    one, other = (run(read_checkpoint(tmp_path / f"{name}.safetensors"), picture) for name in "ab")
    assert 0 < np.abs(one - other).max() < 2e-3


def test_our_own_networks_cost_what_they_should() -> None:
    for width, layers, macs in ((4, 4, 1028), (4, 7, 1988), (6, 7, 4278)):
        network = NETWORKS["cnn"](scale=2, width=width, layers=layers)
        assert sum(p.numel() for p in network.parameters() if p.dim() == 4) == macs
