"""Which files have to be of one moment with the newest of their repository."""

from __future__ import annotations

import pytest

from mirrorlist.core.files.metadata_files import fits_one, lists_others

APT = """dists/x/InRelease dists/x/Release dists/x/Release.gpg dists/x/main/binary-amd64/Packages Packages.gz
dists/x/main/binary-amd64/Packages.xz dists/x/main/binary-amd64/Release dists/x/main/source/Sources.zst
dists/x/main/i18n/Translation-de.bz2 dists/x/main/i18n/Translation-zh_CN.xz dists/x/main/Contents-amd64.gz
dists/x/main/Contents-udeb-all.gz dists/x/main/dep11/Components-amd64.yml.gz dists/x/main/dep11/icons-128x128@2.tar.gz
dists/x/main/dep11/icons-64x64.tar.gz dists/x/main/cnf/Commands-amd64.xz
dists/x/main/binary-amd64/by-hash/SHA256/0123abc dists/x/main/binary-amd64/Packages.diff/Index
dists/x/main/binary-amd64/Packages.diff/T-2026-11-01-0203.05-F-2026-10-31.gz packages/Packages.sig Packages.lz4
dists/x/main/i18n/Index dists/x/main/dep11/icons-large.tar.gz Release.key archive-key-12.asc KEY.gpg
keys/archive-keyring.gpg dists/x/main/installer-amd64/current/images/SHA256SUMS"""
PACMAN = """core/os/x86_64/core.db core/os/x86_64/core.db.sig extra.files extra.files.sig core.db.tar.gz core.db.tar.zst
core.db.tar.gz.sig core.files.tar.xz core.links.tar.gz core.db.tar lastsync lastupdate
iso/latest/sha256sums.txt iso/latest/b2sums.txt"""
APK = """v3.20/main/x86_64/APKINDEX.tar.gz packages.adb v3/x86_64/APKINDEX.adb last-updated
edge/releases/x86_64/latest-releases.yaml keys/builder@example.org-5e69ca50.rsa.pub"""
RPM = """9/BaseOS/repodata/repomd.xml 9/BaseOS/repodata/repomd.xml.asc repodata/repomd.xml.key repodata/primary.xml.gz
9/BaseOS/repodata/comps.xml repodata/modules.yaml.gz 9/BaseOS/.treeinfo
9/BaseOS/treeinfo 9/.discinfo 9/BaseOS/media.repo oss/content oss/content.asc oss/media.1/media oss/media.1/products
oss/media.2/media media.10/media oss/content.key directory.yast suse/setup/descr/packages.gz setup/descr/patterns
.composeinfo COMPOSE_ID RPM-GPG-KEY-Example-9 9/RPM-GPG-KEY-Example gpg-pubkey-3dbdc284-53674dd4.asc
isos/SHA256SUMS isos/SHA256SUMS.gpg isos/MD5SUMS.sign isos/CHECKSUM isos/CHECKSUM.asc X-9.8-x86_64-CHECKSUM
CHECKSUMS.asc"""
OTHERS = """9/repodata/0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c0f3c-primary.xml.zst
pool/main/h/hello_1.deb pool/main/Packages/x.deb core/os/x86_64/zlib-1.pkg.tar.zst zlib-1.pkg.tar.zst.sig
v3.20/main/x86_64/zlib-1.apk 9/BaseOS/Packages/z/zlib.rpm isos/X-9.iso isos/X-9.iso.asc Packages.rpm Releases
isos/X-9.iso.sig monkey_1.deb keyring-1.pkg.tar.zst keyring-1.pkg.tar.zst.sig
checksum-tool.rpm x.sha256sums.iso pool/x.diff.gz
InRelease.html Contents index.html repodata dists/by-hash media.1 media.x/media data.dbx my.database mediaXrepo"""


@pytest.mark.parametrize("path", [*APT.split(), *PACMAN.split(), *APK.split(), *RPM.split()])
def test_what_clients_read_before_packages(path: str) -> None:
    assert lists_others(path)


@pytest.mark.parametrize("path", OTHERS.split())
def test_packages_and_images_come_from_mirrors(path: str) -> None:
    assert not lists_others(path)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.torrent", "isos/9/X.torrent", True),
        ("TIME", "a/b/TIME", True),
        ("TIME", "a/TIMES", False),
        ("latest/*", "latest/x/y.iso", True),
        ("/latest/*", "latest/x.iso", True),
        ("latest/*", "old/latest/x.iso", False),
        ("*/latest/?.iso", "old/latest/x.iso", True),
        ("a.b", "aXb", False),
        ("*a*a*a*a*a*a*a*a*a*b", "a" * 4000, False),
    ],
)
def test_patterns_of_the_operator(pattern: str, path: str, fits: bool) -> None:
    assert fits_one(path, ("none", pattern)) is fits
