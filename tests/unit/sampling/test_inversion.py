"""Finding the noise of a picture: on a Gaussian, whose way back is known."""

from __future__ import annotations

import torch

from modules.sampling.inversion import inverted, mixed
from modules.sampling.types import Latent, Sigma

SPREAD = 0.5


def gaussian(x: Latent, sigma: Sigma) -> Latent:
    """The exact denoiser of data with mean 0 and this deviation."""
    return x * SPREAD**2 / (SPREAD**2 + sigma**2)


def levels(n: int) -> torch.Tensor:
    return torch.cat([torch.linspace(14.6, 0.03, n), torch.zeros(1)])


def error(n: int) -> float:
    """Against x0 * sqrt(spread² + sigma²) / spread, where the flow of a Gaussian takes x0, per unit of noise."""
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1)) * SPREAD
    found = inverted(gaussian, x, levels(n), adjusted=True)
    wanted = x * (SPREAD**2 + 14.6**2) ** 0.5 / SPREAD / 14.6
    return float((found - wanted).abs().max())


def test_it_comes_nearer_with_more_steps() -> None:
    assert error(800) < error(200) < error(50)
    assert error(800) < 0.35


def test_each_image_gets_unit_variance_of_its_own() -> None:
    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(2))
    x[1] *= 3
    both = inverted(gaussian, x, levels(20))
    assert torch.allclose(both.std(dim=(1, 2, 3)), torch.ones(2), atol=1e-5)
    assert torch.allclose(both[:1], inverted(gaussian, x[:1], levels(20)))


def test_mixing_keeps_the_variance() -> None:
    found, drawn = torch.randn(2, 200_000, generator=torch.Generator().manual_seed(3)).unbind()
    assert torch.equal(mixed(found, drawn, 0.0), found) and torch.equal(mixed(found, drawn, 1.0), drawn)
    assert abs(float(mixed(found, drawn, 0.3).std()) - 1) < 0.01
