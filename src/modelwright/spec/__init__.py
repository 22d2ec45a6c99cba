"""Room `spec`: the project file, one module per section, frozen and typed; unknown keys are refused."""
