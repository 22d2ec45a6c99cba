"""How much each token surprised a language model: −log p(token | the earlier ones), in float32, without keeping all logits.

A vocabulary of 150,000 makes logits the largest thing in a training step. Here they exist for some tokens at a time: each piece's
loss and gradients are computed together, and the piece is thrown away. That supposes what training nearly always does, that every
token's loss weighs the same; where the weights that come back differ (preferences), the pieces are computed once more.

Shapes: b batch, t tokens, w width, v vocabulary, n tokens that count.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100  # label of a token that is not learned
# logits that exist at a time: on a processor 16 MB in float32, near its caches; elsewhere 1 GB, so that kernels are large
_AT_ONCE, _AT_ONCE_ELSEWHERE = 1 << 22, 1 << 28
_FEWEST = 128  # tokens in a piece: below, multiplies with a large table are slow


def counted(attention_mask_bt: Tensor, labels_bt: Tensor | None = None) -> Tensor:
    """bool [b, t]: tokens that have something before them in their own document, and are to be learned."""
    found_bt = torch.zeros_like(attention_mask_bt, dtype=torch.bool)
    found_bt[:, 1:] = (attention_mask_bt[:, 1:] == attention_mask_bt[:, :-1]) & (attention_mask_bt[:, 1:] != 0)
    return found_bt if labels_bt is None else found_bt & (labels_bt != IGNORED)


@torch.compiler.disable
def learned(hidden_btw: Tensor, table_vw: Tensor, labels_bt: Tensor, attention_mask_bt: Tensor) -> Tensor:
    """float32 [b]: each row's mean surprise over its learned tokens, scaled so that the mean over rows is the mean over tokens."""
    wanted_bt = counted(attention_mask_bt, labels_bt)
    each_bt = _place(hidden_btw, table_vw, labels_bt, wanted_bt)
    return each_bt.sum(1) * (len(each_bt) / wanted_bt.sum().clamp_min(1))


@torch.compiler.disable
def surprise(hidden_btw: Tensor, table_vw: Tensor, token_ids_bt: Tensor, attention_mask_bt: Tensor) -> Tensor:
    """float32 [b, t]: each token's, in nats; 0 for a document's first token and on padding. It has gradients."""
    if torch.jit.is_tracing():  # the graph that is exported: plain operations
        logs_btv = functional.log_softmax((hidden_btw[:, :-1] @ table_vw.T).float(), -1)
        each_bt = -logs_btv.gather(2, token_ids_bt[:, 1:, None])[..., 0]
        seen_bt = (attention_mask_bt[:, 1:] == attention_mask_bt[:, :-1]) & (attention_mask_bt[:, 1:] != 0)
        return functional.pad(each_bt * seen_bt.to(each_bt.dtype), (1, 0))
    return _place(hidden_btw, table_vw, token_ids_bt, counted(attention_mask_bt))


def _place(hidden_btw: Tensor, table_vw: Tensor, token_ids_bt: Tensor, wanted_bt: Tensor) -> Tensor:
    """Only the tokens that count go through the vocabulary; a dialogue's questions cost nothing."""
    places_n = wanted_bt.flatten().nonzero()[:, 0]
    flat = hidden_btw.reshape(-1, hidden_btw.shape[-1])
    each_n = Surprise.apply(flat, table_vw, places_n - 1, token_ids_bt.flatten()[places_n])
    return torch.zeros(wanted_bt.numel(), device=flat.device).index_copy(0, places_n, each_n).view(wanted_bt.shape)


class Surprise(torch.autograd.Function):
    """(hidden [·, w], table [v, w], places [n] of the hidden vectors that count, target [n] int64) → surprise [n] float32."""

    @staticmethod
    def forward(context: Any, hidden: Tensor, table_vw: Tensor, places_n: Tensor, target_n: Tensor) -> Tensor:
        by_hidden, by_table = context.needs_input_grad[:2]
        hidden_nw = hidden[places_n]
        each_n, *slopes = _pieces(hidden_nw, table_vw, target_n, None, by_hidden, by_table)
        if by_hidden or by_table:
            context.save_for_backward(hidden_nw, table_vw, places_n, target_n, *slopes)
            context.count = len(hidden)
        return each_n

    @staticmethod
    def backward(context: Any, *weights: Tensor) -> tuple[Tensor | None, ...]:
        hidden_nw, table_vw, places_n, target_n, by_hidden, by_table = context.saved_tensors
        weight_n, wanted = weights[0], context.needs_input_grad[:2]
        if len(weight_n) and bool((weight_n == weight_n[0]).all()):
            by_hidden, by_table = (
                None if slope is None else slope * weight_n[0].to(slope.dtype) for slope in (by_hidden, by_table)
            )
        else:
            _, by_hidden, by_table = _pieces(hidden_nw, table_vw, target_n, weight_n, *wanted)
        if by_hidden is not None:
            by_hidden = by_hidden.new_zeros(context.count, by_hidden.shape[1]).index_copy_(0, places_n, by_hidden)
        return by_hidden, by_table, None, None


def _pieces(
    hidden_nw: Tensor, table_vw: Tensor, target_n: Tensor, weight_n: Tensor | None, of_hidden: bool, of_table: bool
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Surprise [n], and the gradients of Σ weight · surprise that are asked for (weight None: 1), by pieces of tokens."""
    at_once = _AT_ONCE if hidden_nw.device.type == "cpu" else _AT_ONCE_ELSEWHERE
    count, size = len(hidden_nw), max(_FEWEST, at_once // len(table_vw))
    each_n = torch.empty(count, dtype=torch.float32, device=hidden_nw.device)
    by_hidden = torch.empty_like(hidden_nw) if of_hidden else None
    by_table = torch.zeros_like(table_vw, dtype=torch.float32) if of_table else None
    for at in range(0, count, size):
        piece_nw, wanted_n1 = hidden_nw[at : at + size], target_n[at : at + size, None]
        logs_nv = functional.log_softmax((piece_nw @ table_vw.T).float(), -1)
        each_n[at : at + size] = -logs_nv.gather(1, wanted_n1)[:, 0]
        if not (of_hidden or of_table):
            continue
        # the slope of surprise by logits: softmax, less one at the target
        slope_nv = logs_nv.exp_()
        slope_nv.scatter_add_(1, wanted_n1, slope_nv.new_full((1, 1), -1.0).expand_as(wanted_n1))
        slope_nv = (slope_nv if weight_n is None else slope_nv.mul_(weight_n[at : at + size, None])).to(table_vw.dtype)
        if by_hidden is not None:
            torch.mm(slope_nv, table_vw, out=by_hidden[at : at + size])
        if by_table is not None:
            by_table += slope_nv.T @ piece_nw
    return each_n, by_hidden, None if by_table is None else by_table.to(table_vw.dtype)
