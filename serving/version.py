"""The version of this server, as installed."""

from __future__ import annotations

from importlib.metadata import version

SERVER_VERSION = version("glioserve-stack")
