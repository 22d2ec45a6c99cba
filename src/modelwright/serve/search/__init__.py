"""A search release over HTTP: vectors in OpenAI's shape, and answers that cite the passages they come from."""
