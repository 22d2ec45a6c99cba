"""A GGUF file becomes a standard folder: the same logits and tokens as the model that it was made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from modelwright.base.errors import DataError
from modelwright.base.store import read_json
from modelwright.data import gguf as ours
from modelwright.models.decoder import Decoder, Shape
from modelwright.models.decoder_files import read_decoder, to_files
from modelwright.tasks.chat.tokenizer import ChatTokenizer, train

library = pytest.importorskip("gguf")

SHAPE = Shape(
    vocabulary=300, width=64, layers=2, heads=4, key_heads=2, head_width=16, feed_forward=96, context=128, norm_heads=False
)
_NAMES = {theirs: mine for mine, theirs in {**ours._WHOLE, **ours._LAYER}.items()}


@pytest.fixture(scope="module")
def words() -> ChatTokenizer:
    return train([f"red green blue {n} don't\n" for n in range(50)], 300)


def written(path: Path, words: ChatTokenizer, decoder: Decoder, **changed: Any) -> Path:
    """As llama.cpp writes one: its own names, neighbouring rows of a head for rotary positions, some weights in 8 bits."""
    writer = library.GGUFWriter(path, changed.get("architecture", "llama"))
    writer.add_context_length(SHAPE.context)
    writer.add_embedding_length(SHAPE.width)
    writer.add_block_count(SHAPE.layers)
    writer.add_feed_forward_length(SHAPE.feed_forward)
    writer.add_head_count(SHAPE.heads)
    writer.add_head_count_kv(SHAPE.key_heads)
    writer.add_layer_norm_rms_eps(SHAPE.epsilon)
    writer.add_rope_freq_base(SHAPE.base)
    vocabulary = words.tokenizer.get_vocab()
    content = [token for token, _ in sorted(vocabulary.items(), key=lambda item: item[1])]
    content += [f"unused{n}" for n in range(SHAPE.vocabulary - len(content))]
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(changed.get("rule", "qwen2"))
    writer.add_token_list(content)
    writer.add_token_types([3 if token in special else 1 for token in content])
    merges = json.loads(words.tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(merge) for merge in merges] or ["a b"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(2)
    writer.add_chat_template("{{ messages[0]['content'] }}")
    for name, tensor in to_files(decoder.state_dict(), SHAPE).items():
        stem, values = name.removesuffix(".weight"), tensor.numpy()
        if stem.startswith("model.layers."):
            layer, part = stem.removeprefix("model.layers.").split(".", 1)
            if part.endswith(("q_proj", "k_proj")):
                heads = SHAPE.heads if part.endswith("q_proj") else SHAPE.key_heads
                values = values.reshape(heads, 2, len(values) // heads // 2, -1).swapaxes(1, 2).reshape(values.shape)
            stem = f"blk.{layer}.{_NAMES[part]}"
        else:
            stem = _NAMES[stem]
        if stem.endswith("ffn_gate"):
            writer.add_tensor(
                f"{stem}.weight",
                library.quants.quantize(values, library.GGMLQuantizationType.Q8_0),
                raw_dtype=library.GGMLQuantizationType.Q8_0,
            )
        else:
            writer.add_tensor(f"{stem}.weight", np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    decoder = Decoder(SHAPE)
    decoder.initialise()
    return decoder.eval().requires_grad_(False)


def test_the_folder_answers_as_the_model_does(words, decoder, tmp_path):
    ours.unpack(written(tmp_path / "model.gguf", words, decoder), tmp_path)
    again = read_decoder(tmp_path).eval()
    assert again.shape == Shape(**{**vars(SHAPE), "begin": 0, "end": 2})
    ids = torch.randint(0, 300, (2, 20))
    with torch.no_grad():
        one, two = (model.logits(ids, torch.ones_like(ids)) for model in (decoder, again))
    assert (one - two).abs().max() < 0.02 * one.abs().max(), "16 and 8 bits round"
    assert read_json(tmp_path / "config.json")["architectures"] == ["LlamaForCausalLM"]
    found = ChatTokenizer.of_checkpoint(tmp_path)
    for text in ("red green\n\n  blue 123 don't <|im_end|>", "émoji 🙂 你好"):
        assert found.encode_many([text])[0] == words.encode_many([text])[0]
    assert (found.begin, found.end) == (0, 2) and found.template == "{{ messages[0]['content'] }}"


def test_what_is_not_read_is_refused(words, decoder, tmp_path):
    with pytest.raises(DataError, match="architecture is mamba"):
        ours.unpack(written(tmp_path / "a.gguf", words, decoder, architecture="mamba"), tmp_path)
    with pytest.raises(DataError, match="splitting as tekken"):
        ours.unpack(written(tmp_path / "b.gguf", words, decoder, rule="tekken"), tmp_path)
    whole = written(tmp_path / "c.gguf", words, decoder).read_bytes()
    for content in (b"no such file", whole[: len(whole) // 2]):
        (tmp_path / "broken.gguf").write_bytes(content)
        with pytest.raises(DataError) as caught:
            ours.unpack(tmp_path / "broken.gguf", tmp_path)
        assert caught.value.where == "broken.gguf" and "safetensors" in caught.value.remedy
