"""Our decoder's files under the names of transformers' Qwen3, Qwen2, Llama and Mistral, in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from modelwright.base.store import read_json, write_json
from modelwright.models.decoder import Decoder, Shape
from modelwright.models.names import WEIGHTS, damaged, read_config, read_weights, write_weights

INDEX, GENERATION = "model.safetensors.index.json", "generation_config.json"

_CONFIG_NAMES = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "feed_forward": "intermediate_size",
    "context": "max_position_embeddings",
    "epsilon": "rms_norm_eps",
    "tied": "tie_word_embeddings",
    "begin": "bos_token_id",
    "end": "eos_token_id",
    "padding": "pad_token_id",
}
_WHOLE = {"words": "model.embed_tokens", "norm": "model.norm"}
_LAYER = {
    "attention_norm": "input_layernorm",
    "feed_forward_norm": "post_attention_layernorm",
    "attention.attended": "self_attn.o_proj",
    "down": "mlp.down_proj",
}
_HEADS = {"attention.query_norm": "self_attn.q_norm.weight", "attention.key_norm": "self_attn.k_norm.weight"}
_BIASES: Mapping[str, Literal["none", "query-key-value"]] = {
    "qwen2": "query-key-value",
    "mistral": "none",
}  # not set by config.json


def _pairs(shape: Shape) -> Iterator[tuple[str, tuple[str, ...], tuple[int, ...]]]:
    """Our parameter → theirs, stacked in this order, and how many rows each of them has (0: all)."""
    for ours, theirs in _WHOLE.items():
        yield f"{ours}.weight", (f"{theirs}.weight",), (0,)
    if not shape.tied:
        yield "head.weight", ("lm_head.weight",), (0,)
    rows = (shape.heads * shape.head_width, *(shape.key_heads * shape.head_width,) * 2)
    for index in range(shape.layers):
        us, them = f"layers.{index}", f"model.layers.{index}"
        for ours, theirs in _LAYER.items():
            yield f"{us}.{ours}.weight", (f"{them}.{theirs}.weight",), (0,)
        parts = [f"{them}.self_attn.{part}_proj" for part in "qkv"]
        yield f"{us}.attention.query_key_value.weight", tuple(f"{part}.weight" for part in parts), rows
        if shape.bias != "none":
            yield f"{us}.attention.query_key_value.bias", tuple(f"{part}.bias" for part in parts), rows
        if shape.bias == "all":
            yield f"{us}.attention.attended.bias", (f"{them}.self_attn.o_proj.bias",), (0,)
        if shape.norm_heads:
            for ours, theirs in _HEADS.items():
                yield f"{us}.{ours}", (f"{them}.{theirs}",), (0,)
        both = (f"{them}.mlp.gate_proj.weight", f"{them}.mlp.up_proj.weight")
        yield f"{us}.gate_and_up.weight", both, (shape.feed_forward,) * 2


def to_files(weights: Mapping[str, Tensor], shape: Shape) -> dict[str, Tensor]:
    """Our state dict under transformers' names."""
    found: dict[str, Tensor] = {}
    for ours, theirs, rows in _pairs(shape):
        parts = weights[ours].split(list(rows)) if len(theirs) > 1 else (weights[ours],)
        found.update(zip(theirs, parts, strict=True))
    return found


def from_files(weights: Mapping[str, Tensor], shape: Shape) -> dict[str, Tensor]:
    """The other way round, in float32.

    Raises:
        KeyError: the name of a weight that is missing.
    """
    return {ours: torch.cat([weights[part].float() for part in theirs]) for ours, theirs, _ in _pairs(shape)}


def is_decoder(config: Mapping[str, Any]) -> bool:
    """True if our decoder computes what this checkpoint computes."""
    kind = config.get("model_type")
    windows = config.get("use_sliding_window", kind == "mistral") and config.get("sliding_window") is not None
    return (
        kind in ("llama", "mistral", "qwen2", "qwen3")
        and config.get("hidden_act", "silu") == "silu"
        and _rotary(config).get("rope_type", "default") == "default"
        and _rotary(config).get("partial_rotary_factor", 1.0) == 1.0
        and not windows
        and not config.get("mlp_bias", False)
        and not config.get("quantization_config")
    )


def _rotary(config: Mapping[str, Any]) -> dict[str, Any]:
    """Rotary settings, where newer and older versions of transformers keep them."""
    found = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    found.setdefault("rope_type", found.get("type", "default"))
    found.setdefault("rope_theta", config.get("rope_theta", 10_000.0))
    return found


def shape_of(config: Mapping[str, Any]) -> Shape:
    """Our shape of a config.json for which `is_decoder` holds.

    Raises:
        KeyError: the name of a setting that is missing.
    """
    given = {ours: config[theirs] for ours, theirs in _CONFIG_NAMES.items() if theirs in config}
    if isinstance(given.get("end"), list):
        given["end"] = tuple(given["end"])
    heads, kind = config["num_attention_heads"], config["model_type"]
    given.setdefault("tied", False)  # transformers' own default for these
    return Shape(
        **given,
        key_heads=config.get("num_key_value_heads") or heads,
        head_width=config.get("head_dim") or config["hidden_size"] // heads,
        base=_rotary(config)["rope_theta"],
        norm_heads=kind == "qwen3",
        bias=_BIASES.get(kind, "all" if config.get("attention_bias") else "none"),
    )


def read_decoder(folder: Path) -> Decoder:
    """Our decoder with a checkpoint's weights, in one file or several.

    Raises:
        ReleaseError: files are missing or damaged, or weights don't fit config.json.
    """
    config = read_config(folder)
    try:
        if not is_decoder(config):
            raise RuntimeError(f"a {config.get('model_type')} with settings that our decoder does not have")
        shape = shape_of(config)
        weights = _weights(folder)
        with torch.device("meta"):
            decoder = Decoder(shape)
        decoder.load_state_dict(from_files(weights, shape), assign=True)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise damaged(folder, error) from error
    return decoder.requires_grad_(True)


def _weights(folder: Path) -> dict[str, Tensor]:
    if not (folder / INDEX).exists():
        return read_weights(folder / WEIGHTS)
    found: dict[str, Tensor] = {}
    for name in sorted(set(read_json(folder / INDEX)["weight_map"].values())):
        found |= read_weights(folder / Path(name).name)
    return found


def write_decoder(decoder: Decoder, folder: Path) -> dict[str, Any]:
    """Write weights and generation_config.json; returns what config.json must hold for transformers."""
    shape = decoder.shape
    write_weights(to_files(decoder.state_dict(), shape), folder / WEIGHTS)
    ends = {name: value for name, value in _ends(shape).items() if value is not None}
    write_json(folder / GENERATION, {"_from_model_config": True, **ends})
    kind, name = _layout(shape)
    config: dict[str, Any] = {
        "architectures": [name],
        "model_type": kind,
        **{theirs: getattr(shape, ours) for ours, theirs in _CONFIG_NAMES.items()},
        "num_key_value_heads": shape.key_heads,
        "head_dim": shape.head_width,
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        # newer versions of transformers read the first, everything else the second
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.base},
        "rope_theta": shape.base,
        "torch_dtype": "float32",
    }
    if kind != "qwen2":
        config["attention_bias"] = shape.bias == "all"
    if kind == "llama":
        config["mlp_bias"] = False
    else:
        config |= {"use_sliding_window": False, "sliding_window": None, "max_window_layers": shape.layers}
    return config


def _layout(shape: Shape) -> tuple[str, str]:
    """The layout that has what this shape has: model_type and class."""
    if shape.norm_heads:
        return "qwen3", "Qwen3ForCausalLM"
    return ("qwen2", "Qwen2ForCausalLM") if shape.bias == "query-key-value" else ("llama", "LlamaForCausalLM")


def _ends(shape: Shape) -> dict[str, Any]:
    return {name: getattr(shape, ours) for ours, name in _CONFIG_NAMES.items() if ours in ("begin", "end", "padding")}
