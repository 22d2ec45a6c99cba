"""Figures of quality in plain numpy, fast enough to be resampled a thousand times; shared by tasks of one kind."""
