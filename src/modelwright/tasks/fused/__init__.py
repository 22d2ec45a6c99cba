"""A task whose rows are read by several members of a fusion at once."""
