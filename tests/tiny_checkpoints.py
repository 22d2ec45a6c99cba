"""Checkpoints small enough for tests, as other libraries save them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def bert(folder: Path, texts: Iterable[str]) -> Path:
    """A BERT of random weights in `folder`, whose tokenizer knows the words of `texts` (and their characters, where there are no spaces)."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=special, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.save(str(folder / "tokenizer.json"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        config = BertConfig(vocab_size=tokenizer.get_vocab_size(), max_position_embeddings=64, pad_token_id=0, **sizes)
        BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder
