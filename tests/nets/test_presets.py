"""Model texts, presets, and the search for shader files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vsr.errors import OptionError
from vsr.nets.presets import (
    PRESETS,
    ModelPart,
    NamePart,
    NetworkPart,
    ShaderPart,
    find_shaders,
    parse_model,
    shader_folders,
)

SHORT = {
    "Clamp_Highlights": "clamp", "AutoDownscalePre_x2": "down2", "AutoDownscalePre_x4": "down4",
}  # fmt: skip


def short(name: str) -> str:
    stems = [stem.removeprefix("Anime4K_").removesuffix(".glsl") for stem in PRESETS[name]]
    return " ".join(SHORT.get(s, s.replace("_CNN", "").replace("Upscale_", "Up_")) for s in stems)


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("A", "clamp Restore_VL Up_x2_VL down2 down4 Up_x2_M"),
        ("B", "clamp Restore_Soft_VL Up_x2_VL down2 down4 Up_x2_M"),
        ("C", "clamp Up_Denoise_x2_VL down2 down4 Up_x2_M"),
        ("A+A", "clamp Restore_VL Up_x2_VL Restore_M down2 down4 Up_x2_M"),
        ("B+B", "clamp Restore_Soft_VL Up_x2_VL down2 down4 Restore_Soft_M Up_x2_M"),
        ("C+A", "clamp Up_Denoise_x2_VL down2 down4 Restore_M Up_x2_M"),
        ("A:fast", "clamp Restore_M Up_x2_M down2 down4 Up_x2_S"),
        ("B:fast", "clamp Restore_Soft_M Up_x2_M down2 down4 Up_x2_S"),
        ("C:fast", "clamp Up_Denoise_x2_M down2 down4 Up_x2_S"),
        ("A+A:fast", "clamp Restore_M Up_x2_M Restore_S down2 down4 Up_x2_S"),
        ("B+B:fast", "clamp Restore_Soft_M Up_x2_M down2 down4 Restore_Soft_S Up_x2_S"),
        ("C+A:fast", "clamp Up_Denoise_x2_M down2 down4 Restore_S Up_x2_S"),
    ],
)
def test_the_official_lists(name: str, files: str) -> None:
    assert short(f"anime4k:{name}") == files  # anime4k.md, 3a.4
    assert len(PRESETS) == 12


A = PRESETS["anime4k:A"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("spline36", (NamePart("spline36"),)),
        ("anime4k-classic", (NamePart("anime4k-classic"),)),
        ("anime4k:A", (ShaderPart(A),)),
        ("Anime4K:a+a:FAST", (ShaderPart(PRESETS["anime4k:A+A:fast"]),)),
        ("x/a.glsl, anime4k:A ,b.GLSL", (ShaderPart(("x/a.glsl", *A, "b.GLSL")),)),
        (
            "a.glsl,net.pth,b.glsl",
            (ShaderPart(("a.glsl",)), NetworkPart(Path("net.pth")), ShaderPart(("b.glsl",))),
        ),
        (r"a\,b.glsl,C:\nets\c.onnx", (ShaderPart(("a,b.glsl",)), NetworkPart(Path(r"C:\nets\c.onnx")))),
        ("n.safetensors,bicubic", (NetworkPart(Path("n.safetensors")), NamePart("bicubic"))),
    ],
)  # fmt: skip
def test_model_texts(text: str, parts: tuple[ModelPart, ...]) -> None:
    assert parse_model(text) == parts


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "empty link"),
        ("a.glsl,,b.glsl", "empty link"),
        ("a.glsl,", "empty link"),
        ("anime4k:A+B", r"unknown preset 'anime4k:A\+B'; available: anime4k:A, .*Did you mean"),
        ("anime4k:A:slow", "unknown preset 'anime4k:A:slow'"),
        ("anime4k:", "unknown preset 'anime4k:'"),
        ("a.glsl,b.glsl,a.glsl", "a.glsl would be loaded twice; as in mpv"),
        ("anime4k:A,anime4k:B", "Anime4K_AutoDownscalePre_x2.glsl, .* would be loaded twice"),
    ],
)
def test_bad_model_texts(text: str, error: str) -> None:
    with pytest.raises(OptionError, match=error):
        parse_model(text)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without shaders, without the package, and a current folder that is empty."""
    for name in ("VSR_SHADER_DIR", "MPV_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("vsr.nets.presets._PACKAGE", "no_such_package")
    return tmp_path / "home"


def put(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_folders_in_order(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = [
        put(home / "chosen", "a.glsl"),
        put(home / "environment", "a.glsl", "b.glsl"),
        put(home / "mpv-home/shaders"),
        put(home / "xdg/mpv/shaders", "b.glsl"),
        put(home / ".config/mpv/shaders/anime4k/restore", "c.glsl").parents[1],
        put(home / ".mpv/shaders", "c.glsl", "d.glsl"),
        home / "mpv-home",
    ]
    monkeypatch.setenv("VSR_SHADER_DIR", str(home / "environment"))
    monkeypatch.setenv("MPV_HOME", "~/mpv-home")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "xdg"))
    assert shader_folders(home / "chosen") == tuple(expected)
    paths = find_shaders(["d.glsl", "c.glsl", "b.glsl", "a.glsl"], shader_dir=home / "chosen")
    assert [str(path.relative_to(home)) for path in paths] == [
        ".mpv/shaders/d.glsl",
        ".config/mpv/shaders/anime4k/restore/c.glsl",
        "environment/b.glsl",
        "chosen/a.glsl",
    ]
    assert find_shaders(["~~/shaders/b.glsl", "~/chosen/a.glsl"]) == (
        home / "xdg/mpv/shaders/b.glsl",
        home / "chosen/a.glsl",
    )


def test_paths_and_the_current_folder_come_first(home: Path) -> None:
    put(home / ".mpv/shaders", "a.glsl")
    put(Path.cwd(), "a.glsl")
    assert find_shaders(["a.glsl"]) == (Path("a.glsl"),)
    folder = put(home / "own", A[0])
    put(Path.cwd(), *A[:2])
    assert find_shaders(A[:2], shader_dir=folder) == (folder / A[0], Path(A[1]))
    assert find_shaders([f"./{A[0]}"], shader_dir=folder) == (Path(A[0]),)
    with pytest.raises(OptionError, match=r"shader files not found: x/a\.glsl"):
        find_shaders(["x/a.glsl"])


def test_one_file_that_holds_mode_a(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home / "site/no_such_package_but_now/shaders", "Anime4K_ModeA.glsl")
    put(home / "site/no_such_package_but_now", "__init__.py")
    (home / "site/no_such_package_but_now/__init__.py").write_text("raise RuntimeError('was imported')")
    monkeypatch.syspath_prepend(home / "site")
    monkeypatch.setattr("vsr.nets.presets._PACKAGE", "no_such_package_but_now")
    whole = home / "site/no_such_package_but_now/shaders/Anime4K_ModeA.glsl"
    put(Path.cwd(), "x.glsl")
    assert find_shaders([*A, "x.glsl"]) == (whole, Path("x.glsl"))
    assert "no_such_package_but_now" not in sys.modules
    folder = put(home / "own", *A)
    assert find_shaders(A, shader_dir=folder) == tuple(folder / name for name in A)


def test_what_is_missing_is_said(home: Path) -> None:
    folder = put(home / "own", *A[:-1])
    with pytest.raises(OptionError) as caught:
        find_shaders(A, shader_dir=folder)
    text = str(caught.value)
    assert text.startswith(
        "shader files not found: Anime4K_Upscale_CNN_x2_M.glsl; looked in the current folder"
    )
    assert str(folder) in text and "Download the release of Anime4K" in text
    assert text.endswith("for anime4k:A, `pip install 'vsr-realtime[anime4k]'` is enough")
    with pytest.raises(OptionError, match=r"--shader-dir or VSR_SHADER_DIR$"):
        find_shaders(PRESETS["anime4k:C"])
    with pytest.raises(OptionError, match="Give the path of the file"):
        find_shaders(["ArtCNN_C4F16.glsl"])


def test_folders_that_do_not_exist(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OptionError, match=r"--shader-dir is .*nowhere', which is no folder"):
        find_shaders([], shader_dir=home / "nowhere")
    monkeypatch.setenv("VSR_SHADER_DIR", "nowhere")
    with pytest.raises(OptionError, match="VSR_SHADER_DIR is 'nowhere'"):
        shader_folders()


def test_one_file_by_two_names_is_found_out(home: Path) -> None:
    folder = put(home / "own", "a.glsl")
    (folder / "b.glsl").symlink_to(folder / "a.glsl")
    with pytest.raises(OptionError, match="would be loaded twice"):
        find_shaders(["a.glsl", "b.glsl"], shader_dir=folder)
