"""Room `evaluate`: metrics with intervals, slices, calibration, paired tests, choosing."""
