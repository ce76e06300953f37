"""The formats of raster data that are read and written, and what GDAL has to be told about each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from cloche.model.formats import Format
from cloche.values.formats import media_type


@dataclass(frozen=True, slots=True, kw_only=True)
class RasterFormat:
    """One format.

    ``format`` is what descriptions say first, ``aliases`` other names under which clients know it. ``reader`` and
    ``writer`` are GDAL drivers, ``magic`` what a file may begin with (compared in lower case), ``options`` are for the
    writer. ``verbatim``: a file of this format is handed on as it is.
    """

    id: str
    title: str
    format: Format
    reader: str
    writer: str
    suffix: str
    magic: tuple[bytes, ...]
    aliases: tuple[Format, ...] = ()
    verbatim: bool = True
    options: Mapping[str, str | int | bool] = field(default_factory=dict)


_TIFF = (b"ii*\0", b"mm\0*", b"ii+\0", b"mm\0+")
TILED: Mapping[str, str | int | bool] = {
    "tiled": True,
    "blockxsize": 256,
    "blockysize": 256,
    "compress": "DEFLATE",
    "BIGTIFF": "IF_SAFER",
}

GEOTIFF = RasterFormat(
    id="geotiff",
    title="GeoTIFF",
    format=Format(media_type="image/tiff; subtype=geotiff"),
    aliases=(Format(media_type="image/tiff"), Format(media_type="image/geotiff")),
    reader="GTiff",
    writer="GTiff",
    suffix=".tif",
    magic=_TIFF,
    options=TILED,
)
COG = RasterFormat(
    id="cog",
    title="Cloud Optimized GeoTIFF",
    format=Format(media_type="image/tiff; application=geotiff; profile=cloud-optimized"),
    reader="GTiff",
    writer="COG",
    suffix=".tif",
    magic=_TIFF,
    verbatim=False,  # that it came under this name does not prove it
    options={"COMPRESS": "DEFLATE", "BIGTIFF": "IF_SAFER", "OVERVIEWS": "AUTO"},
)
PNG = RasterFormat(
    id="png",
    title="PNG picture",
    format=Format(media_type="image/png"),
    reader="PNG",
    writer="PNG",
    suffix=".png",
    magic=(b"\x89png\r\n\x1a\n",),
)
NETCDF = RasterFormat(
    id="netcdf",
    title="NetCDF (CF)",
    format=Format(media_type="application/x-netcdf"),
    aliases=(Format(media_type="application/netcdf"),),
    reader="netCDF",
    writer="netCDF",
    suffix=".nc",
    magic=(b"cdf\x01", b"cdf\x02", b"cdf\x05", b"\x89hdf\r\n\x1a\n"),
    options={"FORMAT": "NC4C", "COMPRESS": "DEFLATE"},
)
ASCII_GRID = RasterFormat(
    id="asciigrid",
    title="ASCII grid",
    format=Format(media_type="text/plain; subtype=aaigrid"),
    aliases=(Format(media_type="application/x-ogc-aaigrid"), Format(media_type="application/x-aaigrid")),
    reader="AAIGrid",
    writer="AAIGrid",
    suffix=".asc",
    magic=(b"ncols", b"nrows", b"xllc", b"yllc", b"cellsize", b"dx", b"dy"),
)

RASTER_FORMATS = (GEOTIFF, COG, PNG, NETCDF, ASCII_GRID)


def raster_formats() -> tuple[Format, ...]:
    """All that descriptions name: every format first, then the aliases."""
    return tuple(f.format for f in RASTER_FORMATS) + tuple(a for f in RASTER_FORMATS for a in f.aliases)


def find_raster_format(format: Format) -> RasterFormat | None:
    """The row for a media type, by name or alias."""
    wanted = media_type(format.media_type)
    for row in RASTER_FORMATS:
        if wanted in {media_type(name.media_type) for name in (row.format, *row.aliases)}:
            return row
    return None
