"""Writing a GeoDataFrame in any format: what a format cannot hold is changed to what it can, never dropped unsaid."""

import json
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cloche.authoring.errors import ProcessError
from cloche.authoring.vector_formats import GEOPACKAGE, KML, SHAPEFILE, VectorFormat

_DBF_NAME = 10
_FAMILIES = {
    "Point": "point",
    "MultiPoint": "multipoint",
    "LineString": "line",
    "LinearRing": "line",
    "MultiLineString": "line",
    "Polygon": "polygon",
    "MultiPolygon": "polygon",
}
_EMPTY_TYPE = "Polygon"  # an empty Shapefile has a type nevertheless


def write_frame(frame: Any, kind: VectorFormat, directory: Path, name: str) -> Path:
    """``frame`` as ``directory/name`` with the suffix of the format.

    Coordinates are transformed where the format knows WGS 84 only. Several geometry types make several Shapefiles in
    one zip. Raises ProcessError where the result has no CRS and the format demands one.
    """
    target = directory / f"{name}{kind.suffix}"
    ready = _launder(_plain_columns(_one_geometry(_in_crs_of(kind, frame)), kind), kind)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".writing-") as scratch:
        if kind is SHAPEFILE:
            written = _write_shapefiles(ready, kind, Path(scratch), name)
        else:
            written = Path(scratch) / target.name
            _write(ready, kind, written, layer=_layer_name(name))
        written.replace(target)
    return target


def _in_crs_of(kind: VectorFormat, frame: Any) -> Any:
    if not kind.wgs84 or len(frame) == 0:
        return frame
    if frame.crs is None:
        raise ProcessError(
            f"The result has no coordinate reference system, and {kind.title} is WGS 84 only. "
            "Ask for another format, or give inputs that name theirs."
        )
    return frame if frame.crs.equals("EPSG:4326", ignore_axis_order=True) else frame.to_crs("EPSG:4326")


def _one_geometry(frame: Any) -> Any:
    """Row labels with a name become columns; geometries other than the active one become WKT."""
    named = [n for n in frame.index.names if n is not None and n not in frame.columns]
    frame = frame.reset_index(drop=not named)
    active = frame.geometry.name
    for column in [c for c in frame.columns if str(frame[c].dtype) == "geometry" and c != active]:
        frame[column] = frame[column].to_wkt()
    return frame


def _plain_columns(frame: Any, kind: VectorFormat) -> Any:
    """Columns that the format does not know (lists, mappings, categories, durations, dBASE times) in words."""
    frame = frame.copy(deep=False)
    for column in [c for c in frame.columns if c != frame.geometry.name]:
        dtype = frame[column].dtype
        if str(dtype) == "category":
            frame[column] = frame[column].astype(dtype.categories.dtype)
        elif dtype.kind in "mc" or str(dtype).startswith(("period", "interval")):
            frame[column] = frame[column].astype(str)
        elif dtype.kind == "M" and kind is SHAPEFILE:
            frame[column] = frame[column].map(lambda time: time.isoformat(), na_action="ignore").astype(object)
        elif dtype == object:  # noqa: E721 - a numpy dtype is compared, not a type
            frame[column] = frame[column].map(_plain_value)
    return frame


def _plain_value(value: Any) -> Any:
    if isinstance(value, list | tuple | dict | set):
        return json.dumps(sorted(value, key=str) if isinstance(value, set) else value, default=str)
    return value


def _launder(frame: Any, kind: VectorFormat) -> Any:
    """Unique field names that the format can hold."""
    change: Callable[[object], str] = str
    if kind is GEOPACKAGE:
        change = _database_name
    elif kind is SHAPEFILE:
        change = _dbf_name
    elif kind is KML:
        change = _xml_name  # LIBKML does not escape them
    elif "gml" in kind.id:
        frame = frame.drop(columns=[c for c in ("gml_id",) if c in frame.columns])
        change = _xml_name
    return frame.rename(columns=dict(_unique(frame, change)))


def _unique(frame: Any, change: Callable[[object], str]) -> Iterator[tuple[Any, str]]:
    taken = {"wkt"} if change is str else {"geom", "geometry"}
    for column in [c for c in frame.columns if c != frame.geometry.name]:
        wanted = change(column) or "field"
        name, number = wanted, 1
        while name.lower() in taken:
            number += 1
            tail = f"_{number}"
            name = (wanted[: _DBF_NAME - len(tail)] if change is _dbf_name else wanted) + tail
        taken.add(name.lower())
        yield column, name


def _database_name(column: object) -> str:
    return "fid_1" if str(column).lower() == "fid" else str(column)


def _dbf_name(column: object) -> str:
    return str(column).encode("ascii", "replace").decode()[:_DBF_NAME].replace("?", "_")


def _xml_name(column: object) -> str:
    name = re.sub(r"[^\w.-]", "_", str(column), flags=re.ASCII)
    return name if re.match(r"[A-Za-z_]", name) else f"_{name}"


def _layer_name(name: str) -> str:
    plain = re.sub(r"[^\w]", "_", _xml_name(name), flags=re.ASCII)
    return f"features_{plain}" if plain.lower().startswith(("gpkg", "rtree", "sqlite")) else plain  # reserved there


def _write(frame: Any, kind: VectorFormat, path: Path, *, layer: str, **options: Any) -> None:
    import pyogrio

    layer_options = dict(kind.layer_options)
    if kind.drivers[0] == "FlatGeobuf":
        layer_options["TEMPORARY_DIR"] = str(path.parent)
        if frame.geometry.isna().any():
            layer_options["SPATIAL_INDEX"] = "NO"  # its index cannot hold features without a place
    try:
        pyogrio.write_dataframe(
            frame,
            path,
            layer=layer,
            driver=kind.drivers[0],
            dataset_options=dict(kind.dataset_options),
            layer_options=layer_options,
            **options,
        )
    except (ValueError, RuntimeError) as error:  # all errors of pyogrio are one or the other
        raise ProcessError(f"The result cannot be written as {kind.title}: {error}") from error


def _write_shapefiles(frame: Any, kind: VectorFormat, scratch: Path, name: str) -> Path:
    parts = dict(_families(frame))
    for family, part in parts.items():
        stem = name if len(parts) == 1 else f"{name}_{family}"
        only_type = {} if len(part) else {"geometry_type": _EMPTY_TYPE}
        _write(part, kind, scratch / f"{stem}.shp", layer=stem, **only_type)
    archive = scratch / f"{name}.zip"
    with zipfile.ZipFile(archive, "x", compression=zipfile.ZIP_DEFLATED) as opened:
        for path in sorted(scratch.iterdir()):
            if path != archive:
                opened.write(path, path.name)
    return archive


def _families(frame: Any) -> Iterator[tuple[str, Any]]:
    """The features by what one Shapefile can hold together; features without geometry go with the first."""
    import pandas as pd

    collected = frame.geom_type == "GeometryCollection"
    if collected.any():
        frame = pd.concat([frame[~collected], frame[collected].explode()], ignore_index=True)
    families = frame.geom_type.map(_FAMILIES)
    names = sorted(families.dropna().unique())
    if len(names) < 2:
        yield "all", frame
        return
    families = families.fillna(names[0])
    for name in names:
        yield name, frame[families == name]
