"""What is encoded, weighed, kept and refused, with an encoder that does nothing but look tokens up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from modules.engine import conditioning
from modules.engine.conditioning import KEPT, condition, emphasized
from modules.engine.plan import Plan
from modules.engine.request import Txt2Img
from modules.foundation.errors import UserError
from modules.foundation.settings import Snapshot
from modules.networks.embedding import Embeddings
from modules.prompting.options import PromptOptions, TextCompatibility
from modules.sampling.types import Conditioning

WIDTH = 4


class Text:
    """A text encoder's door that counts the chunks that went through."""

    device = torch.device("cpu")

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        self.dtype = dtype
        self.calls: list[int] = []
        self.skips: list[int] = []

    @property
    def chunks(self) -> int:
        return sum(self.calls)

    @contextmanager
    def ready(self) -> Iterator[Text]:
        yield self

    def encode(self, tokens: Tensor, skip: int) -> Tensor:
        self.calls.append(len(tokens))
        self.skips.append(skip)
        if self.dtype != torch.float32:
            return torch.full((*tokens.shape, WIDTH), torch.nan)
        return (tokens.unsqueeze(-1) * torch.arange(1, WIDTH + 1)).sin() + 2


@pytest.fixture(autouse=True)
def _fake_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditioning, "encode_tokens", lambda text, tokens, skip: text.encode(tokens, skip))


def handle(text: Text | None = None) -> Any:
    text = text or Text()

    def in_fp32(_part: str) -> bool:
        was, text.dtype = text.dtype, torch.float32
        return was != torch.float32

    family = SimpleNamespace(name="sd1")
    patched = SimpleNamespace(text_patches=(), bundled={})
    return SimpleNamespace(
        family=family, text=text, text_width=WIDTH, contexts={}, patched=patched, device=text.device, in_fp32=in_fp32
    )


def run(comments: list[str] | None = None, **options: Any) -> Any:
    report = SimpleNamespace(comment=(comments if comments is not None else []).append)
    old = TextCompatibility(use_old_scheduling=options.pop("use_old_scheduling", False))
    settings = Snapshot({PromptOptions: PromptOptions(**options), TextCompatibility: old})
    cancel = SimpleNamespace(check=lambda: None)
    return SimpleNamespace(settings=settings, report=report, cancel=cancel, embeddings=Embeddings())


def plan(prompts: tuple[str, ...], negatives: tuple[str, ...] | None = None) -> Plan:
    none = (0,) * len(prompts)
    return Plan(Txt2Img(), 0, prompts, negatives or ("",) * len(prompts), none, none, 512, 512)


def conditioned(model: Any, plan: Plan, run: Any, evaluation: int = 0) -> tuple[Conditioning, Conditioning]:
    """At one evaluation of ten."""
    positive, negative = condition(model, plan, run, 10)
    return positive.at(evaluation), negative.at(evaluation)


def test_emphasis_modes() -> None:
    z = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    multipliers = torch.tensor([[1.0, 1.5]])
    original = emphasized(z, multipliers, "Original")
    assert original.flatten().tolist() == pytest.approx([0.740741, 1.481481, 3.333333, 4.444444], abs=1e-6)
    assert emphasized(z, multipliers, "No norm").flatten().tolist() == [1, 2, 4.5, 6]
    for mode in ("Ignore", "None"):
        assert torch.equal(emphasized(z, multipliers, mode), z)


def test_every_chunk_keeps_its_own_mean() -> None:
    z = torch.rand(3, 77, WIDTH) + 1
    multipliers = torch.rand(3, 77) + 0.5
    found = emphasized(z, multipliers, "Original")
    assert torch.allclose(found.mean(dim=(1, 2)), z.mean(dim=(1, 2)))
    assert torch.allclose(found[1:2], emphasized(z[1:2], multipliers[1:2], "Original"))


def test_shapes() -> None:
    positive, negative = conditioned(handle(), plan(("a", "b BREAK c BREAK d"), ("n", "n")), run())
    assert positive.context.shape == (2, 3 * 77, WIDTH)
    assert negative.context.shape == (2, 77, WIDTH)
    assert positive.context.dtype == torch.float32
    assert torch.equal(positive.context[0, 77:], positive.context[0, 76:77].expand(2 * 77, -1))


def test_clip_skip_reaches_the_encoder() -> None:
    model = handle()
    conditioned(model, plan(("a",)), run(CLIP_stop_at_last_layers=3))
    assert set(model.text.skips) == {3}


def test_what_was_encoded_is_kept() -> None:
    model = handle()
    first = conditioned(model, plan(("a", "a", "b"), ("n",) * 3), run())
    assert model.text.chunks == 3
    again = conditioned(model, plan(("a", "a", "b"), ("n",) * 3), run())
    assert model.text.chunks == 3
    assert all(torch.equal(one.context, other.context) for one, other in zip(first, again, strict=True))
    conditioned(model, plan(("a",), ("new",)), run())
    assert model.text.chunks == 4


def test_each_text_is_encoded_by_itself() -> None:
    model = handle()
    conditioned(model, plan(("a BREAK b", "c"), ("n", "n")), run())
    # Sums over a batch round differently than over one, so what was encoded together would show in the picture.
    assert model.text.calls == [2, 1, 1]


@pytest.mark.parametrize(
    "changed", [{"CLIP_stop_at_last_layers": 2}, {"emphasis": "No norm"}, {"comma_padding_backtrack": 0}]
)
def test_another_setting_encodes_anew(changed: dict[str, Any]) -> None:
    model = handle()
    conditioned(model, plan(("a",)), run())
    conditioned(model, plan(("a",)), run(**changed))
    assert model.text.chunks == 4


def test_not_everything_is_kept_for_ever() -> None:
    model = handle()
    for i in range(KEPT + 10):
        conditioned(model, plan((f"word {i}",)), run())
    assert sum(len(context) for context in model.contexts.values()) <= KEPT * 77
    encoded = model.text.chunks
    conditioned(model, plan((f"word {KEPT + 9}",)), run())
    assert model.text.chunks == encoded


def test_a_prompt_longer_than_what_is_kept() -> None:
    positive, _ = conditioned(handle(), plan(("word " * 75 * (KEPT + 1),)), run())
    assert positive.context.shape == (1, (KEPT + 1) * 77, WIDTH)


def test_nans_in_16_bits_are_tried_again_in_32() -> None:
    comments: list[str] = []
    positive, _ = conditioned(handle(Text(torch.float16)), plan(("a",)), run(comments))
    assert positive.context.isfinite().all()
    assert len(comments) == 1
    assert "32 bits" in comments[0]


def test_weights_out_of_reason_are_refused() -> None:
    with pytest.raises(UserError, match="weights"):
        conditioned(handle(), plan((f"(a:{'9' * 400})",)), run())
    with pytest.raises(UserError, match=r"1\.\.5"):
        conditioned(handle(), plan(("(a:1..5)",)), run())


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "[a:b:0.5 AND_[c|d] <lora:x # e", "((((", "]]]])", "\\", "🔴背景", "\x00", "|", "a\ud83d"],
)
def test_any_text_is_encoded(text: str) -> None:
    positive, negative = conditioned(handle(), plan((text,), (text,)), run())
    assert positive.context.shape == (1, 77, WIDTH)
    assert torch.equal(positive.context, negative.context)


def row(text: str, model: Any | None = None, **options: Any) -> Tensor:
    return conditioned(model or handle(), plan((text,)), run(**options))[0].context[0]


def test_edits_change_what_is_encoded_from_evaluation_to_evaluation() -> None:
    positive, negative = condition(handle(), plan(("a [b:c:3]",), ("[d|e]",)), run(), 10)
    # An entry that ends with step N holds for the evaluations 0 to N.
    assert [torch.equal(positive.at(i).context[0], row("a b")) for i in range(10)] == [i <= 3 for i in range(10)]
    assert all(torch.equal(positive.at(i).context[0], row("a c")) for i in range(4, 11))
    expected = ["d", "d", "e", "d", "e", "d", "e", "d", "e", "d", "e"]
    assert all(torch.equal(negative.at(i).context[0], row(text)) for i, text in enumerate(expected))
    # What goes on for longer than was planned begins again.
    assert torch.equal(positive.at(11).context[0], row("a b"))


def test_what_does_not_change_is_built_once() -> None:
    positive, _ = condition(handle(), plan(("[a:b:3]",)), run(), 10)
    assert positive.at(0) is positive.at(3)
    assert positive.at(3) is not positive.at(4)


def test_old_timelines() -> None:
    positive, _ = condition(handle(), plan(("[a:b:5.0]",)), run(use_old_scheduling=True), 10)
    assert not torch.equal(positive.at(5).context, positive.at(6).context)
    positive, _ = condition(handle(), plan(("[a:b:5.0]",)), run(), 10)
    assert positive.at(0) is positive.at(10)


def test_texts_of_one_schedule_get_as_many_chunks_as_the_longest() -> None:
    positive, _ = condition(handle(), plan(("[a:b BREAK c:3]",)), run(), 10)
    first = positive.at(0).context[0]
    assert torch.equal(first, torch.cat([row("a"), row("")]))
    assert torch.equal(positive.at(9).context[0], row("b BREAK c"))


def test_texts_of_one_schedule_share_their_mean() -> None:
    positive, _ = condition(handle(), plan(("[(a:3):b:2]",)), run(), 10)
    loose, raw = row("(a:3)", emphasis="No norm"), row("a")
    both = torch.stack([raw, row("b")]).mean(), torch.stack([loose, row("b")]).mean()
    torch.testing.assert_close(positive.at(0).context[0], loose * both[0] / both[1])
    torch.testing.assert_close(positive.at(9).context[0], row("b") * both[0] / both[1])
    # Of three steps the first text has two, and counts twice.
    positive, _ = condition(handle(), plan(("[(a:3)|b]",)), run(), 3)
    both = torch.stack([raw, raw, row("b")]).mean(), torch.stack([loose, loose, row("b")]).mean()
    torch.testing.assert_close(positive.at(0).context[0], loose * both[0] / both[1])


def test_prompts_joined_with_and_have_a_row_each() -> None:
    positive, negative = conditioned(handle(), plan(("a AND b:0.5 AND a", "c"), ("d AND e:2",) * 2), run())
    assert positive.weights == ((1.0, 0.5, 1.0), (1.0,))
    assert all(torch.equal(positive.context[i], row(text)) for i, text in enumerate(("a", " b", " a", "c")))
    assert negative.weights is None
    _, lower = conditioned(handle(), plan(("",), ("d and e:2",)), run())
    assert torch.equal(negative.context[1:], lower.context)


def test_a_weight_without_and() -> None:
    positive, _ = conditioned(handle(), plan(("wallpaper 16:9",)), run())
    assert positive.weights == ((9.0,),)
    assert torch.equal(positive.context[0], row("wallpaper 16"))


def test_network_tags_are_no_text_but_in_the_negative_prompt() -> None:
    positive, negative = conditioned(handle(), plan(("a <lora:x:0.5>b",), ("a <lora:x:0.5>b",)), run())
    assert torch.equal(positive.context[0], row("a b"))
    assert not torch.equal(negative.context, positive.context)


def test_a_schedule_is_encoded_once() -> None:
    model = handle()
    condition(model, plan(("[a|b|a]",), ("",)), run(), 1000)
    assert model.text.chunks == 3
    condition(model, plan(("[a|b|a]",), ("",)), run(), 1000)
    assert model.text.chunks == 3
