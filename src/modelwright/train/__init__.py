"""Room `train`: the loop, optimisers, precision, forecasts. Joins a task's rows with a model."""
