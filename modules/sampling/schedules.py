"""Schedules: how many steps become falling noise levels. `sample.sigmas_for` chooses and amends.

Float32 throughout, as A1111 computes them: the Brownian noise of the SDE samplers is looked up by
noise level to six decimals, so the last bit counts.
"""

from __future__ import annotations

import math

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


def timestep_grid(n: int, parametrization: Parametrization) -> Sigmas:
    """DDIM's levels, every (1000 // n)-th timestep from 1 up; there is no 0 at the end.

    Can be longer than n: 15 steps are 16 timesteps (1, 67, ..., 991), and one update less.
    """
    total = len(parametrization.sigmas)
    timesteps = torch.arange(0, total, max(total // n, 1)) + 1
    return parametrization.sigmas[timesteps.clamp(max=total - 1)].flip(0)


def unipc_grid(n: int, parametrization: Parametrization, skip_type: str = "time_uniform") -> Sigmas:
    """UniPC's n + 1 levels from the model's highest to its lowest, evenly spaced in `skip_type`.

    time_uniform is evenly spaced in time, time_quadratic in its root, logSNR in log sigma. Between
    timesteps the logarithm of alpha is interpolated, not that of sigma.
    """
    if skip_type == "logSNR":
        return torch.linspace(math.log(parametrization.sigma_max), math.log(parametrization.sigma_min), n + 1).exp()
    total = len(parametrization.sigmas)
    power = 2 if skip_type == "time_quadratic" else 1
    times = torch.linspace(1, (1 / total) ** (1 / power), n + 1, dtype=torch.float64) ** power
    index = (times * total - 1).clamp(0, total - 1)
    log_alphas = -0.5 * torch.log1p(parametrization.sigmas.double() ** 2)
    log_alpha = torch.lerp(log_alphas[index.floor().long()], log_alphas[index.ceil().long()], index.frac())
    return torch.expm1(-2 * log_alpha).sqrt().float()


def _times(n: int, sigma_min: float, sigma_max: float, parametrization: Parametrization) -> Tensor:
    return torch.linspace(float(parametrization.to_t(sigma_max)), float(parametrization.to_t(sigma_min)), n)


def _ending_in_zero(sigmas: Tensor) -> Sigmas:
    return torch.cat([sigmas, sigmas.new_zeros(1)])
