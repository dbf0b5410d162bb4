"""The client of glioserve."""
