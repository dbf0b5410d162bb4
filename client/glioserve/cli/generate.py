"""`glioserve generate`: one labelled synthetic exam."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from glioserve.atomic import make_folder
from glioserve.cli.faults import reported
from glioserve.cli.meter import Meter
from glioserve.cli.options import Json, Server, calls_server
from glioserve.cli.tables import show, synthesis_parts
from glioserve.documents import synthesis_document, to_json
from glioserve.limits import DEFAULT_GENERATOR, GENERATE_TIMEOUT_S
from glioserve.synthesis import BuiltinMap, MapEdit
from glioserve.terms import Enhancement, LabelScheme, Modality, Side

_NO_EDIT = MapEdit()
_Axes = tuple[float, float, float]


@calls_server(timeout_s=GENERATE_TIMEOUT_S, retried=True)
def generate(
    *,
    builtin: Annotated[
        int | None, typer.Option(metavar="SEED", help="Start from a map of the built-in source, nobody's brain.")
    ] = None,
    map_file: Annotated[
        Path | None, typer.Option("--map", exists=True, dir_okay=False, help="Start from the map in this .npz file.")
    ] = None,
    enhancement: Annotated[Enhancement | None, typer.Option(help="Of a built-in tumour's core; else drawn.")] = None,
    volume_ml: Annotated[float | None, typer.Option(help="Of a built-in tumour, aimed at; else drawn.")] = None,
    side: Annotated[Side | None, typer.Option(help="Of a built-in tumour; else drawn.")] = None,
    shift: Annotated[_Axes, typer.Option(metavar="R A S", help="Move the tumour, mm.")] = _NO_EDIT.shift_mm,
    scale: Annotated[float, typer.Option(help="Resize it, linear.")] = _NO_EDIT.scale,
    rotate: Annotated[_Axes, typer.Option(metavar="R A S", help="Turn it, degrees.")] = _NO_EDIT.rotation_deg,
    elastic_mm: Annotated[float, typer.Option(help="Reshape it by a random field of this size.")] = _NO_EDIT.elastic_mm,
    elastic_scale_mm: Annotated[float, typer.Option(help="Distance of the field's knots.")] = _NO_EDIT.elastic_scale_mm,
    mirror: Annotated[bool, typer.Option("--mirror", help="Exchange left and right of the whole map.")] = False,
    edit_seed: Annotated[int, typer.Option(help="Of the random field.")] = 0,
    generator: Annotated[str, typer.Option(help="What draws; `glioserve info` names them.")] = DEFAULT_GENERATOR,
    modality: Annotated[
        list[Modality] | None, typer.Option(help="A contrast that is wanted; may be given several times. Else all.")
    ] = None,
    label_scheme: Annotated[
        LabelScheme, typer.Option(help="What the label values mean: brats2018 or brats2023.")
    ] = LabelScheme.BRATS_2018,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, help="Folder in which the exam's own folder is made.")
    ] = None,
    json: Json = False,
    server: Server,
    timeout: float,
) -> None:
    """Draw one labelled exam of nobody, from a brain map."""
    source = _source(builtin, map_file, enhancement=enhancement, volume_ml=volume_ml, side=side)
    edit = MapEdit(shift, scale, rotate, elastic_mm, elastic_scale_mm, mirror)
    with reported(as_json=json):
        if out is not None:
            make_folder(out)  # found out before the work, not after
        with (
            server.client() as client,
            Meter(Console(stderr=True), first="Send the map" if map_file else "Ask for an exam") as meter,
        ):
            exam = client.generate(
                source,
                edit=edit,
                edit_seed=edit_seed,
                generator=generator,
                modalities=tuple(modality or Modality),
                label_scheme=label_scheme,
                on_progress=meter.on_progress,
                timeout_s=timeout,
                retries=server.retries,
            )
        folder = exam.save(out) if out is not None else None
    if json:
        typer.echo(to_json(synthesis_document(exam)), nl=False)
    else:
        show(synthesis_parts(exam, folder), Console())


def _source(
    builtin: int | None,
    map_file: Path | None,
    *,
    enhancement: Enhancement | None,
    volume_ml: float | None,
    side: Side | None,
) -> BuiltinMap | Path:
    if map_file is None and builtin is not None:
        return BuiltinMap(builtin, enhancement, volume_ml, side)
    if map_file is None or builtin is not None:
        raise typer.BadParameter("give either a seed, or a file", param_hint="--builtin or --map")
    if (enhancement, volume_ml, side) != (None, None, None):
        raise typer.BadParameter("are for built-in maps", param_hint="--enhancement, --volume-ml, --side")
    return map_file
