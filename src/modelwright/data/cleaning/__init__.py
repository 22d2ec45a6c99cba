"""Cleaning: each step takes records and says which of them go to quarantine, and why. Nothing is dropped in silence."""
