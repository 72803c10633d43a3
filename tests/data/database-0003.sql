-- A database of main before the first release, at its last step.
BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE "health_events" (
	id INTEGER NOT NULL, 
	mirror TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	why TEXT NOT NULL, 
	module TEXT, 
	protocol TEXT, 
	family TEXT, 
	path TEXT, 
	author TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE "health_versions" (
	name TEXT NOT NULL, 
	number BIGINT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE leads (
	name TEXT NOT NULL, 
	epoch BIGINT NOT NULL, 
	generation BIGINT NOT NULL, 
	beats BIGINT NOT NULL, 
	holder TEXT NOT NULL, 
	seen_at FLOAT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE mirror_addresses (
	mirror TEXT NOT NULL, 
	address TEXT NOT NULL, 
	asn BIGINT, 
	seen_at FLOAT NOT NULL, 
	PRIMARY KEY (mirror, address)
);
CREATE TABLE "origin_changes" (
	id INTEGER NOT NULL, 
	path TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	sha512 TEXT NOT NULL, 
	size BIGINT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	seen_at FLOAT NOT NULL, 
	accepted BOOLEAN NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE "origin_checks" (
	path TEXT NOT NULL, 
	confirmed_at FLOAT, 
	failed_at FLOAT, 
	error TEXT, 
	PRIMARY KEY (path)
);
CREATE TABLE origin_images (
	path TEXT NOT NULL, 
	size BIGINT, 
	seen_at FLOAT NOT NULL, 
	PRIMARY KEY (path)
);
CREATE TABLE "overrides" (
	mirror TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	author TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	until FLOAT NOT NULL, 
	PRIMARY KEY (mirror)
);
CREATE TABLE paces (
	mirror TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	step INTEGER NOT NULL, 
	since FLOAT NOT NULL, 
	why TEXT NOT NULL, 
	bad INTEGER NOT NULL, 
	calm INTEGER NOT NULL, 
	times TEXT NOT NULL, 
	PRIMARY KEY (mirror)
);
CREATE TABLE "probe_runs" (
	id INTEGER NOT NULL, 
	started_at FLOAT NOT NULL, 
	seconds FLOAT, 
	mirrors INTEGER, 
	requests INTEGER, 
	kept TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE "probes" (
	id INTEGER NOT NULL, 
	mirror TEXT NOT NULL, 
	module TEXT NOT NULL, 
	protocol TEXT NOT NULL, 
	family TEXT NOT NULL, 
	path TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	outcome TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	sha256 TEXT, 
	PRIMARY KEY (id)
);
CREATE TABLE releases (
	major TEXT NOT NULL, 
	version TEXT NOT NULL, 
	since FLOAT NOT NULL, 
	PRIMARY KEY (major)
);
CREATE TABLE "verdicts" (
	mirror TEXT NOT NULL, 
	module TEXT NOT NULL, 
	protocol TEXT NOT NULL, 
	family TEXT NOT NULL, 
	path TEXT NOT NULL, 
	good_now BOOLEAN NOT NULL, 
	since FLOAT NOT NULL, 
	outcome TEXT NOT NULL, 
	checked_at FLOAT NOT NULL, 
	detail TEXT NOT NULL, 
	bad INTEGER NOT NULL, 
	good INTEGER NOT NULL, 
	falls INTEGER NOT NULL, 
	held_until FLOAT NOT NULL, 
	sha256 TEXT, 
	sha256_at FLOAT, validator TEXT, certificate_days INTEGER, 
	PRIMARY KEY (mirror, module, protocol, family, path)
);
CREATE INDEX ix_origin_changes_path ON origin_changes (path);
CREATE INDEX ix_verdicts_checked_at ON verdicts (checked_at);
CREATE INDEX probes_of_a_mirror ON probes (mirror, at);
CREATE INDEX ix_probes_at ON probes (at);
CREATE INDEX ix_health_events_at ON health_events (at);
CREATE INDEX ix_health_events_mirror ON health_events (mirror);
COMMIT;
