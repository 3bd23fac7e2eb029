"""Schedules: how many steps become falling noise levels. `sample.sigmas_for` chooses and amends.

Float32 throughout, as A1111 computes them: the Brownian noise of the SDE samplers is looked up by
noise level to six decimals, so the last bit counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from modules.sampling.parametrization import Parametrization
from modules.sampling.types import Sigmas


def uniform(n: int, sigma_min: float, sigma_max: float, *, parametrization: Parametrization) -> Sigmas:
    """Evenly spaced in the model's whole range of timesteps; the limits are not heeded."""
    first, last = parametrization.t_range
    return _ending_in_zero(parametrization.to_sigma(torch.linspace(last, first, n)))


def normal(n: int, sigma_min: float, sigma_max: float, *, parametrization: Parametrization) -> Sigmas:
    """Evenly spaced in timesteps between the limits."""
    return _ending_in_zero(parametrization.to_sigma(_times(n, sigma_min, sigma_max, parametrization)))


def sgm_uniform(n: int, sigma_min: float, sigma_max: float, *, parametrization: Parametrization) -> Sigmas:
    """As `normal`, but the step to the lower limit goes to 0 instead, so every step spans as many timesteps."""
    return _ending_in_zero(parametrization.to_sigma(_times(n + 1, sigma_min, sigma_max, parametrization)[:-1]))


def karras(n: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Sigmas:
    """Evenly spaced in sigma^(1/rho). Karras et al. 2022, equation 5 (arXiv:2206.00364)."""
    ramp = torch.linspace(0, 1, n)
    least, greatest = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return _ending_in_zero((greatest + ramp * (least - greatest)) ** rho)


def exponential(n: int, sigma_min: float, sigma_max: float) -> Sigmas:
    """Evenly spaced in log sigma."""
    return _ending_in_zero(torch.linspace(math.log(sigma_max), math.log(sigma_min), n).exp())


def polyexponential(n: int, sigma_min: float, sigma_max: float, rho: float = 1.0) -> Sigmas:
    """A power of even steps in log sigma: a `rho` above 1 gives more of them to low noise."""
    ramp = torch.linspace(1, 0, n) ** rho
    return _ending_in_zero((ramp * (math.log(sigma_max) - math.log(sigma_min)) + math.log(sigma_min)).exp())


def kl_optimal(n: int, sigma_min: float, sigma_max: float) -> Sigmas:
    """Evenly spaced in arctan sigma, down to `sigma_min` and not to 0. Sabour et al. 2024 (arXiv:2404.14507), 3.1."""
    share = torch.arange(n + 1) / n
    least, greatest = torch.tensor([sigma_min, sigma_max]).atan()
    return (share * least + (1 - share) * greatest).tan()


STABLE_DIFFUSION_STEPS = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
SDXL_STEPS = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)


def align_your_steps(
    n: int, sigma_min: float, sigma_max: float, *, steps: Sequence[float] = STABLE_DIFFUSION_STEPS
) -> Sigmas:
    """Levels found by optimization for ten steps, resampled in log sigma. Sabour et al. 2024 (arXiv:2404.14507).

    The limits are not heeded. `steps` are the family's levels.
    """
    if n == len(steps):
        return _ending_in_zero(torch.tensor(steps))
    places = np.linspace(0, 1, n)
    resampled = np.exp(np.interp(places, np.linspace(0, 1, len(steps)), np.log(steps)))
    return _ending_in_zero(torch.from_numpy(resampled).float())


def simple(n: int, sigma_min: float, sigma_max: float, *, parametrization: Parametrization) -> Sigmas:
    """Every (T / n)-th entry of the model's table from its last down; the limits are not heeded."""
    stride = len(parametrization.sigmas) / n
    return _ending_in_zero(parametrization.sigmas[[-1 - int(i * stride) for i in range(n)]])


def ddim(n: int, sigma_min: float, sigma_max: float, *, parametrization: Parametrization) -> Sigmas:
    """DDIM's levels for other samplers, with 0 at the end; can be longer than n. The limits are not heeded."""
    total = len(parametrization.sigmas)
    return _ending_in_zero(parametrization.sigmas[1 :: max(total // n, 1)].flip(0))


def beta(
    n: int,
    sigma_min: float,
    sigma_max: float,
    *,
    parametrization: Parametrization,
    alpha: float = 0.6,
    beta: float = 0.6,
) -> Sigmas:
    """Between the limits as a beta distribution spreads: dense at both ends. Lee et al. 2024 (arXiv:2407.12173).

    Spread in sigma, as A1111 does, where the paper spreads in timesteps; `parametrization` is not read.
    """
    from scipy.special import betaincinv  # Half a second that no other schedule has to wait for.

    quantiles = betaincinv(alpha, beta, 1 - np.linspace(0, 1, n))
    return _ending_in_zero(torch.from_numpy(sigma_min + quantiles * (sigma_max - sigma_min)).float())


def turbo(n: int, sigma_min: float, sigma_max: float, *, parametrization: Parametrization) -> Sigmas:
    """The highest of every n-th part of the timesteps, all whole; the limits are not heeded.

    What models distilled to one and few steps were trained on. Sauer et al. 2023 (arXiv:2311.17042).
    """
    total = len(parametrization.sigmas)
    timesteps = [max(round(i * (total / n) - 1), 0) for i in range(n, 0, -1)]
    return _ending_in_zero(parametrization.sigmas[timesteps])


def timestep_grid(n: int, parametrization: Parametrization) -> Sigmas:
    """DDIM's levels, every (1000 // n)-th timestep from 1 up; there is no 0 at the end.

    Can be longer than n: 15 steps are 16 timesteps (1, 67, ..., 991), and one update less.
    """
    return parametrization.sigmas[_whole_timesteps(n, parametrization)].flip(0)


def unipc_grid(n: int, parametrization: Parametrization, skip_type: str = "time_uniform") -> Sigmas:
    """UniPC's levels from the model's highest to its lowest, as many steps as DDIM has timesteps."""
    total = len(parametrization.sigmas)
    return _unipc_levels(len(_whole_timesteps(n, parametrization)), parametrization, skip_type, total - 1)


def unipc_grid_from(kept: int, n: int, parametrization: Parametrization, skip_type: str = "time_uniform") -> Sigmas:
    """UniPC's levels in `kept` steps from the level at which DDIM's last `kept` of n begin."""
    highest = int(_whole_timesteps(n, parametrization)[kept - 1])
    return _unipc_levels(kept, parametrization, skip_type, highest)


def _unipc_levels(n: int, parametrization: Parametrization, skip_type: str, highest: int) -> Sigmas:
    """n + 1 levels from timestep `highest` to the first, evenly spaced in `skip_type`.

    time_uniform is evenly spaced in time, time_quadratic in its root, logSNR in log sigma. Between
    timesteps the logarithm of alpha is interpolated, not that of sigma.
    """
    if skip_type == "logSNR":
        greatest = float(parametrization.sigmas[highest])
        return torch.linspace(math.log(greatest), math.log(parametrization.sigma_min), n + 1).exp()
    total = len(parametrization.sigmas)
    power = 2 if skip_type == "time_quadratic" else 1
    first, last = ((highest + 1) / total) ** (1 / power), (1 / total) ** (1 / power)
    times = torch.linspace(first, last, n + 1, dtype=torch.float64) ** power
    index = (times * total - 1).clamp(0, total - 1)
    log_alphas = -0.5 * torch.log1p(parametrization.sigmas.double() ** 2)
    log_alpha = torch.lerp(log_alphas[index.floor().long()], log_alphas[index.ceil().long()], index.frac())
    return torch.expm1(-2 * log_alpha).sqrt().float()


def _whole_timesteps(n: int, parametrization: Parametrization) -> Tensor:
    """DDIM's timesteps, rising."""
    total = len(parametrization.sigmas)
    return (torch.arange(0, total, max(total // n, 1)) + 1).clamp(max=total - 1)


def _times(n: int, sigma_min: float, sigma_max: float, parametrization: Parametrization) -> Tensor:
    return torch.linspace(float(parametrization.to_t(sigma_max)), float(parametrization.to_t(sigma_min)), n)


def _ending_in_zero(sigmas: Tensor) -> Sigmas:
    return torch.cat([sigmas, sigmas.new_zeros(1)])
