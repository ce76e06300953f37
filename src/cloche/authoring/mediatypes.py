"""Media types and the file name suffixes that go with them."""

from pathlib import PurePath

_SUFFIXES = {
    "application/geo+json": ".geojson",
    "application/vnd.geo+json": ".geojson",
    "application/geopackage+sqlite3": ".gpkg",
    "application/x-gpkg": ".gpkg",
    "application/gml+xml": ".gml",
    "application/flatgeobuf": ".fgb",
    "application/vnd.google-earth.kml+xml": ".kml",
    "application/vnd.google-earth.kmz": ".kmz",
    "application/gpx+xml": ".gpx",
    "application/x-zipped-shp": ".zip",
    "application/x-netcdf": ".nc",
    "application/netcdf": ".nc",
    "application/x-hdf5": ".h5",
    "application/x-ogc-dods": ".nc",
    "application/metalink+xml": ".metalink",
    "application/metalink4+xml": ".meta4",
    "application/vnd.apache.parquet": ".parquet",
    "application/zip": ".zip",
    "application/gzip": ".gz",
    "application/x-gzip": ".gz",
    "application/x-tar": ".tar",
    "application/pdf": ".pdf",
    "application/json": ".json",
    "application/ld+json": ".jsonld",
    "application/yaml": ".yaml",
    "application/xml": ".xml",
    "application/x-aaigrid": ".asc",
    "image/tiff": ".tif",
    "image/geotiff": ".tif",
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/jp2": ".jp2",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
    "model/gltf-binary": ".glb",
    "text/xml": ".xml",
    "text/plain": ".txt",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "application/octet-stream": ".bin",
}
# the first media type of a suffix is the one it stands for
_MEDIA_TYPES = {suffix: media_type for media_type, suffix in reversed(_SUFFIXES.items())} | {
    ".asc": "application/x-aaigrid",
    ".htm": "text/html",
    ".jpeg": "image/jpeg",
    ".shp": "application/x-zipped-shp",
    ".tiff": "image/tiff",
    ".txt": "text/plain",
    ".xml": "text/xml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}
UNKNOWN = "application/octet-stream"
_FAMILIES = (("+json", ".json"), ("+xml", ".xml"), ("+zip", ".zip"), ("+gzip", ".gz"), ("+yaml", ".yaml"))


def suffix_of(media_type: str) -> str:
    """The suffix of files of that media type, with its dot; ``.bin`` for what is not known."""
    essence, _, parameters = media_type.lower().partition(";")
    essence = essence.strip()
    if essence == "text/xml" and "gml" in parameters:
        return ".gml"
    if known := _SUFFIXES.get(essence):
        return known
    if family := next((suffix for ending, suffix in _FAMILIES if essence.endswith(ending)), None):
        return family
    return ".txt" if essence.startswith("text/") else ".bin"


def media_type_of(name: str) -> str:
    """What a file of that name usually holds; ``application/octet-stream`` for what is not known."""
    return _MEDIA_TYPES.get(PurePath(name).suffix.lower(), UNKNOWN)
