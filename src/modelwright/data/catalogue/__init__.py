"""The catalogue: ready datasets and checkpoints, one YAML file each, fetched by package clients and pinned by hash."""
