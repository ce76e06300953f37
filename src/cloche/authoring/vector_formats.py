"""The formats of vector data that are read and written, and what GDAL has to be told about each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloche.model.formats import Format
from cloche.values.formats import media_type


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorFormat:
    """One format.

    ``format`` is what descriptions say first, ``aliases`` other names under which clients know it. ``drivers`` are the
    GDAL drivers that may read it; the first writes it, with ``dataset_options`` and ``layer_options``. ``wgs84``: the
    format knows no other coordinate reference system. ``namespaces``: an XML format, whose document must declare one
    of them. ``magic``: what the file begins with. ``layered``: a file may hold several layers. ``verbatim``: a file of
    this format is handed on as it is.
    """

    id: str
    title: str
    format: Format
    drivers: tuple[str, ...]
    suffix: str
    aliases: tuple[Format, ...] = ()
    wgs84: bool = False
    magic: bytes = b""
    namespaces: frozenset[str] = frozenset()
    layered: bool = False
    verbatim: bool = False
    open_options: Mapping[str, str] = field(default_factory=dict)
    dataset_options: Mapping[str, str] = field(default_factory=dict)
    layer_options: Mapping[str, str] = field(default_factory=dict)


def _named(*media_types: str) -> tuple[Format, ...]:
    return tuple(Format(media_type=name) for name in media_types)


def _gml_dataset(version: str, schema: str) -> dict[str, str]:
    # With a location of our own no .xsd is written beside. XSISCHEMA=OFF would not do: GDAL then writes xsi:nil for
    # absent values without declaring the prefix.
    return {"FORMAT": version, "XSISCHEMAURI": schema, "WRITE_FEATURE_BOUNDED_BY": "NO"}


_GML = frozenset({"http://www.opengis.net/gml"})
_GML32 = frozenset({"http://www.opengis.net/gml/3.2"})
_KML = frozenset(
    {
        "http://www.opengis.net/kml/2.2",
        "http://earth.google.com/kml/2.0",
        "http://earth.google.com/kml/2.1",
        "http://earth.google.com/kml/2.2",
    }
)
# No schema is written beside or looked up for what is read: one file says it all, and nothing else is opened.
_GML_OPEN = {"DOWNLOAD_SCHEMA": "NO", "WRITE_GFS": "NO"}
_CSV_OPEN = {
    "AUTODETECT_TYPE": "YES",
    "EMPTY_STRING_AS_NULL": "YES",
    "HEADERS": "YES",
    "GEOM_POSSIBLE_NAMES": "WKT,_WKT,geometry,geom,the_geom,wkt_geom",
    "X_POSSIBLE_NAMES": "x,lon,long,lng,longitude,decimallongitude",
    "Y_POSSIBLE_NAMES": "y,lat,latitude,decimallatitude",
    "KEEP_GEOM_COLUMNS": "NO",
}

GEOJSON = VectorFormat(
    id="geojson",
    title="GeoJSON (RFC 7946)",
    format=Format(media_type="application/geo+json"),
    aliases=_named("application/vnd.geo+json", "application/json"),
    drivers=("GeoJSON",),
    suffix=".geojson",
    wgs84=True,
    layer_options={"RFC7946": "YES", "WRITE_NAME": "NO"},
)
GML31 = VectorFormat(
    id="gml31",
    title="GML 3.1.1",
    format=Format(
        media_type="text/xml; subtype=gml/3.1.1", schema="http://schemas.opengis.net/gml/3.1.1/base/feature.xsd"
    ),
    aliases=_named("text/xml", "application/gml+xml"),
    drivers=("GML",),
    suffix=".gml",
    namespaces=_GML | _GML32,
    layered=True,
    open_options=_GML_OPEN,
    dataset_options=_gml_dataset(
        "GML3", "http://www.opengis.net/gml http://schemas.opengis.net/gml/3.1.1/base/feature.xsd"
    ),
)
GML32 = VectorFormat(
    id="gml32",
    title="GML 3.2.1",
    format=Format(media_type="application/gml+xml; version=3.2", schema="http://schemas.opengis.net/gml/3.2.1/gml.xsd"),
    aliases=(Format(media_type="text/xml; subtype=gml/3.2.1", schema="http://schemas.opengis.net/gml/3.2.1/gml.xsd"),),
    drivers=("GML",),
    suffix=".gml",
    namespaces=_GML32,
    layered=True,
    open_options=_GML_OPEN,
    dataset_options=_gml_dataset(
        "GML3.2", "http://www.opengis.net/gml/3.2 http://schemas.opengis.net/gml/3.2.1/gml.xsd"
    ),
)
GML2 = VectorFormat(
    id="gml2",
    title="GML 2.1.2",
    format=Format(media_type="text/xml; subtype=gml/2.1.2", schema="http://schemas.opengis.net/gml/2.1.2/feature.xsd"),
    drivers=("GML",),
    suffix=".gml",
    namespaces=_GML,
    layered=True,
    open_options=_GML_OPEN,
    dataset_options=_gml_dataset("GML2", "http://www.opengis.net/gml http://schemas.opengis.net/gml/2.1.2/feature.xsd"),
)
GEOPACKAGE = VectorFormat(
    id="gpkg",
    title="GeoPackage",
    format=Format(media_type="application/geopackage+sqlite3"),
    drivers=("GPKG",),
    suffix=".gpkg",
    magic=b"SQLite format 3\0",
    layered=True,
    verbatim=True,
)
SHAPEFILE = VectorFormat(
    id="shapefile",
    title="zipped Shapefile",
    format=Format(media_type="application/x-zipped-shp"),
    aliases=_named("application/zip"),
    drivers=("ESRI Shapefile",),
    suffix=".zip",
    magic=b"PK\x03\x04",
    verbatim=True,
    layer_options={"ENCODING": "UTF-8"},
)
FLATGEOBUF = VectorFormat(
    id="flatgeobuf",
    title="FlatGeobuf",
    format=Format(media_type="application/flatgeobuf"),
    drivers=("FlatGeobuf",),
    suffix=".fgb",
    magic=b"fgb\x03fgb",
    verbatim=True,
    layer_options={"SPATIAL_INDEX": "YES"},
)
KML = VectorFormat(
    id="kml",
    title="KML 2.2",
    format=Format(media_type="application/vnd.google-earth.kml+xml"),
    drivers=("LIBKML",),
    suffix=".kml",
    wgs84=True,
    namespaces=_KML,
    layered=True,
)
CSV = VectorFormat(
    id="csv",
    title="CSV with a WKT column, or with x and y",
    format=Format(media_type="text/csv"),
    drivers=("CSV",),
    suffix=".csv",
    wgs84=True,
    open_options=_CSV_OPEN,
    layer_options={"GEOMETRY": "AS_WKT", "CREATE_CSVT": "NO"},
)

VECTOR_FORMATS = (GEOJSON, GML31, GML32, GML2, GEOPACKAGE, SHAPEFILE, FLATGEOBUF, KML, CSV)


def vector_formats() -> tuple[Format, ...]:
    """All that descriptions name: every format first, then the aliases."""
    return tuple(f.format for f in VECTOR_FORMATS) + tuple(a for f in VECTOR_FORMATS for a in f.aliases)


def find_vector_format(format: Format) -> VectorFormat | None:
    """The row for a media type, by name or alias; encoding and schema do not tell vector formats apart."""
    wanted = media_type(format.media_type)
    for row in VECTOR_FORMATS:
        if wanted in {media_type(name.media_type) for name in (row.format, *row.aliases)}:
            return row
    return None
