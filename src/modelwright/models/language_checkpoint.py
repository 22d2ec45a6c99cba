"""Any causal language model to go on from. Those in the layout of Llama, Qwen or Mistral run in our lean decoder, all others through
transformers; both answer as the decoder does.

Shapes: b batch, t tokens, v vocabulary, w width.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional

from modelwright.base.errors import ReleaseError, SpecError
from modelwright.base.nouns import Sizes
from modelwright.base.optional import require
from modelwright.models import lora, names, surprise
from modelwright.models.decoder import Decoder
from modelwright.models.decoder_files import is_decoder, read_decoder, write_decoder
from modelwright.spec.routes.lm_finetune import LmFinetune

_CONVOLVED = "Conv1D"  # what GPT-2 calls a linear layer whose weight lies the other way round
_LARGE = 1e4


class Foreign(nn.Module):
    """A transformers model behind our decoder's signature.

    Args:
        model: an AutoModelForCausalLM.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: Any = model
        self.turned = _straighten(model)
        self.window: int | None = getattr(model.config, "sliding_window", None)
        self.lean = _is_lean(model)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None) -> dict[str, Tensor]:
        """As `decoder.Decoder.forward`."""
        if self.lean:
            hidden_btw = self.model.base_model(**self._inputs(input_ids, attention_mask)).last_hidden_state
            table_vw = self.model.get_output_embeddings().weight
            if labels is None:
                return {"surprise": surprise.surprise(hidden_btw, table_vw, input_ids, attention_mask)}
            return {"values": surprise.learned(hidden_btw, table_vw, labels, attention_mask)}
        wanted_bt = surprise.counted(attention_mask, labels)
        logits_btv = self.logits(input_ids, attention_mask)
        each = functional.cross_entropy(logits_btv[:, :-1].float().flatten(0, 1), input_ids[:, 1:].flatten(), reduction="none")
        each_bt = functional.pad(each.view(len(input_ids), -1), (1, 0)) * wanted_bt
        if labels is None:
            return {"surprise": each_bt}
        return {"values": each_bt.sum(1) * (len(each_bt) / wanted_bt.sum().clamp_min(1))}

    def logits(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Of the token after each, [b, t, v]."""
        return self.model(**self._inputs(input_ids, attention_mask)).logits

    def _inputs(self, input_ids: Tensor, attention_mask: Tensor) -> dict[str, Any]:
        """As transformers wants them. Rows of several documents become a mask of who sees whom, and positions that start again."""
        if not bool((attention_mask > 1).any()):
            return {"input_ids": input_ids, "attention_mask": attention_mask, "use_cache": False}
        if self.window is not None and input_ids.shape[1] > self.window:
            raise SpecError(
                f"the checkpoint looks back {self.window:,} tokens only, and rows of several documents are {input_ids.shape[1]:,} long",
                expected=f"learn.context of at most {self.window:,}",
                where="learn.context",
                remedy="Lower learn.context, or start from a checkpoint without a sliding window.",
            )
        at_t = torch.arange(input_ids.shape[1], device=input_ids.device)
        first_bt = torch.ones_like(attention_mask, dtype=torch.bool)
        first_bt[:, 1:] = attention_mask[:, 1:] != attention_mask[:, :-1]
        places_bt = at_t - torch.where(first_bt, at_t, 0).cummax(1).values
        seen_btt = (attention_mask[:, :, None] == attention_mask[:, None, :]) & (at_t[:, None] >= at_t)
        dtype = self.model.dtype
        hidden = torch.zeros(seen_btt.shape, dtype=dtype, device=input_ids.device).masked_fill(~seen_btt, torch.finfo(dtype).min)
        return {"input_ids": input_ids, "attention_mask": hidden[:, None], "position_ids": places_bt, "use_cache": False}


def build(settings: LmFinetune, sizes: Sizes, checkpoint: Path | None) -> nn.Module:
    """The checkpoint's weights; adapters are put beside them where the method asks for it.

    Raises:
        ReleaseError: the checkpoint is incomplete, damaged, or no causal language model.
        SpecError: the rows are longer than the checkpoint's positions.
    """
    if checkpoint is None:
        raise ValueError("lm-finetune needs the folder of a checkpoint")
    module = _read(checkpoint)
    _check_fits(names.read_config(checkpoint), sizes, checkpoint)
    if settings.method != "full":
        lora.adapt(module, settings.lora_rank, settings.lora_alpha, leave=_output(module), four_bits=settings.method == "qlora")
    return module


def write(module: nn.Module, folder: Path) -> dict[str, Any]:
    """Weights (adapters merged) in the checkpoint's own layout; returns config.json's content."""
    lora.merge(module)
    if isinstance(module, Decoder):
        return write_decoder(module, folder)
    assert isinstance(module, Foreign)
    weights: dict[str, Tensor] = module.model.state_dict()
    saved = {name: value.T.contiguous() if name in module.turned else value for name, value in weights.items()}
    module.model.save_pretrained(folder, state_dict=saved)
    return names.read_config(folder)


def read(settings: LmFinetune, sizes: Sizes, folder: Path) -> nn.Module:
    """What `write` wrote."""
    return _read(folder)


def _read(folder: Path) -> nn.Module:
    if is_decoder(names.read_config(folder)):
        return read_decoder(folder)
    transformers = require("transformers", "train")
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32")
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise names.damaged(folder, error) from error
    if "position_ids" not in inspect.signature(model.forward).parameters:
        raise ReleaseError(
            f"a model of type {model.config.model_type} has no positions that can start again",
            expected="a decoder with attention: rows hold several documents, which must not see each other",
            where=str(folder),
            remedy="Start from another checkpoint (Llama, Qwen, Mistral, Gemma, GPT-2, GPT-NeoX, Phi, …).",
        )
    return Foreign(model)


def _output(module: nn.Module) -> list[nn.Module]:
    """The output layer, which stays as it is: its weight often is the embedding table too."""
    found = module.model.get_output_embeddings() if isinstance(module, Foreign) else getattr(module, "head", None)
    return [] if found is None else [found]


def _straighten(model: Any) -> frozenset[str]:
    """GPT-2's layers, whose weight lies the other way round, as the linear ones that they are: adapters and optimisers know these. Gives
    their weights' names, for saving."""
    turned = {name for name, module in model.named_modules() if type(module).__name__ == _CONVOLVED}
    for name in turned:
        old = model.get_submodule(name)
        linear = nn.Linear(*old.weight.shape)
        linear.weight.data, linear.bias.data = old.weight.data.T.contiguous(), old.bias.data
        model.set_submodule(name, linear)
    return frozenset(f"{name}.weight" for name in turned)


def _check_fits(config: dict[str, Any], sizes: Sizes, folder: Path) -> None:
    positions = config.get("max_position_embeddings") or config.get("n_positions")
    if positions is not None and sizes["context"] > positions:
        raise SpecError(
            f"learn.context is {sizes['context']:,}, but the checkpoint has {positions:,} positions",
            expected=f"at most {positions:,}",
            where="learn.context",
            remedy=f"Set learn.context: {positions}.",
        )
    vocabulary = config.get("vocab_size")
    if vocabulary is not None and sizes["vocabulary"] > vocabulary:
        raise ReleaseError(
            f"the tokenizer has {sizes['vocabulary']:,} tokens, the model {vocabulary:,}",
            expected="a tokenizer whose every token the model knows",
            where=str(folder),
            remedy="Take tokenizer.json and the weights from the same checkpoint.",
        )


@torch.no_grad()
def _is_lean(model: Any) -> bool:
    """Whether logits are nothing but the last hidden vectors times the output layer's weight; some models scale or bend them. Tried out
    on three tokens, with an output far larger than any real one, so that a bend shows."""
    output = model.get_output_embeddings()
    if not isinstance(output, nn.Linear) or getattr(output, "bias", None) is not None:
        return False
    given: list[Tensor] = []
    made: list[Tensor] = []

    def watch(layer: nn.Module, inputs: tuple[Tensor, ...], logits: Tensor) -> Tensor:
        given.append(inputs[0])
        made.append(logits * _LARGE)
        return made[-1]

    was, hook = model.training, output.register_forward_hook(watch)
    model.eval()
    try:
        ids = torch.tensor([[1, 2, 3]])
        whole = model(input_ids=ids, use_cache=False).logits
        hidden = model.base_model(input_ids=ids, use_cache=False).last_hidden_state
    finally:
        hook.remove()
        model.train(was)
    return torch.equal(whole, made[0]) and torch.equal(hidden, given[0])
