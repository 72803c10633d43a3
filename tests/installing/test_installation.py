"""Values of one machine in the files of an installation."""

from __future__ import annotations

import pytest

from mirrorlist.core.errors import InstallationError
from mirrorlist.installing.installation import Installation, installation_files


def unit(**values: str) -> list[str]:
    made = {file.name: file.text for file in installation_files(Installation(**values))}  # type: ignore[arg-type]
    return made["systemd/mirrorlist.service"].splitlines()


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({}, "ExecStart=/usr/bin/mirrorlist --config /etc/mirrorlist/service.yml serve"),
        ({"config": "/srv/a b%$.yml"}, 'ExecStart=/usr/bin/mirrorlist --config "/srv/a b%%$$.yml" serve'),
        ({"program": "/opt/a b/mirrorlist"}, 'ExecStart="/opt/a b/mirrorlist" --config /etc/mirrorlist/service.yml serve'),
        ({"state": "state"}, "ExecStart=/usr/bin/mirrorlist --config /etc/mirrorlist/service.yml "
                             "--state /var/lib/mirrorlist serve"),
        ({}, "ProtectHome=yes"),
        ({"config": "/home/me/service.yml"}, "ProtectHome=read-only"),
        ({"program": "/run/user/1000/venv/bin/mirrorlist"}, "ProtectHome=read-only"),
        ({"config": "/homework/service.yml"}, "ProtectHome=yes"),
    ],
)  # fmt: skip
def test_the_unit_names_this_machines_paths(values: dict[str, str], line: str) -> None:
    assert line in unit(**values)


@pytest.mark.parametrize(
    "host", ["", "localhost", "a b.org", "192.0.2.1", "::1", "a..org", "-a.org", "a.org;", "a.org\n", "é.org", "*.a.org",
             "a" * 64 + ".org", "a." * 127 + "org"],
)  # fmt: skip
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InstallationError, match="is no host name"):
        Installation(host=host)


def test_the_units_of_a_package_are_right_for_its_own_paths_only() -> None:
    assert Installation().is_packaged
    assert Installation(host="a.example.org", name="A").is_packaged
    assert not Installation(program="/usr/local/bin/mirrorlist").is_packaged
    assert not Installation(config="/srv/service.yml").is_packaged
    assert not Installation(state="state").is_packaged
