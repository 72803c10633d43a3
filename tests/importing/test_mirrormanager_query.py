"""The query of docs/moving.md gives rows that ``mirrorlist import`` reads, from a real PostgreSQL."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.importing.place import Place
from tests.postgres import Server

ROOT = Path(__file__).parents[2]
TABLES = """
CREATE TABLE site (id int, name text, password text, org_url text, private bool, admin_active bool, user_active bool,
                   downstream_comments text);
CREATE TABLE host (id int, site_id int, name text, robot_email text, admin_active bool, user_active bool, country text,
                   bandwidth_int int, comment text, private bool, internet2 bool, internet2_clients bool, asn int,
                   asn_clients bool, max_connections int, disable_reason text, push_ssh_private_key text, latitude float,
                   longitude float);
CREATE TABLE category (id int, name text, canonicalhost text);
CREATE TABLE host_category (id int, host_id int, category_id int, always_up2date bool);
CREATE TABLE host_category_url (id int, host_category_id int, url text, private bool);
CREATE TABLE host_netblock (id int, host_id int, netblock text, name text);
CREATE TABLE host_acl_ip (id int, host_id int, ip text);
CREATE TABLE host_country_allowed (id int, host_id int, country text);
CREATE TABLE host_peer_asn (id int, host_id int, asn int, name text);
INSERT INTO site VALUES (1, 'Beispiel', 'geheim', 'https://www.example.org/', false, true, true, NULL);
INSERT INTO host VALUES (5, 1, 'mirror.a.example.org', 'a@example.org', true, true, 'DE', 1000, NULL, false, false, false,
                         680, true, 1, NULL, 'geheim', 52.5, 13.4);
INSERT INTO category VALUES (2, 'Linux', NULL);
INSERT INTO host_category VALUES (7, 5, 2, false);
INSERT INTO host_category_url VALUES (1, 7, 'https://mirror.a.example.org/l', false), (2, 7, 'rsync://mirror.a.example.org/p', true);
INSERT INTO host_netblock VALUES (1, 5, '141.23.0.0/24', NULL);
INSERT INTO host_country_allowed VALUES (1, 5, 'DE');
"""


@pytest.mark.slow
def test_the_query_of_the_docs_exports_what_is_imported(place: Place, postgres: Server) -> None:
    text = (ROOT / "docs" / "moving.md").read_text()
    query = re.search(r"<<'SQL'\n(.*?)\n\s*SQL\n", text, re.DOTALL)
    assert query
    engine = sa.create_engine(
        postgres.new_database().replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool
    )
    with engine.begin() as connection:
        connection.exec_driver_sql(TABLES)
        given = connection.exec_driver_sql(query[1].strip().rstrip(";")).scalar_one()
    engine.dispose()
    found = place.run("mirrormanager", given)
    assert place.file("mirror.a.example.org") == {
        "name": "mirror.a.example.org", "address": {"https": "https://mirror.a.example.org/l/"}, "sponsor": "Beispiel",
        "sponsor_url": "https://www.example.org/", "email": "a@example.org", "bandwidth_mbps": 1000, "asn": 680,
        "geolocation": {"country": "DE", "latitude": 52.5, "longitude": 13.4}, "subnets": ["141.23.0.0/24"],
        "countries_only": ["DE"],
    }  # fmt: skip
    assert found["mirror.a.example.org"]["lost"] == [
        "private address 'rsync://mirror.a.example.org/p': it is for other mirrors alone, and never given to clients"
    ]
    assert "geheim" not in str(given)
