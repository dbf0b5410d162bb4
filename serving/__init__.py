"""The gateway, its inference engines, and the Triton launcher. Never torch."""
