"""Vector processes: geometry, overlay, measuring and conversion of features."""

from cloche.library.vector.buffer import vector_buffer
from cloche.library.vector.convert import vector_convert, vector_info, vector_reproject
from cloche.library.vector.dissolve import vector_dissolve
from cloche.library.vector.measure import vector_area_length
from cloche.library.vector.overlay import vector_clip, vector_intersection, vector_spatial_join
from cloche.library.vector.shapes import vector_centroid, vector_convex_hull, vector_simplify
from cloche.process import Vector

Vector.preload()  # in the zygote, once, instead of in each job

__all__ = [
    "vector_area_length",
    "vector_buffer",
    "vector_centroid",
    "vector_clip",
    "vector_convert",
    "vector_convex_hull",
    "vector_dissolve",
    "vector_info",
    "vector_intersection",
    "vector_reproject",
    "vector_simplify",
    "vector_spatial_join",
]
