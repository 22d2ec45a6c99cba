"""Room `serve`: predictor, batching, HTTP, load rehearsal. Imports no torch."""
