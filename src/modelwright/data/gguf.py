"""A language model in one GGUF file, as the standard folder that routes start from: config.json, model.safetensors, tokenizer.json.

GGUF is what llama.cpp reads. Its weights are mostly quantised: they come back as the numbers that they stand for, rounded to float16,
which loses nothing beside what quantisation has lost. The file is read as data; nothing in it is executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from modelwright.base.errors import DataError
from modelwright.base.optional import require
from modelwright.base.store import write_json, write_text, writing

_WHOLE = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}
_BYTES: Mapping[str, Any] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
_DIGITS = {"type": "Digits", "individual_digits": True}
_QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_SPLITS: Mapping[str, list[Mapping[str, Any]]] = {  # by the file's name for its rule
    "smollm": [_DIGITS, _BYTES],
    "gpt-2": [_BYTES],
    "qwen2": [
        {"type": "Split", "pattern": {"Regex": _QWEN}, "behavior": "Isolated", "invert": False},
        {**_BYTES, "use_regex": False},
    ],
}
_CONTROL, _USER_DEFINED = 3, 4  # kinds of tokens
_NAMED = {"bos": "bos_token_id", "eos": "eos_token_id", "unk": "unknown_token_id", "pad": "padding_token_id"}


def unpack(file: Path, folder: Path) -> None:
    """Write the model of `file` into `folder`.

    Raises:
        DataError: no GGUF file, damaged, or of a kind that is not read.
    """
    library = require("gguf", "train")
    try:
        reader = library.GGUFReader(str(file))
        said = {name: field.contents() for name, field in reader.fields.items()}
        kind = str(said["general.architecture"])
        if kind not in _ARCHITECTURES:
            raise _refused(file, f"its architecture is {kind}", f"one of: {', '.join(_ARCHITECTURES)}")
        config = _config(said, kind, any(tensor.name == "output.weight" for tensor in reader.tensors))
        with writing(folder):
            weights = dict(_weights(reader.tensors, config, kind, library.dequantize))
            require("safetensors.numpy", "train").save_file(weights, folder / "model.safetensors", {"format": "pt"})
        write_json(folder / "config.json", config)
        _write_tokenizer(said, file, folder)
    except (ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise _refused(file, str(error)[:200] or type(error).__name__, "an undamaged GGUF file of a language model") from error


def _config(said: Mapping[str, Any], kind: str, untied: bool) -> dict[str, Any]:
    """What config.json holds, by the names of transformers."""

    def told(name: str) -> Any:
        return said[f"{kind}.{name}"]

    heads, width = told("attention.head_count"), told("embedding_length")
    base = float(said.get(f"{kind}.rope.freq_base", 10_000.0))
    found = {
        "architectures": [_ARCHITECTURES[kind]],
        "model_type": kind,
        "vocab_size": len(said["tokenizer.ggml.tokens"]),
        "hidden_size": width,
        "intermediate_size": told("feed_forward_length"),
        "num_hidden_layers": told("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": said.get(f"{kind}.attention.head_count_kv", heads),
        "head_dim": said.get(f"{kind}.attention.key_length", width // heads),
        "max_position_embeddings": told("context_length"),
        "rms_norm_eps": _plain(told("attention.layer_norm_rms_epsilon")),
        "rope_parameters": {"rope_type": "default", "rope_theta": base},
        "rope_theta": base,
        "tie_word_embeddings": not untied,
        "hidden_act": "silu",
        "torch_dtype": "float16",
    }
    ids = {f"{name}_token_id": said[f"tokenizer.ggml.{key}"] for name, key in _NAMED.items() if f"tokenizer.ggml.{key}" in said}
    return {**found, **{name: ids[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id") if name in ids}}


def _plain(value: float) -> float:
    """A float32 as the decimal number that it was written as."""
    return float(np.format_float_positional(np.float32(value), trim="-"))


def _weights(tensors: Any, config: Mapping[str, Any], kind: str, dequantise: Any) -> Iterator[tuple[str, np.ndarray]]:
    for tensor in tensors:
        stem, _, ending = tensor.name.rpartition(".")
        if stem in _WHOLE:
            name = _WHOLE[stem]
        elif stem.startswith("blk."):
            _, layer, part = stem.split(".", 2)
            name = f"model.layers.{layer}.{_LAYER[part]}"
        elif stem == "rope_freqs":
            raise ValueError("it stretches its rotary positions, which is not read")
        else:
            raise KeyError(f"no place for the weight {tensor.name}")
        values = dequantise(tensor.data, tensor.tensor_type)
        if kind == "llama" and stem.endswith(("attn_q", "attn_k")):
            heads = config["num_attention_heads" if stem.endswith("attn_q") else "num_key_value_heads"]
            values = _halves(values, heads)
        yield f"{name}.{ending}", np.ascontiguousarray(values.astype(np.float16))


def _halves(values: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp pairs neighbouring rows of a head for rotary positions, transformers the halves of a head: back to the latter."""
    rows = values.shape[0] // heads // 2
    return values.reshape(heads, rows, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def _write_tokenizer(said: Mapping[str, Any], file: Path, folder: Path) -> None:
    model, rule = said["tokenizer.ggml.model"], said.get("tokenizer.ggml.pre", "gpt-2")
    if model != "gpt2" or rule not in _SPLITS:
        raise _refused(
            file, f"its tokenizer is {model}, splitting as {rule}", f"byte-level pairs, splitting as {' or '.join(_SPLITS)}"
        )
    tokens, kinds = said["tokenizer.ggml.tokens"], said["tokenizer.ggml.token_type"]
    added = [
        {
            "id": number,
            "content": token,
            **dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False),
            "special": kind == _CONTROL,
        }
        for number, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind in (_CONTROL, _USER_DEFINED)
    ]
    merges = [merge.split(" ") for merge in said["tokenizer.ggml.merges"]]
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": _SPLITS[rule]},
        "post_processor": None,
        "decoder": _BYTES,
        "model": {
            "type": "BPE",
            **dict.fromkeys(("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")),
            **dict.fromkeys(("fuse_unk", "byte_fallback", "ignore_merges"), False),
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": merges,
        },
    }
    write_json(folder / "tokenizer.json", content)
    named = {
        f"{name}_token": tokens[said[f"tokenizer.ggml.{key}"]] for name, key in _NAMED.items() if f"tokenizer.ggml.{key}" in said
    }
    config = {"tokenizer_class": "PreTrainedTokenizerFast", **named, "clean_up_tokenization_spaces": False}
    write_json(folder / "tokenizer_config.json", config)
    if template := said.get("tokenizer.chat_template"):
        write_text(folder / "chat_template.jinja", template)


def _refused(file: Path, came: str, expected: str) -> DataError:
    return DataError(
        f"the GGUF file can't be read: {came}",
        expected=expected,
        where=file.name,
        remedy="Take the same model as safetensors, from the hub or a folder.",
    )
