"""Room `data`: sources, schema, cleaning, splits, card. Knows rows and columns, no task, no model."""
