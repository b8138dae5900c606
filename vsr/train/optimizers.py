"""Optimisers: made from a recipe, and gone on with by the recipe as it is now."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from vsr.train.recipe import TrainingOptions


def make_optimizer(options: TrainingOptions, network: nn.Module) -> torch.optim.Optimizer:
    """Return the optimiser; the last convolution's parameters have their own factor of the rate."""
    last = {id(p) for p in [each for each in network.children() if [*each.parameters()]][-1].parameters()}
    groups = [
        {"params": [p for p in network.parameters() if id(p) not in last], "factor": 1.0},
        {"params": [p for p in network.parameters() if id(p) in last], "factor": options.last_layer},
    ]
    groups = [group for group in groups if group["params"]]
    rate, decay = options.learning_rate, options.weight_decay
    match options.optimizer:
        case "adam":
            return torch.optim.Adam(groups, rate, options.betas, weight_decay=decay, fused=True)
        case "sgd":
            return torch.optim.SGD(groups, rate, options.momentum, weight_decay=decay)
        case "rmsprop":
            return torch.optim.RMSprop(
                groups, rate, alpha=0.95, eps=1e-8, momentum=options.momentum, weight_decay=decay
            )


def load_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Take what an optimiser has gathered, and leave its options (rates, betas...) as they are."""
    for saved, present in zip(state["param_groups"], optimizer.param_groups, strict=True):
        saved |= {key: value for key, value in present.items() if key != "params"}
    optimizer.load_state_dict(state)
