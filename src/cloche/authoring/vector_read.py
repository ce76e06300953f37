"""Reading vector data from strangers: the right driver only, nothing but that file, and every geometry looked at."""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloche.authoring.errors import WrongData
from cloche.authoring.vector_formats import CSV, KML, VectorFormat

# Drivers whose files name other files or servers. None of them reads a format of ours; once data of a client have been
# received they stay out of the process, so that a file that looks like two things cannot be opened as one of these.
# KML is there because LIBKML reads it better, and registering anew changes which of the two GDAL tries first.
_UNWANTED = (
    "ADBC",
    "AmigoCloud",
    "Carto",
    "CSW",
    "EEDA",
    "Elasticsearch",
    "GDALG",
    "GPSBabel",
    "GTI",
    "HTTP",
    "KML",
    "NGW",
    "OAPIF",
    "OGCAPI",
    "OGR_VRT",
    "PLSCENES",
    "VRT",
    "WFS",
)
_CONFIG = {
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "GML_DOWNLOAD_SCHEMA": "NO",
}
_KML_EXTRAS = (
    "id",
    "Name",
    "description",
    "timestamp",
    "begin",
    "end",
    "altitudeMode",
    "tessellate",
    "extrude",
    "visibility",
    "drawOrder",
    "icon",
    "snippet",
)
_GML_EXTRAS = ("lowerCorner", "upperCorner", "gml_id")
_WHOLE_WORLD = (-360.0001, -90.0001, 360.0001, 90.0001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer of a file: its source for GDAL, what is in it and where. ``bounds`` None: nothing in it has a place."""

    source: Path
    name: str
    geometry_type: str
    features: int
    fields: Mapping[str, str] = field(default_factory=dict)
    crs: str | None = None
    bounds: tuple[float, float, float, float] | None = None


def inspect(sources: tuple[Path, ...], kind: VectorFormat) -> tuple[Layer, ...]:
    """Every layer of the staged files, each geometry checked.

    Raises WrongData, which names the layer and the first feature at fault.
    """
    import pyogrio

    layers: list[Layer] = []
    with _only(kind.drivers), _gdal_errors():
        for source in sources:
            # opening a file of text may mean reading all of it: not once more for a list of one
            names = [str(name) for name, _ in pyogrio.list_layers(source)] if kind.layered else [None]
            layers += [_inspect_layer(source, name, kind) for name in names]
    return tuple(layers)


def _inspect_layer(source: Path, only: str | None, kind: VectorFormat) -> Layer:
    import pyogrio

    info = pyogrio.read_info(source, layer=only, **kind.open_options)
    name = str(info["layer_name"])
    if info["driver"] not in kind.drivers:
        raise WrongData(f"it is {info['driver']}, not {kind.title}")
    _, _, shapes, _ = pyogrio.raw.read(source, layer=name, columns=[], **kind.open_options)
    count = len(shapes) if shapes is not None else max(int(info["features"]), 0)
    bounds = _check_geometries(shapes, f"layer {name!r}, " if name != "data" else "") if shapes is not None else None
    crs = _crs(info["crs"], bounds, kind)
    if crs is not None and bounds is not None:
        _check_range(crs, bounds)
    fields = {str(f): str(t).removeprefix("OFT") for f, t in zip(info["fields"], info["ogr_types"], strict=True)}
    kind_of_geometry = str(info["geometry_type"] or "None")
    if kind is CSV and shapes is None:
        raise WrongData("it has no column of geometries (WKT) and none of coordinates (x and y, lon and lat)")
    return Layer(
        source=source, name=name, geometry_type=kind_of_geometry, features=count, fields=fields, crs=crs, bounds=bounds
    )


def _check_geometries(wkb: Any, where: str) -> tuple[float, float, float, float] | None:
    import numpy as np
    import shapely

    shapes = shapely.from_wkb(wkb, on_invalid="ignore")
    absent = np.array([item is None for item in wkb], dtype=bool)
    for index in np.flatnonzero(shapely.is_missing(shapes) & ~absent)[:1]:
        raise WrongData(f"{where}feature {index + 1}: {_reason(wkb[index])}")
    boxes = shapely.bounds(shapes)
    placed = ~(absent | shapely.is_empty(shapes))
    points, owners = shapely.get_coordinates(shapes, return_index=True)
    wrong = ~np.isfinite(points).all(axis=1)
    if wrong.any():
        raise WrongData(f"{where}feature {owners[wrong.argmax()] + 1}: a coordinate is not a finite number")
    if not placed.any():
        return None
    lower, upper = boxes[placed, :2].min(axis=0), boxes[placed, 2:].max(axis=0)
    return (float(lower[0]), float(lower[1]), float(upper[0]), float(upper[1]))


def _reason(wkb: bytes) -> str:
    import shapely

    try:
        shapely.from_wkb(wkb)
    except shapely.errors.ShapelyError as error:
        return str(error).partition("Exception: ")[2] or str(error)
    return "its geometry cannot be read"


def _crs(found: str | None, bounds: tuple[float, float, float, float] | None, kind: VectorFormat) -> str | None:
    """By authority and code where it has them. CSV cannot name its system: it is WGS 84 if its coordinates can be."""
    import pyproj

    if found is None and kind is CSV and (bounds is None or _within_world(bounds)):
        return "EPSG:4326"
    return str(pyproj.CRS.from_user_input(found).to_string()) if found else None


def _check_range(crs: str, bounds: tuple[float, float, float, float]) -> None:
    import pyproj

    if pyproj.CRS.from_user_input(crs).is_geographic and not _within_world(bounds):
        box = ", ".join(f"{number:g}" for number in bounds)
        raise WrongData(f"its coordinates ({box}) are no longitudes and latitudes, which {crs} wants")


def _within_world(bounds: tuple[float, float, float, float]) -> bool:
    west, south, east, north = _WHOLE_WORLD
    return bounds[0] >= west and bounds[1] >= south and bounds[2] <= east and bounds[3] <= north


def read_frame(layer: Layer, kind: VectorFormat) -> Any:
    """A layer as a GeoDataFrame, without the columns that GDAL adds by itself."""
    import pyogrio

    with _gdal_errors():
        frame = pyogrio.read_dataframe(layer.source, layer=layer.name, **kind.open_options)
    if not hasattr(frame, "geometry"):
        return _without_geometry(frame)
    if layer.crs and frame.crs is None:
        frame = frame.set_crs(layer.crs)
    if kind is KML:
        extras = [name for name in _KML_EXTRAS if name in frame and _is_idle(frame[name], name)]
        return _flat(frame.drop(columns=extras).rename(columns={"Name": "name"}))
    if "gml" in kind.id:
        return frame.drop(columns=[n for n in _GML_EXTRAS if n in frame and (n != "gml_id" or frame[n].isna().all())])
    return frame


def _without_geometry(table: Any) -> Any:
    import geopandas

    return geopandas.GeoDataFrame(table, geometry=[None] * len(table))


def _flat(frame: Any) -> Any:
    """KML has an altitude everywhere; where it is always 0 it says nothing."""
    import shapely

    heights = shapely.get_coordinates(frame.geometry.array, include_z=True)[:, 2]
    return frame if heights.any() else frame.assign(**{frame.geometry.name: frame.geometry.force_2d()})


def _is_idle(column: Any, name: str) -> bool:
    """LIBKML fills these three with -1 where the document says nothing; the others with nothing."""
    if name in ("tessellate", "extrude", "visibility"):
        return bool((column.fillna(-1) == -1).all()) or name != "visibility"
    return bool(column.isna().all()) or name == "id"


@contextmanager
def _only(drivers: tuple[str, ...]) -> Iterator[None]:
    """No other GDAL driver is there for the time being; afterwards all but the following ones are.

    pyogrio has no list of allowed drivers for one file; GDAL drops what ``GDAL_SKIP`` names when it registers anew.
    """
    import pyogrio

    try:
        names = set(pyogrio.list_drivers())
        _register({"GDAL_SKIP": ",".join(sorted(names - set(drivers)))} | _CONFIG)
        yield
    finally:
        _register({"GDAL_SKIP": ",".join(_UNWANTED)})


def _register(options: Mapping[str, str | None]) -> None:
    import pyogrio
    from pyogrio._ogr import _register_drivers  # there is no public name for it

    pyogrio.set_gdal_config_options(dict(options))
    _register_drivers()


@contextmanager
def _gdal_errors() -> Iterator[None]:
    import pyogrio

    try:
        with warnings.catch_warnings():
            # what GDAL only warns of is either looked at here (rings) or repaired by it (winding order)
            warnings.simplefilter("ignore")
            yield
    except (
        pyogrio.errors.DataSourceError,
        pyogrio.errors.DataLayerError,
        pyogrio.errors.FeatureError,
        pyogrio.errors.GeometryError,
        pyogrio.errors.FieldError,
        UnicodeDecodeError,
    ) as error:
        raise WrongData(f"it cannot be read: {_plain(str(error))}") from None


def _plain(text: str) -> str:
    """Without the path of the file, which is ours and not the client's, and without advice to programmers."""
    return re.sub(r"[^\s'\"]*/", "", " ".join(text.partition("; It might help")[0].split()))[:300]
