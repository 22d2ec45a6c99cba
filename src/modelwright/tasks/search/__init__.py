"""What a search over a collection of texts is made of: passages, terms, vectors, ranked lists; no torch."""
