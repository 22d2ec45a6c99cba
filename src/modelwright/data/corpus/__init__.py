"""Corpora: documents by the million, read, cleaned, split and tokenised in a stream, whatever the memory."""
