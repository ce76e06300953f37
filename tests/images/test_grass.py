"""GRASS in an image of its own, as docs/docker.md shows it. Half a gigabyte of Debian packages: only when asked for."""

import os
import re
import subprocess
import uuid
from pathlib import Path

import pytest

import containers
import live
import needs
from cloche.library import data

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "docker.md"


def cloche(*arguments, cwd):
    done = subprocess.run(
        [live.CLOCHE, *map(str, arguments)], check=False, cwd=cwd, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


@pytest.mark.timeout(900)
def test_a_module_of_grass_runs_behind_the_walls_on_real_data():
    """The slope agrees with that of the shipped process, which is another implementation of Horn's formula."""
    wanted = "grass" in os.environ.get("CLOCHE_REQUIRE", "").split(",")
    needs.need("grass", when=wanted, reason="takes minutes: add grass to CLOCHE_REQUIRE")
    rasterio, numpy = pytest.importorskip("rasterio"), pytest.importorskip("numpy")
    engine = containers.engine("docker")
    (code,) = re.findall(r"```python\n(# /// script.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    tag = f"cloche-test-terrain:{uuid.uuid4().hex[:8]}"
    with live.home() as home:
        (home / "terrain.py").write_text(code)
        cloche("image", "build", "./terrain.py", "--base", containers.base_image(engine), "--tag", tag, cwd=home)
        try:
            assert "ok     describe terrain: slope" in cloche("image", "check", tag, cwd=home)
            (home / "cloche.toml").write_text(f'[processing]\nmode = "docker"\n[packages.terrain]\nimage = "{tag}"\n')
            metric = _metric(rasterio, home / "metric.tif")
            cloche("run", "slope", "-i", f"elevation=@{metric}", "-o", "result=theirs.tif", cwd=home)
        finally:
            engine.remove(tag)
        (home / "cloche.toml").unlink()
        cloche("run", "--demo", "raster_slope", "-i", f"elevation=@{metric}", "-o", "result=ours.tif", cwd=home)
        with rasterio.open(home / "theirs.tif") as one, rasterio.open(home / "ours.tif") as other:
            theirs, ours = one.read(1, masked=True), other.read(1, masked=True)
    both = ~(numpy.ma.getmaskarray(theirs) | numpy.ma.getmaskarray(ours))
    assert both.mean() > 0.8
    assert theirs[both].max() > 30, "the Rocky Mountains are steep"
    assert numpy.abs(theirs - ours)[both].max() < 0.01


def _metric(rasterio, target):
    """The elevation model in metres: on degrees the two measure distances by different ellipsoids."""
    from rasterio.warp import calculate_default_transform, reproject

    with rasterio.open(data.elevation()) as source:
        transform, width, height = calculate_default_transform(
            source.crs, "EPSG:26913", source.width, source.height, *source.bounds
        )
        profile = source.profile | {"crs": "EPSG:26913", "transform": transform, "width": width, "height": height}
        profile |= {"dtype": "float32", "nodata": -9999.0}
        with rasterio.open(target, "w", **profile) as made:
            reproject(rasterio.band(source, 1), rasterio.band(made, 1), dst_nodata=-9999.0)
    return target
