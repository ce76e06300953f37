"""Which addresses references may be read from."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.engine import addresses


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"])
def test_public_addresses(text):
    assert addresses.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1",
        "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "fc00::1",
        "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
        "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "100::1",
    ],
)  # fmt: skip
def test_addresses_that_are_nobodys_business(text):
    assert not addresses.is_public(ipaddress.ip_address(text))
    assert not addresses.guard(()).permits(text, host="example.org", port=80)


@given(st.ip_addresses(v=4))
def test_a_wrapped_address_is_as_private_as_itself(ip):
    public = addresses.is_public(ip)
    for wrapped in (f"::ffff:{ip}", f"64:ff9b::{ip}"):
        assert addresses.is_public(ipaddress.ip_address(wrapped)) == public


@given(st.ip_addresses() | st.text(max_size=20))
def test_any_address_is_judged(address):
    assert isinstance(addresses.guard(("10.0.0.0/8", "a.b")).permits(str(address), host="x", port=1), bool)


def test_what_is_no_address_is_refused():
    guard = addresses.guard(())
    assert not guard.permits("example.org", host="example.org", port=80)
    assert not guard.permits("0x7f.1", host="0x7f.1", port=80)
    assert not guard.permits("fe80::1%eth0", host="x", port=80)


def test_the_operator_opens_networks_hosts_and_ports():
    guard = addresses.guard(
        ("10.1.0.0/16", "192.168.7.7", "fd00::/8", "Data.Intra", "maps.intra:8080", "*.lab", "[::1]:81")
    )
    for address, host, port, permitted in [
        ("10.1.2.3", "x", 80, True),
        ("10.2.2.3", "x", 80, False),
        ("192.168.7.7", "x", 80, True),
        ("192.168.7.8", "x", 80, False),
        ("fd00::1", "x", 80, True),
        ("127.0.0.1", "data.intra", 80, True),
        ("127.0.0.1", "DATA.intra.", 9, True),
        ("127.0.0.1", "xdata.intra", 80, False),
        ("127.0.0.1", "maps.intra", 8080, True),
        ("127.0.0.1", "maps.intra", 80, False),
        ("127.0.0.1", "a.b.lab", 80, True),
        ("127.0.0.1", "lab", 80, False),
        ("127.0.0.1", "elab", 80, False),
        ("::1", "::1", 81, True),
        ("::1", "::1", 82, False),
    ]:
        assert guard.permits(address, host=host, port=port) is permitted, (address, host, port)


@pytest.mark.parametrize(
    "text", ["", "*", "*.", "http://data.intra", "a b", "data.intra:http", "10.0.0.0/99", "10.1.0.5/16"]
)
def test_a_wrong_allowance_is_refused(text):
    with pytest.raises(ValueError, match="neither"):
        addresses.guard((text,))
