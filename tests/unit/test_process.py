"""The public face for authors."""

import subprocess
import sys

import pytest

import cloche.process


def test_all_names_are_there():
    for name in cloche.process.__all__:
        assert getattr(cloche.process, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Vectors'"):
        _ = cloche.process.Vectors


def test_even_vector_and_raster_load_no_geographic_library():
    code = "from cloche.process import *; import sys; print(*(name.partition('.')[0] for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "cloche" in loaded
    assert not {"numpy", "pandas", "geopandas", "shapely", "rasterio", "pyogrio", "pyproj"} & set(loaded)
