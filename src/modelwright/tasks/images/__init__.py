"""How images become numbers."""
