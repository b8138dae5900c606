"""A distance as seen by VGG16: how far what its layers make of two pictures points in different directions.

d = the mean over relu1_2, relu2_2, relu3_3, relu4_3 and relu5_3 of the mean over all places of (1 - cosine of
the two pictures' features there): 0 for equal pictures, 1 for features that have nothing in common. Up to a
factor it is LPIPS with all its weights at 1 (Zhang et al., "The unreasonable effectiveness of deep features
as a perceptual metric", CVPR 2018). Smaller is better; values compare under one file of weights only.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from vsr.errors import DeviceError, OptionError
from vsr.quality.metrics import Values

Features: TypeAlias = list[Values]
"""Of each of the five layers (C, H, W)."""
WEIGHTS_VARIABLE = "VSR_VGG16"
"""Environment variable that names the file of weights."""
LEAST_SIDE = 32
"""The last layer then sees 2x2 places."""
_BLOCKS = {1: (2, 64), 2: (2, 128), 3: (3, 256), 4: (3, 512), 5: (3, 512)}
"""Each block's convolutions and their channels; a 2x2 max-pool lies before all blocks but the first."""
_MEAN_BGR = (104.007, 116.669, 122.679)


def weights_path(given: str | None) -> Path | None:
    """Return the file that is named, by an option or the environment, or None."""
    name = given or os.environ.get(WEIGHTS_VARIABLE)
    return Path(name).expanduser() if name else None


class PerceptualDistance:
    """The distance between pictures by the VGG16 whose weights are in a file.

    It is an .npz with conv1_1.weight (out, in, 3, 3) and conv1_1.bias (out,) to conv5_3, of any floating
    type, for B, G, R of 0..255 less the means of ImageNet. OpenVINO runs it, in float32.

    Thread-safety: one thread; the network compiled for the last size is kept. Raises OptionError for a file
    that cannot be read or holds another network, DeviceError where OpenVINO does not load.
    """

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        """`threads` of 0 leaves their number to OpenVINO."""
        self._model = _onnx_model(_read(path))
        self._threads = threads
        self._compiled: tuple[tuple[int, ...], Any] | None = None

    def __call__(self, reference: Values, result: Values) -> float:
        """Return the distance of two pictures (3, H, W), R G B of 0..255. Raises OptionError."""
        return distance(self.features(reference), self.features(result))

    def features(self, rgb: Values) -> Features:
        """Return what `distance` takes of a picture (3, H, W), R G B of 0..255. Raises OptionError."""
        if min(rgb.shape[1:]) < LEAST_SIDE:
            raise OptionError(
                f"the perceptual distance needs {LEAST_SIDE}x{LEAST_SIDE} pixels, "
                f"{rgb.shape[2]}x{rgb.shape[1]} are left of the picture; choose larger pictures"
            )
        planes = rgb[::-1] - np.array(_MEAN_BGR)[:, None, None]
        picture = np.ascontiguousarray(planes[None], np.float32)
        if self._compiled is None or self._compiled[0] != picture.shape:
            self._compiled = picture.shape, self._compile(picture.shape)
        results = self._compiled[1](picture)
        return [np.array(results[index][0]) for index in range(len(_BLOCKS))]

    def _compile(self, shape: tuple[int, ...]) -> Any:
        try:
            import openvino  # type: ignore[import-untyped]
        except ImportError as error:
            raise DeviceError(
                f"OpenVINO does not load ({error}); install the package openvino again"
            ) from error
        core = openvino.Core()
        model = core.read_model(self._model)
        model.reshape(list(shape))
        hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        if self._threads:
            hints["INFERENCE_NUM_THREADS"] = str(self._threads)
        return core.compile_model(model, "CPU", hints)


def distance(reference: Features, result: Features) -> float:
    """Return the distance of two pictures by their features."""
    return float(np.mean([_layer_distance(a, b) for a, b in zip(reference, result, strict=True)]))


def _layer_distance(a: Values, b: Values) -> float:
    """Return the mean over places of 1 - cosine; (C, H, W). Where both are nothing they are alike."""
    norms = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    alike = np.where((a == b).all(axis=0), 1.0, 0.0)
    cosine = np.divide((a * b).sum(axis=0), norms, out=alike, where=norms > 0)
    return float(1 - cosine.mean())


def _layers() -> list[tuple[str, int, int]]:
    """Return (name, channels in, channels out) of each convolution."""
    layers, before = [], 3
    for block, (count, channels) in _BLOCKS.items():
        for number in range(1, count + 1):
            layers.append((f"conv{block}_{number}", before, channels))
            before = channels
    return layers


def _read(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Return the weights in float32. Raises OptionError."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: np.asarray(file[name]) for name in file.files}
    except OSError as error:
        raise OptionError(f"{path} cannot be read: {error.strerror or error}; check --vgg") from error
    except (ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:  # TypeError: an .npy by that name
        raise OptionError(f"{path} is no .npz file of VGG16's weights; give --vgg another") from error
    for name, into, out in _layers():
        for key, shape in ((f"{name}.weight", (out, into, 3, 3)), (f"{name}.bias", (out,))):
            got = found[key].shape if key in found else "none"
            if got != shape:
                raise OptionError(
                    f"{path} holds another network than VGG16: of {key} it has {got}, {shape} is wanted; "
                    "give --vgg the weights of its convolutions conv1_1 to conv5_3"
                )
    return {name: values.astype(np.float32) for name, values in found.items()}


def _onnx_model(weights: dict[str, npt.NDArray[np.float32]]) -> bytes:
    """Return VGG16 as ONNX, with the last rectified convolution of each block as an output."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, outputs, value = [], [], "picture"
    for name, _, _ in _layers():
        block, number = int(name[4]), int(name[6])
        if number == 1 and block > 1:
            nodes.append(
                helper.make_node("MaxPool", [value], [f"pool{block}"], kernel_shape=[2, 2], strides=[2, 2])
            )
            value = f"pool{block}"
        nodes.append(
            helper.make_node(
                "Conv", [value, f"{name}.weight", f"{name}.bias"], [name], kernel_shape=[3, 3], pads=[1] * 4
            )
        )
        value = f"relu{name[4:]}"
        nodes.append(helper.make_node("Relu", [name], [value]))
        if number == _BLOCKS[block][0]:
            outputs.append(helper.make_tensor_value_info(value, TensorProto.FLOAT, [1, None, None, None]))
    picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, "height", "width"])
    used = [f"{name}.{part}" for name, _, _ in _layers() for part in ("weight", "bias")]
    constants = [numpy_helper.from_array(weights[name], name) for name in used]
    graph = helper.make_graph(nodes, "vgg16", [picture], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    data: bytes = model.SerializeToString()
    return data
