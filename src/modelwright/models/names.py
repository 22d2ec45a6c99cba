"""Our encoder's weights under BertModel's names, both ways: the border at which checkpoints come in and go out.

`model.safetensors` holds a BertModel and nothing else (transformers loads it without a word about unexpected weights, save
that the pooler, which we don't have, is new); the classifier lies beside it in `head.safetensors`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from modelwright.base.errors import ReleaseError
from modelwright.base.store import read_json, writing
from modelwright.models.encoder import HIDDEN_ACTIVATIONS, Encoder, Shape

WEIGHTS, HEAD, CONFIG = "model.safetensors", "head.safetensors", "config.json"

_CONFIG_NAMES = {
    "vocabulary": "vocab_size",
    "positions": "max_position_embeddings",
    "width": "hidden_size",
    "feed_forward": "intermediate_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "types": "type_vocab_size",
    "padding": "pad_token_id",
    "epsilon": "layer_norm_eps",
    "activation": "hidden_act",
}
_EMBEDDINGS = {
    "words": "word_embeddings",
    "positions": "position_embeddings",
    "types": "token_type_embeddings",
    "norm": "LayerNorm",
}
_LAYER = {
    "attended": "attention.output.dense",
    "attended_norm": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "narrow_norm": "output.LayerNorm",
}
_PARTS = ("query", "key", "value")


def _pairs(layers: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Our module → BertModel's (three of them for query, key and value, stacked in this order)."""
    for ours, theirs in _EMBEDDINGS.items():
        yield f"embeddings.{ours}", (f"embeddings.{theirs}",)
    for index in range(layers):
        yield f"layers.{index}.query_key_value", tuple(f"encoder.layer.{index}.attention.self.{part}" for part in _PARTS)
        for ours, theirs in _LAYER.items():
            yield f"layers.{index}.{ours}", (f"encoder.layer.{index}.{theirs}",)


def to_bert(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """Our state dict under BertModel's names."""
    found = {}
    for ours, theirs in _pairs(layers):
        for kind in ("weight", "bias"):
            if (name := f"{ours}.{kind}") in weights:
                parts = weights[name].chunk(len(theirs))
                found.update({f"{part_name}.{kind}": part.contiguous() for part_name, part in zip(theirs, parts, strict=True)})
    return found


def from_bert(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """BertModel's state dict (with or without the prefix "bert.") under our names, in float32.

    Raises:
        KeyError: the name of a weight that is missing.
    """
    prefix = "bert." if any(name.startswith("bert.") for name in weights) else ""
    found = {}
    for ours, theirs in _pairs(layers):
        kinds = ("weight",) if ours.startswith("embeddings") and not ours.endswith("norm") else ("weight", "bias")
        for kind in kinds:
            parts = [weights[f"{prefix}{part}.{kind}"].float() for part in theirs]
            found[f"{ours}.{kind}"] = torch.cat(parts) if len(parts) > 1 else parts[0]
    return found


def is_bert(config: Mapping[str, Any]) -> bool:
    """True if our encoder computes what this checkpoint computes: BERT, absolute positions, an activation that we have."""
    return (
        config.get("model_type") == "bert"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and config.get("hidden_act", "gelu") in HIDDEN_ACTIVATIONS
        and not config.get("is_decoder", False)
    )


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of a checkpoint.

    Raises:
        ReleaseError: missing or no JSON.
    """
    try:
        return dict(read_json(folder / CONFIG))
    except (OSError, ValueError, TypeError) as error:
        raise damaged(folder / CONFIG, error) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors of a safetensors file.

    Raises:
        ReleaseError: missing, truncated or no safetensors file.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise damaged(path, error) from error


def read_bert(folder: Path, dropout: float) -> Encoder:
    """Our encoder with a BERT checkpoint's weights.

    Raises:
        ReleaseError: files are missing or damaged, or weights don't fit config.json.
    """
    config = read_config(folder)
    try:
        shape = Shape(**{ours: config[theirs] for ours, theirs in _CONFIG_NAMES.items() if theirs in config})
        with torch.device("meta"):
            encoder = Encoder(shape, dropout)
        encoder.load_state_dict(from_bert(read_weights(folder / WEIGHTS), shape.layers), assign=True)
    except (KeyError, TypeError, RuntimeError) as error:
        raise damaged(folder, error) from error
    return encoder.requires_grad_(True)


def write_bert(encoder: Encoder, head: nn.Module, folder: Path) -> dict[str, Any]:
    """Write weights and head; returns what config.json must hold for transformers."""
    write_weights(head.state_dict(), folder / HEAD)
    return write_encoder(encoder, folder)


def write_encoder(encoder: Encoder, folder: Path) -> dict[str, Any]:
    """Write weights; returns what config.json must hold for transformers."""
    write_weights(to_bert(encoder.state_dict(), encoder.shape.layers), folder / WEIGHTS)
    return {"architectures": ["BertModel"], **bert_config(encoder)}


def bert_config(encoder: Encoder) -> dict[str, Any]:
    """What config.json must hold for transformers to build this encoder, whatever stands on top of it."""
    return {
        "model_type": "bert",
        "position_embedding_type": "absolute",
        **{theirs: getattr(encoder.shape, ours) for ours, theirs in _CONFIG_NAMES.items()},
    }


def read_head(head: nn.Module, folder: Path) -> None:
    """Load the classifier that `write_bert` wrote.

    Raises:
        ReleaseError: missing, damaged, or of another shape.
    """
    try:
        head.load_state_dict(read_weights(folder / HEAD))
    except RuntimeError as error:
        raise damaged(folder / HEAD, error) from error


def write_weights(weights: Mapping[str, Tensor], path: Path) -> None:
    """A safetensors file in float32, marked as torch's so that transformers takes it."""
    save_tensors({name: weight.detach().float().cpu().contiguous() for name, weight in weights.items()}, path, {"format": "pt"})


def save_tensors(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    """`save_file` with the operating system's refusals (a full disk) told as ours: the library hides them in its own error.

    Raises:
        MachineError: the file can't be written.
    """
    with writing(path):
        try:
            save_file(tensors, path, metadata)
        except SafetensorError as error:
            raise OSError(str(error)) from error


def damaged(path: Path, error: Exception) -> ReleaseError:
    """The error for a checkpoint's file that is missing or does not fit."""
    words = str(error).strip() or type(error).__name__  # some libraries say nothing
    said = f"no weight {error.args[0]!r}" if isinstance(error, KeyError) else words.splitlines()[-1].strip()[:200]
    return ReleaseError(
        f"the checkpoint can't be loaded: {said}",
        expected=f"a folder with {CONFIG} and {WEIGHTS} that belong together",
        where=str(path),
        remedy="Fetch or make the checkpoint again; for a run's own: modelwright run --from train --force",
    )
