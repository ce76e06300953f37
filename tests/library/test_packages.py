"""What zygotes rely on: importing a package of the library only imports."""

import subprocess
import sys

import pytest

CHECK = """
import os, sys
import {package}
threads = next(line for line in open("/proc/self/status") if line.startswith("Threads:")).split()[1]
links = [f"/proc/self/fd/{{n}}" for n in os.listdir("/proc/self/fd") if int(n) > 2]
files = [os.path.basename(os.readlink(link)) for link in links if os.path.islink(link)]
print(threads, files, sorted({{"pyogrio", "rasterio", "matplotlib", "earthpy", "scipy"}} & set(sys.modules)))
"""
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize(
    ("package", "loaded", "opened"),
    [
        ("cloche.process", [], []),
        ("cloche.authoring.vector", [], []),
        ("cloche.authoring.raster", [], []),
        ("cloche.library.data", [], []),
        # pyproj and pyogrio look up one CRS when they are imported; PROJ opens its database anew after a fork
        ("cloche.library.vector", ["pyogrio"], ["proj.db", "proj.db"]),
        ("cloche.library.raster", ["pyogrio", "rasterio"], ["proj.db", "proj.db"]),
    ],
)
def test_importing_starts_no_thread_opens_no_data_and_loads_what_jobs_need(package, loaded, opened):
    code = CHECK.format(package=package)
    found = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == f"1 {opened} {loaded}"
