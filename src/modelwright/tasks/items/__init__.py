"""Recommendation in parts: questions from interactions, histories as numbers, made rows for the examiner."""
