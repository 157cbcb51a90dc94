"""Address -> country, from data inside the geoip2fast package; the address is cut before it is looked up."""

from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import Any

import geoip2fast

DATA = Path(geoip2fast.__file__).with_name("geoip2fast-ipv6.dat.gz")
KEPT_BITS = {4: 24, 6: 48}


def country_of(address: str | None) -> str | None:
    """ISO 3166-1 alpha-2 code; None where there is none, as for private addresses."""
    network = shortened(address)
    if network is None:
        return None
    code = str(countries().lookup(network).country_code)
    return code if len(code) == 2 and code.isalpha() else None


def shortened(address: str | None) -> str | None:
    """The first address of the sender's /24 or /48: a neighbourhood, no household."""
    with suppress(ValueError):
        found = ip_address((address or "").strip())
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        return str(ip_network((int(found), KEPT_BITS[found.version]), strict=False).network_address)
    return None


@lru_cache(maxsize=1)
def countries() -> Any:
    """The data, read once; it takes a quarter of a second."""
    return geoip2fast.GeoIP2Fast(verbose=False, geoip2fast_data_file=str(DATA))
