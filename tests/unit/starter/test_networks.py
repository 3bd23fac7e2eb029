"""The analytic start, the schedule and the optimiser do what their descriptions say."""

import random

import torch
from torch.nn import functional

from starter import diffusion, muon, vae
from starter.export import with_usual_scale
from starter.generate import Starter


def test_analytic_start_encodes_to_average_colors() -> None:
    network = vae.build().eval()
    pixels = vae.pixels(random.Random(1), 4, 64)
    with torch.no_grad():
        latent = vae.encoded(network, pixels).mode()
    averages = functional.avg_pool2d(pixels, 8)
    assert (latent[:, :3] / vae.GAIN - averages).abs().mean() < 0.05


def test_analytic_start_decodes_to_repeated_colors() -> None:
    network = vae.build().eval()
    assert vae.psnr(network, vae.pixels(random.Random(1), 4, 64)) > 17


def test_velocity_gives_the_clean_latent_back() -> None:
    clean, noise, t = torch.randn(3, 4, 8, 8), torch.randn(3, 4, 8, 8), torch.tensor([10, 500, 999])
    x, v = diffusion.noised(clean, noise, t)
    torch.testing.assert_close(diffusion.denoised(x, v, t), clean, atol=1e-5, rtol=1e-5)


def test_loss_weight_is_one_where_composition_is_decided() -> None:
    weight = diffusion.loss_weight(torch.tensor([999, 600, 10]))
    torch.testing.assert_close(weight[:2], torch.ones(2))
    assert weight[2] < 0.2


def test_sampler_reaches_a_point_mass() -> None:
    target = torch.full((1, 4, 2, 2), 0.7)

    def velocity(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        kept = diffusion.ALPHAS[t][:, None, None, None]
        noise = (x - kept.sqrt() * target) / (1 - kept).sqrt()
        return kept.sqrt() * noise - (1 - kept).sqrt() * target

    torch.testing.assert_close(diffusion.sample(velocity, torch.randn(1, 4, 2, 2)), target, atol=1e-3, rtol=0)


def test_orthogonal_brings_singular_values_near_one() -> None:
    values = torch.linalg.svdvals(muon.orthogonal(torch.randn(24, 60, generator=torch.Generator().manual_seed(0))))
    assert values.min() > 0.5
    assert values.max() < 1.4


def test_folded_scale_gives_unit_latents_and_the_same_pictures() -> None:
    network = vae.build().eval()
    mean, std = torch.tensor([0.1, -0.2, 0.3, 0.4]), torch.tensor([2.0, 3.0, 1.5, 0.7])
    starter = Starter(network, None, None, mean, std)  # type: ignore[arg-type]
    folded = with_usual_scale(starter)
    pixels = vae.pixels(random.Random(1), 2, 64)
    with torch.no_grad():
        raw, seen = vae.encoded(network, pixels), vae.encoded(folded, pixels)
        expected = (raw.mode() - mean[:, None, None]) / std[:, None, None]
        torch.testing.assert_close(seen.mode() * vae.SCALING_FACTOR, expected, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(
            vae.decoded(folded, seen.mode()), vae.decoded(network, raw.mode()), atol=1e-3, rtol=1e-3
        )
