"""Series of numbers over time: their steps, their windows, and what is asked of them."""
