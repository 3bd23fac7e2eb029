"""Token merging: self-attention over fewer tokens at the finest level, for speed.

Bolya & Hoffman 2023 (arXiv:2303.17604); the matching is the authors' package.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention, AttnProcessor
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from tomesd.merge import bipartite_soft_matching_random2d
from torch import Tensor

Merge = Callable[[Tensor], Tensor]
STRIDE = 2
"""One token of each 2x2 stays; the others may be merged into one of those."""


@contextmanager
def merging(unet: UNet2DConditionModel, ratio: float, h: int, w: int) -> Iterator[None]:
    """Within it, a share `ratio` (up to 0.75 has effect) of the tokens is merged before self-attention.

    h and w are the latent's. Only blocks that see every cell of the latent merge, and always the same cells stay, as
    in A1111.
    """
    if ratio <= 0:
        yield
        return
    blocks = [block for block in unet.modules() if isinstance(block, BasicTransformerBlock)]
    before = [block.attn1.processor for block in blocks]
    merged = [_Merging(processor, ratio, h, w) for processor in before]
    hooks = [
        block.register_forward_pre_hook(one.see, with_kwargs=True) for block, one in zip(blocks, merged, strict=True)
    ]
    try:
        for block, processor in zip(blocks, merged, strict=True):
            block.attn1.processor = cast("AttnProcessor", processor)
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for block, processor in zip(blocks, before, strict=True):
            block.attn1.processor = processor


class _Merging:
    """A block's self-attention between merging and unmerging; what is alike is read off the block's input."""

    def __init__(self, inner: Any, ratio: float, h: int, w: int) -> None:
        self._inner, self._ratio, self._h, self._w = inner, ratio, h, w
        self._merge: Merge | None = None
        self._unmerge: Merge | None = None

    def see(self, _block: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The block is called: find which of its tokens are alike."""
        tokens = cast("Tensor", args[0] if args else kwargs["hidden_states"])
        self._merge = self._unmerge = None
        if tokens.shape[1] == self._h * self._w:
            count = int(tokens.shape[1] * self._ratio)
            self._merge, self._unmerge = bipartite_soft_matching_random2d(
                tokens, self._w, self._h, STRIDE, STRIDE, count, no_rand=True
            )

    def __call__(self, attn: Attention, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self._merge is None or self._unmerge is None:
            return self._inner(attn, hidden_states, *args, **kwargs)
        return self._unmerge(self._inner(attn, self._merge(hidden_states), *args, **kwargs))
