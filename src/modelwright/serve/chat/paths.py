"""The addresses of OpenAI's interface that are served here."""

from __future__ import annotations

CHAT, TEXT, EMBEDDINGS = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
