"""The networks behind a Triton Inference Server, by gRPC."""

from __future__ import annotations

import logging
import math
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import grpc
import numpy as np
import numpy.typing as npt
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.grpc.model_config_pb2 import ModelConfig
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from serving.errors import (
    EngineAnswerError,
    EngineBusyError,
    EngineDeadlineError,
    EngineUnavailableError,
    ModelRepositoryError,
    ServingError,
)
from serving.inference.catalog import ModelCatalog, catalog_from, is_optional
from serving.inference.checks import answer_shape, check_answer, check_batch
from serving.inference.engine import Engine
from serving.inference.networks import Batch, ServedNetwork
from serving.inference.runner import CatalogRunner
from serving.inference.shared_memory import Region, SharedRegions
from serving.loopback import is_loopback
from serving.telemetry.tracing import carried

_Result = TypeVar("_Result")

_CHANNEL_ARGUMENTS = [
    # A channel of its own for every client: a shared one would hand its back-off to the client that replaces it.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # Of an address that names several, e.g. a headless Service, each gets its turn.
    ("grpc.lb_policy_name", "round_robin"),
    # The address is a server of ours: a proxy of the environment is never meant.
    ("grpc.enable_http_proxy", 0),
]

_ALIGNMENT = 64
_UNKNOWN_REGION = "Unable to find shared memory region"
_KNOWN_REGION = "already in manager"
_log = logging.getLogger(__name__)


class _NotSharedError(Exception):
    """Triton can't open this host's shared memory."""


class TritonPredictor(CatalogRunner):
    """Runs the models that a Triton serves. Implements `InferenceEngine`.

    A connection that broke is replaced, so that the first call after a restart of Triton succeeds.

    Args:
        address: `host:port` of Triton's gRPC endpoint.
        deadline_s: Seconds that one call may take, waiting in Triton's queue included.
        shared_memory: Hand tensors over by shared memory where the address is this host's and Triton can open it; else,
            and where that fails, by the wire. The answers are the same bits.

    Raises:
        EngineUnavailableError: Triton does not answer.
        ModelRepositoryError: It does not serve the three U-Nets, or serves a network not as `export` writes it.
    """

    engine = Engine.TRITON

    def __init__(self, address: str, *, deadline_s: float = 60.0, shared_memory: bool = True) -> None:
        self._address = address
        shares = shared_memory and is_loopback(address.rpartition(":")[0])
        self._regions = SharedRegions() if shares else None
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._client: Any = None
        self._closed = False
        self.catalog: ModelCatalog = catalog_from(self._model_config, self._optional_names())

    @property
    def address(self) -> str:
        """`host:port` of Triton's gRPC endpoint."""
        return self._address

    @property
    def shares_memory(self) -> bool:
        """Whether tensors go by shared memory."""
        return self._regions is not None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._closed = True
            client, self._client = self._client, None
        if client is not None:
            client.close()
        if (regions := self._regions) is not None:
            regions.close()

    def _run(self, network: ServedNetwork, batch: Batch) -> npt.NDArray[Any]:
        check_batch(network, batch)
        answer = None
        if self._regions is not None:
            answer = self._run_shared(network, batch, self._regions)
        if answer is None:
            answer = self._run_wired(network, batch)
        check_answer(network, batch, answer)
        return answer

    def _run_wired(self, network: ServedNetwork, batch: Batch) -> npt.NDArray[Any]:
        tensor = InferInput(network.input_name, batch.shape, np_to_triton_dtype(network.input_type))
        tensor.set_data_from_numpy(np.ascontiguousarray(batch))
        return _output(network, self._infer(network, tensor, InferRequestedOutput(network.output_name)))

    def _run_shared(self, network: ServedNetwork, batch: Batch, regions: SharedRegions) -> npt.NDArray[Any] | None:
        """The answer by shared memory; None where there is no more of it, or Triton does not share it."""
        shape, dtype = answer_shape(network, batch), np.dtype(network.output_type)
        size = math.prod(shape) * dtype.itemsize
        # Aligned for any type; and after the question, which the answer must not overwrite while it is read.
        offset = -(-batch.nbytes // _ALIGNMENT) * _ALIGNMENT
        tensor = InferInput(network.input_name, batch.shape, np_to_triton_dtype(network.input_type))
        wanted = InferRequestedOutput(network.output_name)
        try:
            with regions.lend(offset + size) as region:
                region.write(batch)
                region.blank(size, offset=offset)
                tensor.set_shared_memory(region.name, batch.nbytes)
                wanted.set_shared_memory(region.name, size, offset)
                self._introduce(region)
                try:
                    result = self._infer(network, tensor, wanted)
                except EngineAnswerError as error:
                    if _UNKNOWN_REGION not in error.got:
                        raise
                    region.known_to = None  # Triton was restarted, and the connection outlived it
                    self._introduce(region)
                    result = self._infer(network, tensor, wanted)
                _check_output(network, result, shape, dtype)
                return region.read(shape, dtype, offset=offset)
        except (OSError, _NotSharedError) as error:
            self._share_no_more(error)
            return None

    def _infer(self, network: ServedNetwork, tensor: InferInput, wanted: InferRequestedOutput) -> Any:  # noqa: ANN401 (tritonclient has no types)
        return self._call(
            network.name,
            lambda client: client.infer(
                network.name,
                [tensor],
                model_version=network.version,
                outputs=[wanted],
                headers=carried(),
                client_timeout=self._deadline_s,
            ),
        )

    def _introduce(self, region: Region) -> None:
        """Tell Triton of a region, unless this connection has.

        Raises:
            _NotSharedError: Triton can't open it.
        """
        client = self._connected()
        if region.known_to is client:
            return
        try:
            self._call(
                "triton",
                lambda client: client.register_system_shared_memory(
                    region.name, region.key, region.size, client_timeout=self._deadline_s
                ),
            )
        except EngineAnswerError as error:
            if _KNOWN_REGION not in error.got:
                raise _NotSharedError(error.got) from error
        region.known_to = client

    def _share_no_more(self, error: Exception) -> None:
        regions, self._regions = self._regions, None
        if regions is not None:
            _log.warning("engine.shared_memory_off", extra={"reason": str(error), "instead": "the wire"})
            regions.close()

    def _optional_names(self) -> list[str]:
        """The models beside the U-Nets that are served, by Triton's own index.

        Raises:
            EngineUnavailableError: Triton is still loading one.
            ModelRepositoryError: It could not load one.
        """
        index = self._call(
            "triton", lambda client: client.get_model_repository_index(client_timeout=self._deadline_s)
        ).models
        states: dict[str, dict[str, str]] = defaultdict(dict)
        for entry in index:
            if is_optional(entry.name):
                states[entry.name][entry.state] = entry.reason
        return [name for name in sorted(states) if _is_served(name, states[name])]

    def _model_config(self, name: str) -> tuple[ModelConfig, str]:
        """The configuration and the newest ready version of a model."""
        metadata = self._call(name, lambda client: client.get_model_metadata(name, client_timeout=self._deadline_s))
        response = self._call(name, lambda client: client.get_model_config(name, client_timeout=self._deadline_s))
        return response.config, max(metadata.versions, key=int)

    def _call(self, name: str, call: Callable[[Any], _Result]) -> _Result:
        """One call, its faults as our own errors. `name` is the model that it is about."""
        client = self._connected()
        try:
            return call(client)
        except InferenceServerException as error:
            fault = _fault(name, error)
            if isinstance(fault, EngineUnavailableError):
                self._discard(client)
            raise fault from error
        except ValueError as error:  # what grpc says of a channel that `close` closed under a running call
            raise EngineUnavailableError("triton", "must be connected", str(error)) from error

    def _connected(self) -> Any:  # noqa: ANN401 (tritonclient has no types)
        with self._lock:
            if self._closed:
                raise EngineUnavailableError("triton", "must be connected", "closed")
            if self._client is None:
                self._client = InferenceServerClient(self._address, channel_args=_CHANNEL_ARGUMENTS)
            return self._client

    def _discard(self, client: object) -> None:
        """Let the next call make a connection of its own; calls of other threads end on the old one."""
        with self._lock:
            if self._client is client:
                self._client = None


def _is_served(name: str, states: Mapping[str, str]) -> bool:
    """Whether a model is served, by the states of its versions, each with its reason."""
    if "READY" in states:
        return True
    if "LOADING" in states:
        raise EngineUnavailableError(name, "must have been loaded by Triton", "loading")
    # What nobody asked Triton to load has no state; what it was asked to let go says so.
    reason = states.get("UNAVAILABLE", "unloaded")
    if reason != "unloaded":
        raise ModelRepositoryError(name, "must be loaded by Triton", reason or "no reason told")
    return False


def _output(network: ServedNetwork, result: Any) -> npt.NDArray[Any]:  # noqa: ANN401 (as above)
    try:
        answer: npt.NDArray[Any] | None = result.as_numpy(network.output_name)
    except ValueError as error:  # fewer bytes than the shape that is stated
        raise EngineAnswerError(network.name, "must send as many bytes as its shape needs", str(error)) from error
    if answer is None:
        raise EngineAnswerError(network.name, f"must answer {network.output_name}", "no such tensor")
    return answer


def _check_output(network: ServedNetwork, result: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:  # noqa: ANN401 (as above)
    """What Triton says that it wrote, against what is about to be read."""
    output = result.get_output(network.output_name)
    got = None if output is None else (tuple(output.shape), str(output.datatype))
    if got != (shape, np_to_triton_dtype(dtype)):
        raise EngineAnswerError(network.name, f"must answer {dtype} {shape}", f"{got}")


def _fault(name: str, error: InferenceServerException) -> ServingError:
    """Triton's error as ours."""
    status, message = str(error.status()), str(error.message())
    match status.removeprefix("StatusCode."):
        case grpc.StatusCode.UNAVAILABLE.name if "exceeds maximum queue size" in message.lower():
            return EngineBusyError(name, "must have room in Triton's queue", message)
        case grpc.StatusCode.UNAVAILABLE.name | grpc.StatusCode.CANCELLED.name:
            return EngineUnavailableError("triton", "must answer", message)
        case grpc.StatusCode.DEADLINE_EXCEEDED.name:
            return EngineDeadlineError(name, "must answer in time", message)
        case grpc.StatusCode.RESOURCE_EXHAUSTED.name:
            return EngineBusyError(name, "must have room for the call", message)
        case grpc.StatusCode.NOT_FOUND.name:
            return ModelRepositoryError(name, "must be served by Triton", message)
        case _:
            return EngineAnswerError(name, "must run", f"{status}: {message}")
