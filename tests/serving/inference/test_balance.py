"""An address that names several Tritons: each gets its turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from tritonclient.grpc import InferenceServerClient, service_pb2, service_pb2_grpc

from serving.inference.triton_predictor import _CHANNEL_ARGUMENTS


@contextmanager
def counting(calls: Counter[str], host: str, port: int) -> Iterator[int]:
    """Stands for a Triton at an address: counts who asks whether it lives. Gives its port."""

    class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # no types there
        def ServerLive(self, _request: object, _context: object) -> object:  # noqa: N802 (gRPC's name)
            calls[host] += 1
            return service_pb2.ServerLiveResponse(live=True)

    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(), server)
        bound = server.add_insecure_port(f"{host}:{port}")
        server.start()
        try:
            yield bound
        finally:
            server.stop(None).wait()


def test_every_triton_gets_its_turn() -> None:
    calls: Counter[str] = Counter()
    with counting(calls, "127.0.0.1", 0) as port, counting(calls, "127.0.0.2", port):
        address = f"ipv4:127.0.0.1:{port},127.0.0.2:{port}"
        client = InferenceServerClient(address, channel_args=_CHANNEL_ARGUMENTS)
        # The first calls may all go to the one that is connected first.
        while len(calls) < 2:
            client.is_server_live()
        calls.clear()
        for _ in range(20):
            client.is_server_live()
        client.close()
    assert calls == {"127.0.0.1": 10, "127.0.0.2": 10}
