"""Masked language modelling: tokens hidden and guessed, passages that belong together or do not."""
