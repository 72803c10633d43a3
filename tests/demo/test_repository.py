"""The repositories are real ones: their metadata is true, and dnf and zypper use them."""

from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
import rpm_rs
import rpmrepo_metadata
from lxml import etree

from mirrorlist.demo.network import DemoRelease, Package, build_tree
from tests.clients.dnf import Dnf
from tests.clients.tools import need
from tests.demo.servers import mirror_server, read_log

REPO = "{http://linux.duke.edu/metadata/repo}"


def release(*versions: str, timestamp: int = 1_710_000_000) -> DemoRelease:
    packages = tuple(package for v in versions for package in (Package("hello", v), Package("tools", v, "$basearch")))
    return DemoRelease("9.8", {"BaseOS/$basearch/os/": packages}, ("x86_64", "aarch64"), timestamp)


def repository(tree: Path, arch: str = "x86_64") -> Path:
    return tree / "9.8" / "BaseOS" / arch / "os"


def contents(tree: Path) -> dict[str, bytes]:
    return {str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()}


def nevras(directory: Path) -> list[str]:
    packages = rpmrepo_metadata.RepositoryReader(str(directory)).iter_packages()
    return sorted(package.nevra() for package in packages)


def test_each_arch_has_its_packages(tmp_path: Path) -> None:
    build_tree(tmp_path, [release("1.0")])
    assert nevras(repository(tmp_path)) == ["hello-0:1.0-1.noarch", "tools-0:1.0-1.x86_64"]
    assert nevras(repository(tmp_path, "aarch64")) == ["hello-0:1.0-1.noarch", "tools-0:1.0-1.aarch64"]


def test_repomd_tells_true_sizes_checksums_and_the_given_time(tmp_path: Path) -> None:
    build_tree(tmp_path, [release("1.0", timestamp=1_712_345_678)])
    root = etree.parse(repository(tmp_path) / "repodata" / "repomd.xml").getroot()
    assert root.findtext(f"{REPO}revision") == "1712345678"
    assert [data.get("type") for data in root.iter(f"{REPO}data")] == ["primary", "filelists", "other"]
    for data in root.iter(f"{REPO}data"):
        location = data.find(f"{REPO}location")
        assert location is not None
        content = (repository(tmp_path) / location.attrib["href"]).read_bytes()
        assert data.findtext(f"{REPO}checksum") == sha256(content).hexdigest()
        assert data.findtext(f"{REPO}size") == str(len(content))
        assert data.findtext(f"{REPO}timestamp") == "1712345678"


def test_primary_tells_true_sizes_and_checksums_of_the_packages(tmp_path: Path) -> None:
    build_tree(tmp_path, [release("1.0", "2.0")])
    packages = list(rpmrepo_metadata.RepositoryReader(str(repository(tmp_path))).iter_packages())
    assert len(packages) == 4
    for package in packages:
        content = (repository(tmp_path) / package.location_href).read_bytes()
        assert package.checksum == ("sha256", sha256(content).hexdigest())
        assert package.size_package == len(content)


def test_packages_open_and_hold_their_version(tmp_path: Path) -> None:
    build_tree(tmp_path, [release("2.0")])
    package = rpm_rs.Package.open(str(repository(tmp_path) / "Packages" / "tools-2.0-1.x86_64.rpm"))
    (file,) = package.files()
    assert (package.metadata.name, package.metadata.version, package.metadata.arch) == (
        "tools",
        "2.0",
        "x86_64",
    )
    assert (file.metadata.path, file.content) == ("/usr/share/tools/version.txt", b"tools 2.0\n")


def test_the_same_description_gives_the_same_bytes(tmp_path: Path) -> None:
    build_tree(tmp_path / "a", [release("1.0", "2.0")])
    build_tree(tmp_path / "b", [release("1.0", "2.0")])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_old_and_new_state_share_old_packages_but_no_metadata(tmp_path: Path) -> None:
    build_tree(tmp_path / "old", [release("1.0")])
    build_tree(tmp_path / "new", [release("1.0", "2.0")])
    old, new = contents(tmp_path / "old"), contents(tmp_path / "new")
    same = {path for path in old if new.get(path) == old[path]}
    assert same == {path for path in old if path.endswith(".rpm")}
    missing = {path for path in old if path not in new}
    assert missing == {path for path in old if "/repodata/" in path and not path.endswith("repomd.xml")}


def test_a_state_replaces_the_one_before_it_whole(tmp_path: Path) -> None:
    build_tree(tmp_path / "alone", [release("1.0")])
    build_tree(tmp_path / "again", [release("1.0", "2.0")])
    build_tree(tmp_path / "again", [release("1.0")])
    assert contents(tmp_path / "again") == contents(tmp_path / "alone")


def test_several_releases_stand_beside_each_other(tmp_path: Path) -> None:
    other = DemoRelease("10.2", {"AppStream/$basearch/os": (Package("web", "3"),)}, ("s390x",), 1_710_000_000)
    build_tree(tmp_path, [release("1.0"), other])
    assert nevras(tmp_path / "10.2" / "AppStream" / "s390x" / "os") == ["web-0:3-1.noarch"]
    assert len(nevras(repository(tmp_path))) == 2


@pytest.mark.client
def test_rpm_finds_the_digests_of_a_package_right(tmp_path: Path) -> None:
    need("rpm")
    build_tree(tmp_path, [release("1.0")])
    rpm = repository(tmp_path) / "Packages" / "hello-1.0-1.noarch.rpm"
    checked = subprocess.run(["rpm", "--checksig", "--verbose", str(rpm)], capture_output=True, text=True, check=True)
    assert "Payload SHA256 digest: OK" in checked.stdout
    assert "BAD" not in checked.stdout


@pytest.mark.client
def test_dnf_reads_the_metadata_and_downloads_a_package(tmp_path: Path) -> None:
    need("dnf")
    build_tree(tmp_path / "tree", [release("1.0", "2.0")])
    with mirror_server(tmp_path / "tree", tmp_path / "log") as (url, _):
        dnf = Dnf(tmp_path / "dnf")
        dnf.add_repository("baseos", baseurl=f"{url}9.8/BaseOS/$basearch/os/")
        made = dnf.makecache()
        listed = dnf.repoquery()
        downloaded = dnf.download("tools")
    assert made.returncode == 0, made.stderr
    assert listed.stdout.split() == [
        "hello-0:1.0-1.noarch",
        "hello-0:2.0-1.noarch",
        "tools-0:1.0-1.x86_64",
        "tools-0:2.0-1.x86_64",
    ]
    assert downloaded.returncode == 0, downloaded.stderr
    assert dnf.downloaded() == ["tools-2.0-1.x86_64.rpm"]
    assert read_log(tmp_path / "log")[0].path == "/9.8/BaseOS/x86_64/os/repodata/repomd.xml"


@pytest.mark.client
def test_dnf_refuses_a_package_whose_bytes_are_not_those_of_the_metadata(tmp_path: Path) -> None:
    need("dnf")
    build_tree(tmp_path / "tree", [release("1.0")])
    rpm = repository(tmp_path / "tree") / "Packages" / "hello-1.0-1.noarch.rpm"
    rpm.write_bytes(rpm.read_bytes()[::-1])
    with mirror_server(tmp_path / "tree", tmp_path / "log") as (url, _):
        dnf = Dnf(tmp_path / "dnf")
        dnf.add_repository("baseos", baseurl=f"{url}9.8/BaseOS/$basearch/os/")
        refused = dnf.download("hello")
    assert refused.returncode != 0
    assert dnf.downloaded() == []


@pytest.mark.client
def test_zypper_reads_the_metadata_and_downloads_a_package(tmp_path: Path) -> None:
    need("zypper")
    build_tree(tmp_path / "tree", [release("1.0", "2.0")])
    root = tmp_path / "root"
    root.mkdir()
    zypper = ["zypper", "--non-interactive", "--no-gpg-checks", "--root", str(root)]
    with mirror_server(tmp_path / "tree", tmp_path / "log") as (url, _):
        baseurl = f"{url}9.8/BaseOS/x86_64/os/"
        outputs = [
            subprocess.run([*zypper, *arguments], capture_output=True, text=True, check=True).stdout
            for arguments in (
                ("addrepo", "--no-gpgcheck", baseurl, "baseos"),
                ("refresh",),
                ("search", "--details", "hello"),
                ("install", "--download-only", "hello"),
            )
        ]
    assert "2.0-1" in outputs[2]
    assert [path.name for path in root.rglob("*.rpm")] == ["hello-2.0-1.noarch.rpm"]
