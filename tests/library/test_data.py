"""Example data are found where packages keep them."""

import zipfile

import pytest

from cloche.library import data
from cloche.model.formats import Format
from cloche.process import Raster, Vector


@pytest.mark.parametrize(
    ("find", "media_type", "count"),
    [
        (data.glaciers, "application/geo+json", 134),
        (data.trail, "application/geo+json", 1),
        (data.counties, "application/geo+json", 64),
        (data.countries, "application/x-zipped-shp", 177),
        (data.park, "application/x-zipped-shp", 1),
    ],
)
def test_vector_data(find, media_type, count, tmp_path):
    path = find()
    if path.suffix == ".shp":
        path = data.zipped(path, tmp_path)
        assert zipfile.is_zipfile(path)
    assert len(Vector.receive(path, Format(media_type=media_type), tmp_path)) == count


@pytest.mark.parametrize(("find", "bands"), [(data.elevation, 1), (data.picture, 3)])
def test_raster_data(find, bands, tmp_path):
    assert Raster.receive(find(), Format(media_type="image/tiff"), tmp_path).grid.bands == bands


def test_absent_data_name_the_mend(monkeypatch):
    monkeypatch.setattr(data, "files", lambda _: [])
    monkeypatch.setattr(data, "find_spec", lambda _: None)
    for find in (data.elevation, data.countries):
        with pytest.raises(FileNotFoundError, match="pip install"):
            find()
