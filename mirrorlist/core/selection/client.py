"""Find the client that selection knows for an address, and the package managers that read a repository.

To add a package manager: a member of PackageManager, its trace in TRACES, and its lines in web/site/yours.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from mirrorlist.core.model import NOWHERE, Client, Repository
from mirrorlist.core.network.prefixes import place_at
from mirrorlist.core.selection.spread import identity_of
from mirrorlist.core.snapshot import Snapshot

CountryOf = Callable[[bytes], str | None]
"""The country of a packed address by the data that comes with the program, or None."""


def client_at(snapshot: Snapshot, address: bytes | None, sent: bytes, country_of: CountryOf) -> Client:
    """The client at a packed address; ``sent`` distinguishes clients whose address is not known."""
    if address is None:
        return Client(None, sent, NOWHERE)
    facts = snapshot.facts
    network = facts.classes[snapshot.networks.at(address)]
    return Client(
        address=address,
        identity=identity_of(address),
        place=facts.places[place_number(snapshot, address, country_of)],
        asn=snapshot.asns.at(address) or None,
        cloud=network.cloud,
        asn_proves=network.asn_proves,
        cloud_proves=network.cloud_proves,
    )


def place_number(snapshot: Snapshot, address: bytes, country_of: CountryOf) -> int:
    """The number of the place of an address: from the operator's databases, else its country's; 0 is nowhere."""
    facts = snapshot.facts
    return place_at(snapshot.located, address, facts.country_places, facts.system_places, country_of)


class PackageManager(StrEnum):
    """What people install packages with."""

    DNF = "dnf"
    ZYPPER = "zypper"
    APT = "apt"
    PACMAN = "pacman"
    APK = "apk"


RPM = (PackageManager.DNF, PackageManager.ZYPPER)
TRACES: Mapping[str, tuple[PackageManager, ...]] = {
    "repodata/repomd.xml": RPM,
    "dists": (PackageManager.APT,),
    "InRelease": (PackageManager.APT,),
    "Release": (PackageManager.APT,),
    "{name}.db": (PackageManager.PACMAN,),
    "APKINDEX.tar.gz": (PackageManager.APK,),
}
"""A file or directory in a repository, and who reads it."""
WORDS: Mapping[str, tuple[PackageManager, ...]] = {
    **dict.fromkeys(("apt", "deb", "debian", "ubuntu", "dists", "pool"), (PackageManager.APT,)),
    **dict.fromkeys(("$repo", "$arch", "arch", "archlinux", "pacman"), (PackageManager.PACMAN,)),
    **dict.fromkeys(("apk", "alpine"), (PackageManager.APK,)),
    **dict.fromkeys(("$basearch", "baseos", "appstream", "rpm", "rpms", "yum", "dnf"), RPM),
}
"""A directory in a repository's path, or its name, in small letters; the first row that fits counts."""


def package_managers(
    repository: Repository, directory: str, is_there: Callable[[str], bool] | None
) -> tuple[PackageManager, ...]:
    """Who reads a repository; everybody where nothing says so.

    ``is_there`` says whether the origin has a file or directory below the tree; None where its files are not known.
    """
    if repository.clients:
        return tuple(PackageManager(name) for name in repository.clients)
    if is_there is not None:
        for trace, readers in TRACES.items():
            if is_there(f"{directory.strip('/')}/{trace.format(name=repository.name)}".lstrip("/")):
                return readers
    return readers_by_name(repository.path, repository.name) or tuple(PackageManager)


def readers_by_name(path: str, name: str) -> tuple[PackageManager, ...]:
    """Who reads a repository as its path and its name suggest; nobody where they suggest nothing."""
    steps = {*path.lower().split("/"), name.lower()}
    return next((readers for word, readers in WORDS.items() if word in steps), ())
