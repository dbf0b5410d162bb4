"""The command line `glioserve`. Exit codes: 0 done, 1 the exam or the server failed, 2 the command is wrong."""

from glioserve.cli.app import app, main

__all__ = ["app", "main"]
