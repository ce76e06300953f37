"""HDF5 files that make the library hang or die are refused, whole ones are read."""

import base64
import faulthandler
import os
import time
import zlib
from pathlib import Path

import pytest

from cloche.authoring import hdf5
from cloche.authoring.errors import WrongData
from cloche.authoring.raster import Raster
from cloche.authoring.raster_formats import NETCDF
from cloche.runner.family import children

# one variable on a grid of 4 x 4, as h5py writes it with libver="earliest"
WHOLE = zlib.decompress(
    base64.b85decode(
        "c-rk*!EO^V5Vbd(vZ}UfDk_q2VULJYj+|&#iAy7;n=0D_w`8TPAQGggyOp?+WBH37QTYLm969m{{gX0Yj}xy+T2X<J=samOYkS5X"
        "PsX<N^68+vzqR>zlSz0Ub6Jg<xJHbFa$Ap&QFGMis6RWppBG~d?BBupZM);45YqbEf?lWPDqW6_a9?mB!Xv3)VH?YleRs-sZ<Ac<"
        "lUbn?t3IFq=DM8u%9rc<Qx({FpxRfKeFZ9An(hQon2V9tJy!pS<5lJr<BsDLGkSP3DjYsnRJhMt7{>+}c&yV8;~3fx(NgcL+dC9d"
        "+#5urxD)mT_&r6xYT*}!hk~J>YxwDW>3yAVV7?a-c%^vaXwc=wF7bD0+?+q{9aL_%)4Tpqy&v_wuC7|mKV4U~e^Xa@{`9_n+)`IQ"
        "YcJy2g|V~QG|!;j<h+<+8IxB!&s#DR-tvs!bspcC$0_<%{y0|_`1~xi&%UDnHp{_wDE7rrL>)2e_u^y59yw~QNs=d7n%`Ovb&O~-"
        "eV5L%DQ3^k(&}^L8aJYjms|JV`g1zp`*QgV<no2?k>9dUj=k&*`rIfVGw%|U^z~_)W~153Y5oRtr}Jr!r%9HZ`LpkZs?~4b1M_Wq"
        "0|^8Ifj}S-2m}IwK=@mbJc`Lvan1iYt9cPy-<`J#0%g%I#pB~Y4w84Nf$fr?QoKtOsS3@fXg);q63${@OTNdo+KPIpt;xs#$qR8R"
        "bpnAvApC;)o_dJeAajrlkZ&MY@^KE~wE+o0S|DwZBaku3`|u~ME09_"
    )
)


@pytest.fixture(autouse=True)
def quiet():
    """The deaths of children are no news."""
    faulthandler.disable()
    yield
    faulthandler.enable()


def receive(folder: Path, changes: dict[int, int]) -> Raster:
    data = bytearray(WHOLE)
    for place, byte in changes.items():
        data[place] = byte
    path = folder / "input"
    path.write_bytes(data)
    return Raster.receive(path, NETCDF.format, folder)


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    with receive(tmp_path, {}).open() as dataset:
        assert dataset.read(1).sum() == sum(range(16))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({2184: 0}, id="hangs"),
        pytest.param({2217: 0, 2339: 255, 2984: 4, 4527: 12}, id="hangs too"),
        pytest.param({1736: 255, 5552: 122, 7219: 255}, id="SIGSEGV"),
        pytest.param({982: 21, 2146: 153}, id="SIGABRT"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[int, int]) -> None:
    monkeypatch.setattr(hdf5, "PATIENCE_S", 2.0)
    before, begin = children(os.getpid()), time.monotonic()
    with pytest.raises(WrongData, match="it is damaged"):
        receive(tmp_path, changes)
    assert time.monotonic() - begin < 10
    assert set(children(os.getpid())) <= set(before), "the reader is left behind"


def test_what_the_reader_says_of_a_file_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(WHOLE[:4000])
    with pytest.raises(WrongData, match="cannot be read"):
        Raster.receive(path, NETCDF.format, tmp_path)


def test_an_execution_without_further_processes_reads_at_its_own_risk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", refused)
    assert receive(tmp_path, {}).grid.width == 4
