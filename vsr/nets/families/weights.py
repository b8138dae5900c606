"""A checkpoint's tensors, taken one by one: one that is missing or misshapen ends the attempt."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Tensors = Mapping[str, npt.NDArray[np.float32]]
Shape = tuple[int | None, ...]
"""None is any number."""
Activation = Literal["tanh", "relu", "leakyrelu"]
_IGNORED = ("num_batches_tracked", "n_averaged")
_PREFIX = re.compile(r"^(?:module\.|_orig_mod\.)+")
"""What DataParallel, AveragedModel and torch.compile put before the names."""


class MismatchError(Exception):
    """A checkpoint is not of a family; says the first difference."""


class Hints:
    """What the caller says that weights do not; what is assumed instead is noted. Thread-safety: one thread.

    `scale` is how many times larger the result is, for networks that take an enlarged picture or end in a
    transposed convolution. `activation` tells ports apart that differ in it alone. Raises MismatchError, from
    the methods, where a family has no such choice.
    """

    def __init__(self, scale: int | None = None, activation: str | None = None) -> None:
        self.given_scale = scale
        self._activation = activation
        self.assumed: list[str] = []
        """Sentences about what was assumed, for people."""
        self.asked_activation = activation is None

    def scale(self) -> int:
        """Return the scale; 2 where none is given."""
        if self.given_scale is None:
            self.assumed.append("2x assumed, scale=N says otherwise")
        return self.given_scale or 2

    def activation(self, default: Activation, *others: Activation) -> Activation:
        """Return the activation, which is the default or one of the others."""
        self.asked_activation = True
        if self._activation is None:
            self.assumed.append(f"{default} assumed, activation={'|'.join(others)} says otherwise")
            return default
        for known in (default, *others):
            if known == self._activation:
                return known
        raise MismatchError(f"the activation is {self._activation}; {', '.join((default, *others))} fit")


ACTIVATIONS: tuple[str, ...] = get_args(Activation)


class Weights:
    """Tensors to be taken by name; those never taken are a difference too. Thread-safety: one thread."""

    def __init__(self, tensors: Tensors) -> None:
        stripped = {_PREFIX.sub("", key): value for key, value in tensors.items()}
        self._left = {k: v for k, v in stripped.items() if not k.endswith(_IGNORED)}
        self._count = len(self._left)

    @property
    def share_taken(self) -> float:
        """How much has been taken, 0 to 1: how near the family is."""
        return 1 - len(self._left) / max(1, self._count)

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def count(self, pattern: str) -> int:
        """Return how many of pattern.format(0), pattern.format(1), ... there are without a gap."""
        number = 0
        while pattern.format(number) in self._left:
            number += 1
        return number

    def take(self, key: str, *shape: int | None) -> npt.NDArray[np.float32]:
        """Return and remove a tensor of that shape. Raises MismatchError."""
        if key not in self._left:
            raise MismatchError(f"{key} is missing")
        value = self._left[key]
        if value.ndim != len(shape) or any(
            w is not None and w != n for w, n in zip(shape, value.shape, strict=True)
        ):
            wanted = "x".join("any" if side is None else str(side) for side in shape)
            raise MismatchError(
                f"{key} is {'x'.join(map(str, value.shape)) or 'a number'}, {wanted} is wanted"
            )
        return self._left.pop(key)

    def conv(
        self,
        key: str,
        out: int | None = None,
        into: int | None = None,
        size: int | None = None,
        *,
        bias: bool = True,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the weight (out, in, k, k) and the bias (out,) of a convolution; without one, zeros."""
        weight = self.take(f"{key}.weight", out, into, size, size)
        if weight.shape[2] != weight.shape[3] or weight.shape[2] % 2 == 0:
            raise MismatchError(f"{key}.weight is {weight.shape}: the kernel is not square and odd")
        zeros = np.zeros(weight.shape[0], np.float32)
        return weight, self.take(f"{key}.bias", weight.shape[0]) if bias else zeros

    def conv_with_norm(
        self,
        conv: str,
        norm: str,
        out: int,
        into: int,
        size: int,
        *,
        epsilon: float = 1e-5,
        transposed: bool = False,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return a convolution with the batch norm after it folded in, as at test time.

        The weight of a `transposed` one is (in, out, k, k), `out` and `into` being equal.
        """
        weight, bias = self.conv(conv, out, into, size, bias=f"{conv}.bias" in self)
        gain, shift = (self.take(f"{norm}.{name}", out).astype(np.float64) for name in ("weight", "bias"))
        mean, variance = (self.take(f"{norm}.running_{n}", out).astype(np.float64) for n in ("mean", "var"))
        factor = gain / np.sqrt(variance + epsilon)
        shape = (-1, 1, 1) if transposed else (-1, 1, 1, 1)
        return (
            (weight * factor.reshape(shape)).astype(np.float32),
            ((bias - mean) * factor + shift).astype(np.float32),
        )

    def finish(self) -> None:
        """Raise MismatchError where tensors are left."""
        if self._left:
            raise MismatchError(f"{sorted(self._left)[0]} is one tensor too many")
