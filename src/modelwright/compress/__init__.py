"""Room `compress`: export and smaller variants, each with before and after."""
