"""An optimiser for matrices: momentum, made orthogonal before it is applied.

Jordan et al. 2024 (Muon), with the step size of Liu et al. 2025 (arXiv:2502.16982), which makes AdamW's rates fit.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, distributed, nn


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """The matrix [m, n] with all singular values moved to about 1, by a quintic Newton-Schulz iteration in bf16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16()
    if x.shape[0] > x.shape[1]:
        return orthogonal(matrix.T, rounds).T
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """For weights of two and more dimensions; convolution kernels count as [out, in * height * width]."""

    def __init__(
        self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Nesterov momentum, orthogonalised, scaled so that an entry moves by about 0.2 lr.

        Gradients must already agree between processes; each then orthogonalises its share of the matrices.
        """
        world, rank = (distributed.get_world_size(), distributed.get_rank()) if distributed.is_initialized() else (1, 0)
        for group in self.param_groups:
            moved = sorted((p for p in group["params"] if p.grad is not None), key=lambda p: p.numel())
            directions: list[Tensor] = []
            for i, parameter in enumerate(moved):
                if not self.state[parameter]:
                    self.state[parameter]["momentum"] = torch.zeros_like(parameter)
                momentum = self.state[parameter]["momentum"]
                momentum.lerp_(parameter.grad, 1 - group["momentum"])
                mine = i % world == rank
                ahead = parameter.grad.lerp(momentum, group["momentum"]).flatten(1) if mine else None
                directions.append(
                    torch.zeros_like(parameter) if ahead is None else orthogonal(ahead).view_as(parameter)
                )
            if world > 1:
                flat = torch.cat([d.flatten() for d in directions])
                distributed.all_reduce(flat)
                parts = flat.split([d.numel() for d in directions])
                directions = [part.view_as(d) for part, d in zip(parts, directions, strict=True)]
            for parameter, direction in zip(moved, directions, strict=True):
                longest = max(parameter.shape[0], parameter[0].numel())
                parameter.mul_(1 - group["lr"] * group["weight_decay"])
                parameter.add_(direction, alpha=-group["lr"] * 0.2 * longest**0.5)


def pair(params: Iterable[nn.Parameter], rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside, AdamW for vectors and for the layers at the ends, with four channels or fewer."""
    matrices: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for parameter in params:
        inside = parameter.ndim >= 2 and min(parameter.shape[:2]) > 4
        (matrices if inside else others).append(parameter)
    return [Muon(matrices, rate), torch.optim.AdamW(others, rate, betas=(0.9, 0.99), weight_decay=0.0, fused=True)]


def set_rate(optimizers: list[torch.optim.Optimizer], rate: float) -> None:
    """The same learning rate for all."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = rate
