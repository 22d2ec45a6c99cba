"""The pipeline: the table of stages, the runner, and one module of glue per stage. The only place that sees every room."""
