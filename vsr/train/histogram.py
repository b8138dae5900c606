"""Histogram matching: what Johnson et al. do to results, whose colours a loss of features leaves free."""

from __future__ import annotations

import torch
from torch import Tensor


def matched(pictures: Tensor, references: Tensor) -> Tensor:
    """Return pictures (batch, channels, h, w) whose samples are distributed as those of the references.

    References may be of another size. Each channel of each picture is matched alone: its k-th smallest sample
    becomes the reference's at the same share, interpolated; order is kept.
    """
    samples, wanted = pictures.flatten(2), references.flatten(2).sort(dim=2).values
    count, known = samples.shape[2], wanted.shape[2]
    place = (torch.arange(count, device=pictures.device) + 0.5) * known / count - 0.5
    place = place.clamp(0, known - 1)
    below = place.floor().long().clamp(max=max(0, known - 2))
    share = (place - below).to(wanted.dtype)
    above = (below + 1).clamp(max=known - 1)
    quantiles = torch.lerp(wanted[..., below], wanted[..., above], share)
    order = samples.argsort(dim=2, stable=True)
    return torch.empty_like(samples).scatter_(2, order, quantiles).reshape(pictures.shape)
