"""Losses: their values where these are known, and their gradients against finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.train.scenes import write_vgg  # noqa: E402
from vsr.errors import OptionError  # noqa: E402
from vsr.train.adversary import Adversary, relativistic, vanilla  # noqa: E402
from vsr.train.features import Features  # noqa: E402
from vsr.train.losses import LOSSES, gram, normalised  # noqa: E402
from vsr.train.recipe import AdversaryOptions  # noqa: E402


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("vgg") / "vgg.npz"
    write_vgg(path)
    return path


TERMS: list[tuple[str, dict[str, Any]]] = [
    ("l1", {}),
    ("mse", {}),
    ("charbonnier", {"epsilon": 0.05}),
    ("tv", {}),
    ("features", {"layers": {"relu2_2": 1.0}, "scale": 0.01}),
    ("features", {"layers": {"conv1_2": 0.5, "conv3_3": 1.0}, "error": "l1", "scale": 0.01}),
    ("features", {"layers": {"pool2": 0.2, "pool3": 0.02}, "normalised": True}),
    ("texture", {"layers": {"relu1_1": 0.3, "relu2_1": 1.0}, "patch": 8}),
]


def term_of(kind: str, options: dict[str, Any], vgg: Path) -> Callable[[Any, Any], Any]:
    if kind in ("features", "texture"):
        options = options | {"weights": vgg.name}
    return LOSSES[kind](vgg.parent, **options)


@pytest.mark.parametrize(("kind", "options"), TERMS)
def test_the_gradient_is_that_of_finite_differences(kind: str, options: dict[str, Any], vgg: Path) -> None:
    term = term_of(kind, options, vgg)
    torch.manual_seed(1)
    truth = torch.rand(2, 3, 16, 16)
    made = torch.rand(2, 3, 16, 16, requires_grad=True)
    term(made, truth).backward()
    for _ in range(3):
        direction = torch.randn_like(made)
        step = 1e-3 / direction.norm()
        with torch.no_grad():
            ahead, behind = (term(made + sign * step * direction, truth).double() for sign in (1, -1))
        slope = float((ahead - behind) / (2 * step))
        # Kinks (absolute values, maxima) lie under some of the steps, and float32 rounds the differences.
        scale = float(made.grad.norm() * direction.norm())
        assert slope == pytest.approx(float((made.grad * direction).sum()), abs=0.02 * scale)


@pytest.mark.parametrize(("kind", "options"), [each for each in TERMS if each[0] != "tv"])
def test_equal_pictures_have_no_loss(kind: str, options: dict[str, Any], vgg: Path) -> None:
    picture = torch.rand(1, 3, 16, 16)
    most = options.get("epsilon", 0.0)
    assert float(term_of(kind, options, vgg)(picture, picture.clone())) == pytest.approx(most, abs=1e-7)


def test_textures_are_compared_patch_by_patch_wherever_things_lie_in_them() -> None:
    torch.manual_seed(2)
    features = torch.rand(1, 5, 8, 8)
    rolled = features.clone()
    rolled[..., :4, :4] = features[..., :4, :4].flip(2)  # one patch turned over: the same texture
    torch.testing.assert_close(gram(features, 4), gram(rolled, 4))
    swapped = features.roll(4, 3)
    assert not torch.allclose(gram(features, 4), gram(swapped, 4), rtol=1e-2)
    assert gram(features, 4).shape == (1, 4, 5, 5)
    by_hand = features[0, :, :4, 4:].reshape(5, 16)
    torch.testing.assert_close(gram(features, 4)[0, 1], by_hand @ by_hand.T)


def test_a_texture_is_of_so_many_features_at_every_layer(vgg: Path) -> None:
    torch.manual_seed(3)
    made, truth = torch.rand(2, 1, 3, 32, 32)
    term = term_of("texture", {"layers": {"relu2_1": 2.0}, "patch": 8}, vgg)
    features = Features(vgg, ("relu2_1",))
    one, other = (gram(normalised(features(each)["relu2_1"]), 8) for each in (made, truth))
    assert one.shape[1] == 4  # patches of 16x16 features
    assert float(term(made, truth)) == pytest.approx(2 * float((one - other).square().mean()))
    with pytest.raises(OptionError, match=r"patch is 8, and relu2_1 of the tiles is 6x6; choose a larger"):
        term(made[..., :12, :12], truth[..., :12, :12])


def test_features_normalised_to_mean_one() -> None:
    assert normalised(torch.rand(2, 3, 4, 4) * 7).mean(dim=(1, 2, 3)).tolist() == pytest.approx([1.0, 1.0])


def test_features_before_and_after_the_activation(vgg: Path) -> None:
    features = Features(vgg, ("conv2_2", "relu2_2", "pool2"))
    found = features(torch.rand(1, 3, 12, 12))
    assert (found["conv2_2"] < 0).any()
    assert torch.equal(found["relu2_2"], found["conv2_2"].relu())
    assert found["pool2"].shape == (1, 8, 3, 3)


def test_features_take_blue_green_red_less_the_mean(vgg: Path) -> None:
    picture = torch.rand(1, 3, 5, 5)
    with np.load(vgg) as file:
        weight, bias = (torch.from_numpy(file[f"conv1_1.{n}"].astype(np.float32)) for n in ("weight", "bias"))
    shifted = picture[:, [2, 1, 0]] * 255 - torch.tensor([104.007, 116.669, 122.679])[:, None, None]
    expected = torch.nn.functional.conv2d(shifted, weight, bias, padding=1)
    torch.testing.assert_close(Features(vgg, ("conv1_1",))(picture)["conv1_1"], expected)


def test_a_layer_that_vgg16_has_not_is_refused(vgg: Path) -> None:
    with pytest.raises(OptionError, match="VGG16 has no 'conv1_3'"):
        Features(vgg, ("conv1_3",))
    with pytest.raises(OptionError, match="cannot be read"):
        Features(vgg.parent / "none.npz", ("conv1_1",))


@pytest.mark.parametrize("kind", ["features", "texture"])
@pytest.mark.parametrize(
    "layers", [{}, {"relu1_1": 0.0}, {"relu1_1": math.nan}, {"relu1_1": 1.0, "pool1": -1.0}]
)
def test_layers_that_weigh_nothing_are_refused(kind: str, layers: dict[str, float], vgg: Path) -> None:
    with pytest.raises(OptionError, match=r"layers of features is \{.*; give names of VGG16's with a weight"):
        term_of(kind, {"layers": layers}, vgg)


def test_a_file_without_all_layers_is_refused(vgg: Path, tmp_path: Path) -> None:
    with np.load(vgg) as file:
        np.savez(tmp_path / "cut.npz", **{key: file[key] for key in file.files if key < "conv4"})
    for name in ("relu3_3", "pool3", "conv1_1"):
        assert name in Features(tmp_path / "cut.npz", (name,))(torch.rand(1, 3, 16, 16))
    for names in (("conv4_1",), ("relu1_1", "pool5")):
        with pytest.raises(OptionError, match=r"cut\.npz has no conv4_1\.weight, which .* need"):
            Features(tmp_path / "cut.npz", names)
    (tmp_path / "no.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(OptionError, match=r"no\.npz cannot be read"):
        Features(tmp_path / "no.npz", ("conv1_1",))


def test_features_of_no_positive_mean_are_not_normalised(vgg: Path) -> None:
    for kind, options in (("texture", {}), ("features", {"normalised": True})):
        with pytest.raises(OptionError, match="use relu2_1"):
            term_of(kind, options | {"layers": {"conv2_1": 1.0}}, vgg)


def test_the_relativistic_losses_are_what_the_papers_say() -> None:
    real, made = torch.tensor([[2.0], [1.0]]), torch.tensor([[-1.0], [0.5]])
    judge, generator = relativistic(real, made)
    more, less = (real - made.mean()).sigmoid(), (made - real.mean()).sigmoid()
    assert float(judge) == pytest.approx(float(-(more.log().mean() + (1 - less).log().mean()) / 2))
    assert float(generator) == pytest.approx(float(-((1 - more).log().mean() + less.log().mean()) / 2))


def test_the_vanilla_losses_are_logarithms_of_probabilities() -> None:
    real, made = torch.tensor([[2.0]]), torch.tensor([[-1.0]])
    judge, generator = vanilla(real, made)
    assert float(judge) == pytest.approx(float(-(real.sigmoid().log() + (1 - made.sigmoid()).log())))
    assert float(generator) == pytest.approx(float(-made.sigmoid().log()))


def test_a_discriminator_learns_until_it_is_good_enough() -> None:
    torch.manual_seed(0)
    options = AdversaryOptions(kind="enhancenet", threshold=0.7, learning_rate=1e-3, options={"width": 2})
    adversary = Adversary(options, 32, torch.device("cpu"))
    real, made = torch.ones(4, 3, 32, 32), torch.zeros(4, 3, 32, 32)
    for _ in range(60):
        adversary.learn(made, real, 1.0)
        if adversary.performance >= 0.7:
            break
    assert 0.7 <= adversary.performance < 0.95
    before = [p.clone() for p in adversary.network.parameters()]
    adversary.learn(made, real, 1.0)
    assert all(torch.equal(a, b) for a, b in zip(before, adversary.network.parameters(), strict=True))


def test_a_discriminator_goes_on_by_the_options_as_they_are_now() -> None:
    one, other = (
        Adversary(AdversaryOptions(kind="srgan", betas=betas, options={"width": 2}), 16, torch.device("cpu"))
        for betas in ((0.9, 0.999), (0.5, 0.9))
    )
    one.learn(torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16), 1.0)
    other.load(one.state())
    assert other.optimizer.param_groups[0]["betas"] == (0.5, 0.9)
    assert len(other.optimizer.state) == len([*other.network.parameters()])


@pytest.mark.parametrize(
    ("options", "side", "sentence"),
    [
        ({"kind": "srgan"}, 24, "judges squares of 16, 32, 48.*the large tiles have 24"),
        ({"kind": "esrgan"}, 16, "judges squares of 32"),
        ({"kind": "enhancenet"}, 48, "judges squares of 32"),
        ({"kind": "srgan", "options": {"widht": 2}}, 16, "unknown key 'widht'; known are width"),
        ({"kind": "srgan", "options": {"width": "2"}}, 16, "adversary.options: width is '2'; int is wanted"),
        ({"kind": "srgan", "options": {"width": 0}}, 16, "width is 0; give 1 or more"),
    ],
)
def test_what_a_discriminator_cannot_be_is_said(options: dict[str, Any], side: int, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        Adversary(AdversaryOptions(**options), side, torch.device("cpu"))


def test_the_generators_term_leaves_the_discriminator_alone() -> None:
    adversary = Adversary(AdversaryOptions(kind="srgan", options={"width": 2}), 16, torch.device("cpu"))
    made = torch.rand(2, 3, 16, 16, requires_grad=True)
    adversary.term(made, torch.rand(2, 3, 16, 16)).backward()  # type: ignore[no-untyped-call]
    assert made.grad is not None
    assert all(p.grad is None and p.requires_grad for p in adversary.network.parameters())


def test_an_empty_file_and_one_array_are_not_vgg16(tmp_path: Path) -> None:
    path = tmp_path / "vgg.npz"
    path.touch()
    with pytest.raises(OptionError, match=r"cannot be read as an \.npz"):
        Features(path, ("conv1_1",))
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(OptionError, match=r"cannot be read as an \.npz"):
        Features(path, ("conv1_1",))
