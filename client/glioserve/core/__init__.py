"""What both clients share: requests are planned and answers folded here, without any input or output of gRPC's."""
