"""What segments during a search: the reference in this process, and candidates behind a Triton."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.grpc.model_config_pb2 import DataType, ModelConfig
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from export.errors import TuneError
from export.session import open_graph
from export.unet_graph import INPUT, OUTPUT
from imaging.pipeline.predictor import Slices
from imaging.regions import Region

LONGEST_CALL_S = 300.0
"""Of one call: TensorRT may build an engine in it."""


class ReferenceEngine:
    """ONNX Runtime in float32 within this process: what candidates are compared with. Is a `Predictor`.

    Args:
        graphs: Of the three regions, as exported.

    Raises:
        ParityError: One can't be loaded.
    """

    name = f"onnxruntime {ort.__version__} fp32"

    def __init__(self, graphs: Mapping[Region, bytes]) -> None:
        self._sessions = {region: open_graph(graph) for region, graph in graphs.items()}

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """Probabilities, as of `imaging.pipeline.predictor.Predictor`."""
        session = self._sessions[region]
        kind = np.float16 if session.get_inputs()[0].type == "tensor(float16)" else np.float32
        (answer,) = session.run([OUTPUT], {INPUT: slices.astype(kind, copy=False)})
        probabilities: npt.NDArray[np.float32] = answer.astype(np.float32, copy=False)
        return probabilities


class CandidateEngine:
    """One candidate of a trial, behind a Triton. Is a `Predictor`.

    Args:
        client: Connected; may be shared.
        models: The candidate's models by region.

    Raises:
        TuneError: Triton does not serve one.
    """

    def __init__(self, client: InferenceServerClient, models: Mapping[Region, str]) -> None:
        self._client = client
        self._models = dict(models)
        self._types = {region: _wire_type(client, name) for region, name in models.items()}

    def predict(self, region: Region, slices: Slices) -> npt.NDArray[np.float32]:
        """Probabilities, as of `imaging.pipeline.predictor.Predictor`.

        Raises:
            TuneError: The candidate fails.
        """
        model, wire = self._models[region], self._types[region]
        tensor = InferInput(INPUT, slices.shape, wire)
        tensor.set_data_from_numpy(np.ascontiguousarray(slices, dtype=triton_to_np_dtype(wire)))
        wanted = [InferRequestedOutput(OUTPUT)]
        try:
            result = self._client.infer(model, [tensor], outputs=wanted, client_timeout=LONGEST_CALL_S)
        except InferenceServerException as error:
            raise TuneError(model, "must answer", f"{error.status()}") from error
        probabilities: npt.NDArray[np.float32] = result.as_numpy(OUTPUT).astype(np.float32, copy=False)
        return probabilities


def _wire_type(client: Any, name: str) -> str:  # noqa: ANN401  # tritonclient has no types
    """What a model takes, as Triton names it on the wire, e.g. `FP16`."""
    try:
        config: ModelConfig = client.get_model_config(name, client_timeout=LONGEST_CALL_S).config
    except InferenceServerException as error:
        raise TuneError(name, "must be served by Triton", f"{error.status()}") from error
    return str(DataType.Name(config.input[0].data_type)).removeprefix("TYPE_")
