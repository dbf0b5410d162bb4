"""How well masks and images agree: every figure comes with the convention by which it was computed."""
