"""What a model repository says of its models, and every way in which it may be wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import TYPE_FP16, TYPE_FP32, ModelConfig

from imaging.pipeline.plan import ModelPlan
from imaging.regions import Region
from serving.errors import Cause, ModelRepositoryError, UnknownGeneratorError
from serving.inference.catalog import ModelCatalog, read_model, repository_catalog
from tests.serving.model_repository import (
    CHANNELS,
    GENERATOR_PLAN,
    model_config,
    tiny_onnx,
    write_generator,
    write_model,
    write_repository,
)


def test_reads_what_was_written(repository: Path) -> None:
    catalog = repository_catalog(repository)

    assert list(catalog.models) == list(Region)
    for region, model in catalog.models.items():
        content = (repository / f"unet_{region}" / "1" / "model.onnx").read_bytes()
        assert (model.name, model.version, model.max_batch_size) == (f"unet_{region}", "1", 16)
        assert model.sha256 == hashlib.sha256(content).hexdigest()
        assert read_model(repository, model) == content
        assert catalog[region] is model
        assert catalog.plans[region] == ModelPlan(region, CHANNELS[region])


def test_reads_the_generator_that_was_written(repository: Path) -> None:
    catalog = repository_catalog(repository)
    content = (repository / "generator_joint" / "1" / "model.onnx").read_bytes()

    generator = catalog.generator("joint")

    assert list(catalog.generators) == ["joint"]
    assert catalog.networks == (*catalog.models.values(), generator)
    assert (generator.name, generator.target, generator.version) == ("generator_joint", "joint", "1")
    assert (generator.max_batch_size, generator.threads) == (4, 1)
    assert generator.sha256 == hashlib.sha256(content).hexdigest()
    assert generator.plan == GENERATOR_PLAN
    assert read_model(repository, generator) == content
    assert catalog[Region.WT].threads is None


def test_a_repository_need_not_have_a_generator(tmp_path: Path) -> None:
    catalog = repository_catalog(write_repository(tmp_path, draws=False))

    assert not catalog.generators
    with pytest.raises(
        UnknownGeneratorError, match=r"generator: must be one of those served \(there is none\)"
    ) as caught:
        catalog.generator("joint")
    assert caught.value.cause is Cause.INVALID


def test_generators_stand_beside_each_other(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    write_generator(repository, name="generator_another")

    catalog = repository_catalog(repository)

    assert list(catalog.generators) == ["another", "joint"]
    with pytest.raises(UnknownGeneratorError, match=r"served \(another, joint\), got 'flair'"):
        catalog.generator("flair")


def test_the_newest_version_counts_by_number(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    content = tiny_onnx(3, seed=5)
    for version in (9, 10):
        write_model(repository, model_config(Region.WT, content), content, version=version)

    assert repository_catalog(repository)[Region.WT].version == "10"


def without_plan(config: ModelConfig) -> None:
    del config.parameters["glioserve_plan"]


def with_another_plan(config: ModelConfig) -> None:
    config.parameters["glioserve_plan"].string_value = ModelPlan(Region.ET, CHANNELS[Region.ET]).to_json()


def with_a_damaged_plan(config: ModelConfig) -> None:
    config.parameters["glioserve_plan"].string_value = "{"


def with_an_empty_record(config: ModelConfig) -> None:
    config.parameters["glioserve_golden"].string_value = "{}"


def without_digest(config: ModelConfig) -> None:
    del config.parameters["onnx_sha256"]


def with_half_a_digest(config: ModelConfig) -> None:
    config.parameters["onnx_sha256"].string_value = "abc"


def with_another_name(config: ModelConfig) -> None:
    config.name = "unet_tc"


def without_batches(config: ModelConfig) -> None:
    config.max_batch_size = 0


def with_a_channel_more(config: ModelConfig) -> None:
    config.input[0].dims[0] = 4


def with_half_precision(config: ModelConfig) -> None:
    config.output[0].data_type = TYPE_FP16


def with_single_precision(config: ModelConfig) -> None:
    config.output[0].data_type = TYPE_FP32


def without_output(config: ModelConfig) -> None:
    del config.output[:]


def with_no_threads(config: ModelConfig) -> None:
    config.parameters["intra_op_thread_count"].string_value = "0"


@pytest.mark.parametrize(
    ("alter", "complaint"),
    [
        (without_plan, "generator_joint: must have the parameter glioserve_plan"),
        (with_another_plan, "generator_joint: parameter glioserve_plan must be an object"),
        (with_an_empty_record, "generator_joint: parameter glioserve_golden must be an object"),
        (with_half_a_digest, "generator_joint: must state onnx_sha256 as 64"),
        (with_another_name, r"generator_joint: config.pbtxt must name its own model, got 'unet_tc'"),
        (without_batches, "generator_joint: must have a max_batch_size"),
        (with_a_channel_more, r"generator_joint: must have one uint8 tensor maps [19, -1, -1]"),
        (with_half_precision, r"generator_joint: must have one float32 tensor images [4, -1, -1]"),
        (with_no_threads, "generator_joint: intra_op_thread_count must be a whole number from 1 up, got 0"),
    ],
)
def test_refuses_a_generators_configuration(
    tmp_path: Path, alter: Callable[[ModelConfig], None], complaint: str
) -> None:
    repository = write_repository(tmp_path)
    path = repository / "generator_joint" / "config.pbtxt"
    config = text_format.Parse(path.read_text(), ModelConfig())
    alter(config)
    path.write_text(text_format.MessageToString(config))

    with pytest.raises(ModelRepositoryError) as caught:
        repository_catalog(repository)

    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("alter", "complaint"),
    [
        (without_plan, "unet_wt: must have the parameter glioserve_plan"),
        (with_another_plan, "unet_wt: must have a plan for wt, got et"),
        (with_a_damaged_plan, "unet_wt: parameter glioserve_plan must be JSON"),
        (with_an_empty_record, "unet_wt: parameter glioserve_golden must be an object"),
        (without_digest, "unet_wt: must have the parameter onnx_sha256"),
        (with_half_a_digest, "unet_wt: must state onnx_sha256 as 64"),
        (with_another_name, "unet_wt: config.pbtxt must name its own model, got 'unet_tc'"),
        (without_batches, "unet_wt: must have a max_batch_size"),
        (with_a_channel_more, "unet_wt: must have one float16 tensor slices"),
        (with_single_precision, "unet_wt: must have one float16 tensor probabilities"),
        (without_output, "unet_wt: must have one float16 tensor probabilities"),
    ],
)
def test_refuses_a_configuration(tmp_path: Path, alter: Callable[[ModelConfig], None], complaint: str) -> None:
    repository = write_repository(tmp_path)
    path = repository / "unet_wt" / "config.pbtxt"
    config = text_format.Parse(path.read_text(), ModelConfig())
    alter(config)
    path.write_text(text_format.MessageToString(config))

    with pytest.raises(ModelRepositoryError) as caught:
        repository_catalog(repository)

    assert complaint in str(caught.value)
    assert caught.value.cause is Cause.PRECONDITION


def test_a_plan_for_another_region(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    path = repository / "unet_tc" / "config.pbtxt"
    config = text_format.Parse(path.read_text(), ModelConfig())
    with_another_plan(config)
    path.write_text(text_format.MessageToString(config))

    with pytest.raises(ModelRepositoryError, match="unet_tc: must have a plan for tc, got et"):
        repository_catalog(repository)


def test_text_that_is_no_configuration(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    (repository / "unet_wt" / "config.pbtxt").write_text('surprise: "yes"')

    with pytest.raises(ModelRepositoryError, match=r"unet_wt: config\.pbtxt must be a Triton model configuration"):
        repository_catalog(repository)


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelRepositoryError, match=r"unet_wt: must have a readable config\.pbtxt"):
        repository_catalog(tmp_path)


def test_no_version(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    (repository / "unet_et" / "1").rename(repository / "unet_et" / "first")

    with pytest.raises(ModelRepositoryError, match="unet_et: must have a numbered version folder"):
        repository_catalog(repository)


def test_no_model_file(tmp_path: Path) -> None:
    repository = write_repository(tmp_path)
    (repository / "unet_et" / "1" / "model.onnx").unlink()

    with pytest.raises(ModelRepositoryError, match=r"unet_et: version 1 must hold model\.onnx"):
        repository_catalog(repository)


def test_a_catalog_holds_every_region_under_its_own_name(repository: Path) -> None:
    models = dict(repository_catalog(repository).models)

    with pytest.raises(ModelRepositoryError, match="none for et"):
        ModelCatalog({region: models[region] for region in (Region.WT, Region.TC)})
    with pytest.raises(ModelRepositoryError, match="under et"):
        ModelCatalog({**models, Region.ET: models[Region.TC]})
    generators = repository_catalog(repository).generators
    with pytest.raises(ModelRepositoryError, match="another under flair"):
        ModelCatalog(models, {"flair": generators["joint"]})
