"""The contract, version 1: generated from the .proto files beside this module by `make protos`."""
