"""Modelwright: from raw data to a model that is trained, proven, compressed, served, watched and priced."""
