"""What this server is, over gRPC."""

from __future__ import annotations

from typing import Any

from glioserve.v1.info_pb2 import GetInfoRequest, GetInfoResponse
from glioserve.v1.info_pb2_grpc import InfoServiceServicer
from grpc import aio

from serving.gateway.admission import Admission
from serving.gateway.conversions import label_scheme_messages, model_message
from serving.gateway.synthesis_messages import generator_message
from serving.inference.catalog import ModelCatalog
from serving.inference.engine import Engine
from serving.version import SERVER_VERSION


class InfoServicer(InfoServiceServicer):
    """`glioserve.v1.InfoService`.

    Args:
        catalog: What is served.
        engine: What runs it.
        admission: The queue.
        max_file_bytes: Of one file as sent.
        max_voxels: Of one volume.
    """

    def __init__(
        self, catalog: ModelCatalog, *, engine: Engine, admission: Admission, max_file_bytes: int, max_voxels: int
    ) -> None:
        self._catalog = catalog
        self._engine = engine
        self._admission = admission
        self._max_file_bytes = max_file_bytes
        self._max_voxels = max_voxels

    async def GetInfo(  # noqa: N802  # the contract's name
        self,
        request: GetInfoRequest,  # noqa: ARG002  # it has no field
        context: aio.ServicerContext[Any, Any],  # noqa: ARG002  # the signature is gRPC's
    ) -> GetInfoResponse:
        """Versions, models and limits."""
        return GetInfoResponse(
            server_version=SERVER_VERSION,
            engine=self._engine.value,
            models=[model_message(model) for model in self._catalog.models.values()],
            label_schemes=label_scheme_messages(),
            max_file_bytes=self._max_file_bytes,
            max_voxels=self._max_voxels,
            queue_capacity=self._admission.queue_capacity,
            queue_length=self._admission.queue_length,
            generators=[generator_message(generator) for generator in self._catalog.generators.values()],
        )
