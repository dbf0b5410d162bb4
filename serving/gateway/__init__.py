"""The gateway: gRPC on the outside, a data plane that knows no transport on the inside."""
