"""Raster processes: terrain, statistics, map algebra, projection and conversion of grids."""

from cloche.library.raster.calculator import raster_calculator
from cloche.library.raster.contour import raster_contour
from cloche.library.raster.info import raster_info
from cloche.library.raster.polygons import raster_polygonize
from cloche.library.raster.terrain import raster_aspect, raster_hillshade, raster_slope
from cloche.library.raster.warp import raster_convert, raster_reproject
from cloche.library.raster.zones import raster_clip_by_polygon, raster_zonal_statistics
from cloche.process import Raster, Vector

Raster.preload()  # in the zygote, once, instead of in each job
Vector.preload()

__all__ = [
    "raster_aspect",
    "raster_calculator",
    "raster_clip_by_polygon",
    "raster_contour",
    "raster_convert",
    "raster_hillshade",
    "raster_info",
    "raster_polygonize",
    "raster_reproject",
    "raster_slope",
    "raster_zonal_statistics",
]
