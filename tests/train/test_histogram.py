"""Histogram matching: the reference's distribution in the picture's order."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from vsr.train.histogram import matched  # noqa: E402


def test_samples_become_the_references_in_the_same_order() -> None:
    torch.manual_seed(0)
    pictures, references = torch.rand(2, 3, 5, 7), torch.rand(2, 3, 5, 7) * 4
    result = matched(pictures, references)
    assert torch.equal(result.flatten(2).sort().values, references.flatten(2).sort().values)
    assert torch.equal(result.flatten(2).argsort(), pictures.flatten(2).argsort())


def test_a_reference_may_be_smaller() -> None:
    pictures = torch.arange(16.0).reshape(1, 1, 4, 4)
    result = matched(pictures, torch.tensor([0.0, 1.0, 2.0, 3.0]).reshape(1, 1, 2, 2))
    assert result.flatten().tolist() == pytest.approx(
        [0, 0, 0.125, 0.375, 0.625, 0.875, 1.125, 1.375, 1.625, 1.875, 2.125, 2.375, 2.625, 2.875, 3, 3]
    )
    assert (matched(pictures, torch.full((1, 1, 1, 1), 5.0)) == 5).all()
