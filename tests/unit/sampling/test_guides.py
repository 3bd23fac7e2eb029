"""Guides: what each makes of the two estimates, against its paper's formula written out."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from modules.sampling.guidance import CfgDenoiser
from modules.sampling.guides import Estimates, Guide, Perturbed, Projected, Rescaled, plain
from modules.sampling.parametrization import discrete, scaled_linear
from modules.sampling.types import Conditioning


def drawn(seed: int) -> Tensor:
    return torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(seed))


ESTIMATES = Estimates(drawn(0) * 3, 2.5, drawn(1), drawn(2), 6.0, lambda: drawn(3))
EPS = discrete(scaled_linear(), "epsilon")


def test_plain_leads_from_negative_through_positive() -> None:
    torch.testing.assert_close(plain(replace(ESTIMATES, scale=0.0)), ESTIMATES.negative)
    torch.testing.assert_close(plain(replace(ESTIMATES, scale=1.0)), ESTIMATES.positive)
    torch.testing.assert_close(plain(ESTIMATES), -5 * ESTIMATES.negative + 6 * ESTIMATES.positive)


def velocity(denoised: Tensor) -> Tensor:
    """From the definition v = alpha * noise - sigma_t * x0 of the variance-preserving process."""
    sigma = ESTIMATES.sigma
    alpha, sigma_t = 1 / math.sqrt(1 + sigma**2), sigma / math.sqrt(1 + sigma**2)
    return alpha * (ESTIMATES.x - denoised) / sigma - sigma_t * denoised


@pytest.mark.parametrize("phi", [0.0, 0.7, 1.0])
def test_rescaling_mixes_in_the_velocity_of_the_prompts_spread(phi: float) -> None:
    found = velocity(Rescaled(phi)(ESTIMATES))
    guided, positive = velocity(plain(ESTIMATES)), velocity(ESTIMATES.positive)
    for image in range(2):
        rescaled = guided[image] * (positive[image].std() / guided[image].std())
        torch.testing.assert_close(found[image], phi * rescaled + (1 - phi) * guided[image])


def test_rescaling_changes_nothing_without_guidance() -> None:
    alone = replace(ESTIMATES, scale=1.0)
    torch.testing.assert_close(Rescaled(1.0)(alone), ESTIMATES.positive)


def test_projection_with_everything_kept_is_plain() -> None:
    torch.testing.assert_close(Projected(1.0, 0.0, 0.0)(ESTIMATES), plain(ESTIMATES))


def test_projection_drops_what_is_parallel_to_the_estimate() -> None:
    update = Projected(0.0, 0.0, 0.0)(ESTIMATES) - ESTIMATES.positive
    for image, positive, negative in zip(update, ESTIMATES.positive, ESTIMATES.negative, strict=True):
        pull = positive - negative
        along = (pull * positive).sum() / (positive * positive).sum() * positive
        torch.testing.assert_close(image, 5 * (pull - along))
        assert abs(float((image * positive).sum())) < 1e-3


def test_projection_limits_the_length_of_a_pull() -> None:
    found = Projected(1.0, 2.0, 0.0)(ESTIMATES) - ESTIMATES.positive
    for image in found:
        assert float(image.norm()) == pytest.approx(5 * 2.0, rel=1e-4)
    far = Projected(1.0, 1e6, 0.0)(ESTIMATES)
    torch.testing.assert_close(far, plain(ESTIMATES))


def test_projection_adds_its_share_of_the_pulls_before() -> None:
    guide, second = Projected(1.0, 0.0, -0.5), replace(ESTIMATES, positive=drawn(7), negative=drawn(8))
    guide(ESTIMATES)
    pull = (drawn(7) - drawn(8)) - 0.5 * (drawn(1) - drawn(2))
    torch.testing.assert_close(guide(second), drawn(7) + 5 * pull)
    third = (drawn(1) - drawn(2)) - 0.5 * pull
    torch.testing.assert_close(guide(ESTIMATES), drawn(1) + 5 * third)


def test_projection_leaves_an_unguided_call_alone() -> None:
    guide = Projected()
    assert torch.equal(guide(replace(ESTIMATES, scale=1.0)), ESTIMATES.positive)


def test_perturbation_adds_the_difference_to_the_weakened_network() -> None:
    pull = 3 * (ESTIMATES.positive - drawn(3))
    torch.testing.assert_close(Perturbed(3.0)(ESTIMATES), plain(ESTIMATES) + pull)
    torch.testing.assert_close(Perturbed(3.0, Rescaled(0.5))(ESTIMATES), Rescaled(0.5)(ESTIMATES) + pull)


def network(x: Tensor, t: Tensor, told: Conditioning) -> Tensor:
    return x * 0.1 + told.context.mean(dim=(1, 2)).reshape(-1, 1, 1, 1)


def weakened(x: Tensor, t: Tensor, told: Conditioning) -> Tensor:
    return network(x, t, told) * 0.5


def told(*values: float) -> Conditioning:
    return Conditioning(torch.stack([torch.full((77, 8), value) for value in values]))


def guided(guide: Guide | None, positive: Conditioning, cfg_scale: float = 5.0) -> Tensor:
    return CfgDenoiser(EPS, network, positive, told(-1.0, 0.5), cfg_scale, guide=guide, perturbed=weakened)(
        drawn(0), 2.0
    )


def test_the_denoiser_hands_its_estimates_to_the_guide() -> None:
    torch.testing.assert_close(guided(plain, told(1.0, 2.0)), guided(None, told(1.0, 2.0)))
    pull = EPS.denoised(network, drawn(0), 2.0, told(1.0, 2.0)) - EPS.denoised(weakened, drawn(0), 2.0, told(1.0, 2.0))
    found = guided(Perturbed(2.0), told(1.0, 2.0))
    torch.testing.assert_close(found, guided(None, told(1.0, 2.0)) + 2 * pull)
    torch.testing.assert_close(
        guided(Perturbed(2.0), told(1.0, 2.0), 1.0), guided(None, told(1.0, 2.0), 1.0) + 2 * pull
    )


def test_weighted_prompts_count_together() -> None:
    rows = replace(told(1.0, 2.0, 3.0), weights=((0.5, 1.5), (0.7,)))
    torch.testing.assert_close(guided(plain, rows), guided(None, rows))
    pulls = [
        EPS.denoised(network, drawn(0)[i : i + 1], 2.0, told(value))
        - EPS.denoised(weakened, drawn(0)[i : i + 1], 2.0, told(value))
        for i, value in ((0, 1.0), (0, 2.0), (1, 3.0))
    ]
    pull = torch.cat([0.5 * pulls[0] + 1.5 * pulls[1], 0.7 * pulls[2]])
    torch.testing.assert_close(guided(Perturbed(2.0), rows), guided(None, rows) + 2 * pull)
