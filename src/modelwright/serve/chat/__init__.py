"""The OpenAI-compatible face of a language model: requests, the engine that answers several at once, streams, a page to chat."""
