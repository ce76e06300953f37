"""A job that needs geographic libraries, for every mode."""

import time
from typing import Annotated

import pyproj
import shapely

from cloche.process import Output, process


@process(id="geo", version="1")
def geo() -> Annotated[float, Output("Square kilometres", id="result")]:
    """Reproject twenty points, grow them, unite them, and say how large that is."""
    transformer = pyproj.Transformer.from_crs(4326, 3035, always_xy=True)
    x, y = transformer.transform([10 + i / 10 for i in range(20)], [50 + i / 15 for i in range(20)])
    united = shapely.union_all(shapely.buffer(shapely.points(x, y), 1500.0))
    return float(shapely.area(united)) / 1e6


@process(id="hold-geo", version="1")
def hold_geo() -> Annotated[float, Output("Seconds", id="result")]:
    """Keep what was prepared from others."""
    time.sleep(600)
    return 600.0
