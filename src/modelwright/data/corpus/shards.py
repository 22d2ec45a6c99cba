"""Token ids on disk (`base/shards.py`): what a corpus becomes, and what a language model's task packs its lessons from."""

from modelwright.base.shards import DOCUMENTS, TOKENS, Packed, Shards, Window, open_shards, write_shards

__all__ = ["DOCUMENTS", "TOKENS", "Packed", "Shards", "Window", "open_shards", "write_shards"]
