"""Which engine, precision and instances serve the U-Nets fastest on a machine, without changing what they find."""
