"""Texts and conversations for language models: messages, template, tokenizer, packing. No torch, no transformers."""
