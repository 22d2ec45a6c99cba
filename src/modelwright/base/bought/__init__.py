"""A model that is bought: an OpenAI-compatible service asked over HTTP, what it cost, and an asker that answers as a graph would."""
