"""The engines that run the networks (`engine.py` names them), what they serve, and whether they can be trusted."""
