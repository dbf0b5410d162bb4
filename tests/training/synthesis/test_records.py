import numpy as np
import pytest

from imaging.modality import Modality
from training.synthesis.losses import ADVERSARIAL, IMAGE
from training.synthesis.records import GeneratorRecord, draw_generator_curves, draw_samples

PNG = b"\x89PNG"


def record(epoch, *, judged):
    return GeneratorRecord(
        epoch=epoch,
        terms={IMAGE: 0.1, **({ADVERSARIAL: -0.3} if judged else {})},
        weights={IMAGE: 1.0, ADVERSARIAL: 0.5},
        adapted=epoch == 0,
        discriminator_loss=1.5 if judged else None,
        validation_ssim={"t1": 0.9, "t2": 0.8},
        seconds=1.0,
    )


@pytest.mark.parametrize("judged", [(False,), (False, True), (False, False, True, True)])
def test_curves_begin_before_the_discriminator_does(tmp_path, judged):
    path = tmp_path / "curves.png"
    draw_generator_curves([record(epoch, judged=now) for epoch, now in enumerate(judged)], path, title="Generator t1")
    assert path.read_bytes().startswith(PNG)
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize("contrasts", [(Modality.T2,), tuple(Modality)])
def test_samples_are_a_picture_that_shows_what_was_drawn(tmp_path, contrasts):
    real = np.random.default_rng(0).random((len(contrasts), 16, 12), dtype=np.float32)
    for name, synthetic in (("one", real), ("other", 1 - real)):
        draw_samples(real, synthetic, contrasts, tmp_path / f"{name}.png")
    one, other = ((tmp_path / f"{name}.png").read_bytes() for name in ("one", "other"))
    assert one.startswith(PNG)
    assert one != other
