"""The engines that run the networks, what they serve, and whether they can be trusted.

Start at `engine.py`: `open_engine` gives the engine that was named.
"""
