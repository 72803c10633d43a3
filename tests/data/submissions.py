"""Files that strangers may submit: hostile ones by kind, each with the code that refuses it, and tricky good ones.

A row of text stands below ``HEAD`` unless it begins with ``name:`` or is bytes; those are whole files.
"""

from __future__ import annotations

from mirrorlist.sources.submissions.submission import SubmissionCode as More
from mirrorlist.sources.yaml.documents import Code

NAME = "mirror.new.example.org"
FILE = f"{NAME}.yml"
WEB = "address:\n  https: https://mirror.new.example.org/linux/\n  http: http://mirror.new.example.org/linux/\n"
PLACE = "geolocation: {country: DE, city: Berlin}\n"
SYNC = "update_frequency: 3h\n"
HEAD = f"name: {NAME}\naddress:\n  {{https: 'https://{NAME}/linux/', http: 'http://{NAME}/linux/'}}\n{SYNC}{PLACE}"

SERVICE = """\
versions: ["9"]
arches: {"9": [x86_64], "10-kitten": [x86_64]}
repos: [{name: baseos, path: BaseOS/$basearch/os/}]
optional_module_versions: {kitten: ["10"]}
approved: [mirror.alone.example.net]
"""
NEIGHBOURS = {
    "mirror.old.example.net.yml": "name: mirror.old.example.net\n"
    "address: {http: http://mirror.old.example.net/linux/, rsync: rsync://mirror.old.example.net/linux/}\n"
    "subnets: [141.20.0.0/18, '2001:638:100::/48']\nasn: [680]\n" + SYNC,
    "mirror.alone.example.net.yml": "name: mirror.alone.example.net\n"
    "address: {http: http://mirror.alone.example.net/linux/}\n"
    "private: true\nmonopoly: true\nsubnets: [193.99.144.0/24]\nasn: [206564]\n" + SYNC,
}
"""Mirrors that are there already; the second one serves a network and an autonomous system alone."""


def _named(name: str) -> str:
    return HEAD.replace(NAME, name, 1)


def _url(url: str, key: str = "https") -> str:
    return f"name: {NAME}\naddress:\n  {key}: '{url}'\n{PLACE}"


def _host(host: str) -> str:
    return _url(f"https://{host}/linux/")


def _list(key: str, *values: object) -> str:
    return f"{key}: [{', '.join(map(str, values))}]\n"


def _many(count: int, pattern: str) -> list[str]:
    return [pattern.format(number >> 8, number & 255) for number in range(count)]


Row = tuple[str, Code | More, str | bytes]

YAML: tuple[Row, ...] = (
    ("alias", Code.YAML_ALIAS, "sponsor: &a Example\nagreement: *a\n"),
    ("anchor alone", Code.YAML_ALIAS, "sponsor: &a Example\n"),
    ("billion laughs", Code.YAML_ALIAS, "peerings: &a [x, x]\nasn: [*a, *a]\n"),
    ("merge key", Code.YAML_ALIAS, "geolocation: {<<: *x}\n"),
    ("python tag", Code.YAML_TAG, "sponsor: !!python/object/apply:os.system ['id']\n"),
    ("string tag", Code.YAML_TAG, "sponsor: !!str 5\n"),
    ("binary tag", Code.YAML_TAG, "sponsor: !!binary aGk=\n"),
    ("set tag", Code.YAML_TAG, "asn: !!set {1}\n"),
    ("verbatim tag", Code.YAML_TAG, "sponsor: !<tag:example.org,2026:x> y\n"),
    ("duplicate key", Code.DUPLICATE_KEY, "sponsor: a\nsponsor: b\n"),
    ("duplicate key below", Code.DUPLICATE_KEY, "sync: {from: 192.0.2.1, from: 192.0.2.2}\n"),
    ("second document", Code.SEVERAL_DOCUMENTS, "---\nname: x\n"),
    ("second document after an end", Code.SEVERAL_DOCUMENTS, "...\n---\nname: x\n"),
    ("deep list", Code.TOO_DEEP, "asn: " + "[" * 21 + "]" * 21 + "\n"),
    ("very deep mapping", Code.TOO_DEEP, "sync: " + "{a: " * 5000 + "1" + "}" * 5000 + "\n"),
    ("too large", Code.FILE_TOO_LARGE, "#" * 65_536),
    ("complex key", Code.COMPLEX_KEY, "? [a, b]\n: c\n"),
    ("empty", Code.EMPTY_FILE, b""),
    ("comments only", Code.EMPTY_FILE, b"# nothing\n"),
    ("null document", Code.EMPTY_FILE, b"--- ~\n"),
    ("list", Code.NOT_A_MAPPING, b"- name: x\n"),
    ("text", Code.NOT_A_MAPPING, b"just words\n"),
    ("tab as indentation", Code.YAML_SYNTAX, "geolocation2:\n\tcountry: DE\n"),
    ("open quotes", Code.YAML_SYNTAX, "sponsor: 'Example\n"),
    ("open list", Code.YAML_SYNTAX, "asn: [1, 2\n"),
    ("two values", Code.YAML_SYNTAX, "sponsor: a: b\n"),
    ("directive", Code.YAML_SYNTAX, "%YAML 9.9\n---\n"),
    ("JSON with a comma too many", Code.YAML_SYNTAX, b'{"name": "x",,}'),
)

ENCODINGS: tuple[Row, ...] = (
    ("UTF-16", Code.NOT_UTF8, HEAD.encode("utf-16")),
    ("UTF-32", Code.NOT_UTF8, HEAD.encode("utf-32")),
    ("Latin-1", Code.NOT_UTF8, (HEAD + "sponsor: Universität\n").encode("latin-1")),
    ("overlong slash", Code.NOT_UTF8, HEAD.encode() + b"sponsor: \xc0\xaf\n"),
    ("surrogate", Code.NOT_UTF8, HEAD.encode() + b"sponsor: \xed\xa0\x80\n"),
    ("random bytes", Code.NOT_UTF8, bytes(range(128, 256)) * 8),
    ("NUL", Code.CONTROL_CHARACTER, HEAD + "sponsor: a\x00b\n"),
    ("terminal escape", Code.CONTROL_CHARACTER, HEAD + "sponsor: \x1b[2J\x1b]0;x\x07\n"),
    ("C1 control", Code.CONTROL_CHARACTER, HEAD + "sponsor: a\x9bb\n"),
    ("next line", Code.CONTROL_CHARACTER, HEAD + "sponsor: a\x85b\n"),
    ("DEL", Code.CONTROL_CHARACTER, HEAD + "sponsor: a\x7fb\n"),
    ("escape by an escape", Code.CONTROL_CHARACTER, 'sponsor: "\\e[2J"\n'),
    ("NUL by an escape", Code.CONTROL_CHARACTER, 'sponsor: "a\\0b"\n'),
    ("escape in a key", Code.CONTROL_CHARACTER, '"\\e]0;x\\a": x\n'),
    ("right-to-left override by an escape", More.HIDDEN_CHARACTER, 'sponsor: "\\u202Eelpmaxe"\n'),
    ("tag letter by an escape in a list", More.HIDDEN_CHARACTER, 'peerings: [a, "b\\U000E0041"]\n'),
    ("variation selectors", More.HIDDEN_CHARACTER, "sponsor: Example\U000e0101\U000e0102\n"),
    ("variation selectors behind a picture", More.HIDDEN_CHARACTER, "sponsor: Example \u2708\ufe0f\ufe01\ufe02\n"),
    ("Mongolian variation selector", More.HIDDEN_CHARACTER, "sponsor: Exam\u180bple\n"),
    ("one Thai accent 40 times", More.HIDDEN_CHARACTER, "sponsor: \u0e01" + "\u0e49" * 40 + "\n"),
    ("Armenian in Latin", More.LOOK_ALIKE, "sponsor: Ex\u0561mple\n"),
    ("Cherokee in Latin", More.LOOK_ALIKE, "sponsor: \u13aample\n"),
    ("Lisu in Latin", More.LOOK_ALIKE, "sponsor: \ua4eemple\n"),
    ("small capitals", More.LOOK_ALIKE, "sponsor: \u0262xample\n"),
    ("raised letters", More.LOOK_ALIKE, "sponsor: \u1d49\u02e3ample\n"),
    ("right-to-left override", More.HIDDEN_CHARACTER, "sponsor: \u202eelpmaxE\n"),
    ("isolate in a comment", More.HIDDEN_CHARACTER, "# \u2066private: true\u2069\n"),
    ("left-to-right mark", More.HIDDEN_CHARACTER, "sponsor: Example\u200e\n"),
    ("zero-width space", More.HIDDEN_CHARACTER, "sponsor: Exa\u200bmple\n"),
    ("zero-width joiner in Latin", More.HIDDEN_CHARACTER, "sponsor: Exa\u200dmple\n"),
    ("word joiner", More.HIDDEN_CHARACTER, "sponsor: Exa\u2060mple\n"),
    ("byte order mark inside", More.HIDDEN_CHARACTER, "sponsor: Exa\ufeffmple\n"),
    ("soft hyphen", More.HIDDEN_CHARACTER, "sponsor: Exa\u00admple\n"),
    ("tag letters", More.HIDDEN_CHARACTER, "sponsor: Example\U000e0041\U000e0042\n"),
    ("private use", More.HIDDEN_CHARACTER, "sponsor: Example\ue000\n"),
    ("not a character", More.HIDDEN_CHARACTER, "sponsor: Example\ufdd0\n"),
    ("line separator", More.HIDDEN_CHARACTER, "sponsor: 'Exa\u2028mple'\n"),
    ("blank letter", More.HIDDEN_CHARACTER, "sponsor: Exa\u3164mple\n"),
    ("stacked accents by escapes", More.HIDDEN_CHARACTER, 'sponsor: "Exa' + "\\u0301\\u0302" * 4 + 'mple"\n'),
    ("one accent many times by escapes", More.HIDDEN_CHARACTER, 'sponsor: "Exa' + "\\u0301" * 9 + 'mple"\n'),
    ("stacked accents", More.HIDDEN_CHARACTER, "sponsor: Exa" + "\u0301" * 40 + "mple\n"),
    ("Cyrillic in Latin", More.LOOK_ALIKE, "sponsor: Ex\u0430mple University\n"),
    ("Greek in Latin", More.LOOK_ALIKE, "contact_name: J\u03bfhn\n"),
    ("bold letters", More.LOOK_ALIKE, "sponsor: \U0001d404\U0001d431ample\n"),
    ("wide letters", More.LOOK_ALIKE, "sponsor: \uff25\uff58\uff41mple\n"),
    ("Cyrillic in a city", More.LOOK_ALIKE, f"name: {NAME}\n{WEB}geolocation: {{country: DE, city: B\u0435rlin}}\n"),
    ("text of two lines", More.BAD_TEXT, "sponsor: |\n  Example\n  ::error::x\n"),
    ("line feed by escape", More.BAD_TEXT, 'sponsor: "Example\\n::set-output name=x::y"\n'),
    ("markup", More.BAD_TEXT, "sponsor: <script>alert(1)</script>\n"),
    ("markup in a further place", More.BAD_TEXT, "places: [{country: DE, city: '<b>Bonn</b>'}]\n"),
    ("Cyrillic in a further place", More.LOOK_ALIKE, "places: [{country: DE, city: B\u043enn}]\n"),
    ("markup in a peering", More.BAD_TEXT, "peerings: ['<img src=x onerror=y>']\n"),
    ("signs only", More.BAD_TEXT, "sponsor: '***'\n"),
)  # fmt: skip

TYPES: tuple[Row, ...] = (
    ("name is a number", Code.WRONG_TYPE, f"name: 5\n{WEB}"),
    ("name is nothing", Code.WRONG_TYPE, f"name:\n{WEB}"),
    ("name is a mapping", Code.WRONG_TYPE, f"name: {{}}\n{WEB}"),
    ("address is a text", Code.WRONG_TYPE, f"name: {NAME}\naddress: http://x.example.org/\n"),
    ("address is a list", Code.WRONG_TYPE, f"name: {NAME}\naddress: [http://x.example.org/]\n"),
    ("private in words", Code.WRONG_TYPE, "private: perhaps\n"),
    ("private is a number", Code.WRONG_TYPE, "private: 1\n"),
    ("monopoly is a text", Code.WRONG_TYPE, "monopoly: 'true-ish'\n"),
    ("subnets are a mapping", Code.WRONG_TYPE, "subnets: {a: 192.0.2.0/24}\n"),
    ("subnets of numbers", Code.WRONG_TYPE, "subnets: [10]\n"),
    ("asn is a boolean", Code.WRONG_TYPE, "asn: true\n"),
    ("asn is a fraction", Code.WRONG_TYPE, "asn: 1.5\n"),
    ("asn in words", Code.WRONG_TYPE, "asn: AS-EXAMPLE\n"),
    ("sponsor is a list", Code.WRONG_TYPE, "sponsor: [a]\n"),
    ("frequency is a number", Code.WRONG_TYPE, "update_frequency: 3\n"),
    ("latitude in words", Code.WRONG_TYPE, f"name: {NAME}\n{WEB}geolocation: {{latitude: north, longitude: 5}}\n"),
    ("latitude is not a number", Code.WRONG_TYPE, f"name: {NAME}\n{WEB}geolocation: {{latitude: .nan, longitude: .inf}}\n"),
    ("country is a boolean", Code.WRONG_TYPE, f"name: {NAME}\n{WEB}geolocation: {{country: false}}\n"),
    ("no name", Code.MISSING_KEY, f"name:x: y\n{WEB}".replace("name:x: y\n", "sponsor: x\n").encode()),
    ("no address", Code.MISSING_KEY, f"name: {NAME}\n"),
    ("rsync alone", Code.MISSING_KEY, f"name: {NAME}\naddress: {{rsync: rsync://mirror.new.example.org/x/}}\n"),
    ("unknown key", Code.UNKNOWN_KEY, "address_options: {kitten: {http: http://mirror.new.example.org/k/}}\n"),
    ("unknown key below", Code.UNKNOWN_KEY, f"name: {NAME}\n{WEB}geolocation: {{country: DE, asn: 5}}\n"),
    ("key in disguise", Code.UNKNOWN_KEY, "priv\u0430te: true\n"),
    ("unknown module", Code.UNKNOWN_MODULE, "address_optional: {kiten: {http: http://mirror.new.example.org/k/}}\n"),
    ("a second main tree", Code.UNKNOWN_MODULE, f"address_optional: {{main: {{http: http://{NAME}/other/}}}}\n"),
    ("unknown status", Code.BAD_VALUE, "status: super\n"),
    ("impossible date", Code.BAD_DATE, "live_from: 2026-02-30\n"),
    ("negative storage", Code.OUT_OF_RANGE, "storage_gb: -1\n"),
    ("huge whole number", Code.WRONG_TYPE, "storage_gb: " + "9" * 4000 + "\n"),
    ("sponsor of 10,000 letters", Code.OUT_OF_RANGE, "sponsor: " + "x" * 10_000 + "\n"),
    ("8,000 unknown keys", Code.UNKNOWN_KEY, "".join(f"k{n}:\n" for n in range(8000))),
)  # fmt: skip

NAMES: tuple[Row, ...] = (
    ("capitals", Code.BAD_VALUE, _named("Mirror.New.Example.Org")),
    ("URL as a name", Code.BAD_VALUE, _named("https://mirror.new.example.org")),
    ("path as a name", Code.BAD_VALUE, _named("../../etc/passwd")),
    ("blank in a name", Code.BAD_VALUE, _named("mirror new.example.org")),
    ("two dots", Code.BAD_VALUE, _named("mirror..example.org")),
    ("dot at the end", Code.BAD_VALUE, _named("mirror.example.org.")),
    ("hyphen first", Code.BAD_VALUE, _named("-mirror.example.org")),
    ("hyphen last", Code.BAD_VALUE, _named("mirror-.example.org")),
    ("underscore", Code.BAD_VALUE, _named("mir_ror.example.org")),
    ("wildcard", Code.BAD_VALUE, _named("'*.example.org'")),
    ("not ASCII", Code.BAD_VALUE, _named("bücher.example.org")),
    ("shell in a name", Code.BAD_VALUE, _named("'$(id).example.org'")),
    ("name of 254 letters", Code.BAD_VALUE, _named("x." * 126 + "y-")),
    ("long label", More.BAD_HOST, _named("x" * 64 + ".example.org")),
    ("one label", More.BAD_HOST, _named("mirror")),
    ("localhost", More.BAD_HOST, _named("localhost")),
    ("address as a name", More.BAD_HOST, _named("193.99.144.80")),
    ("number as the last label", More.BAD_HOST, _named("mirror.example.123")),
    ("internal name", More.BAD_HOST, _named("mirror.corp.internal")),
    ("onion name", More.BAD_HOST, _named("abcdefghij234567.onion")),
    ("reverse name", More.BAD_HOST, _named("80.144.99.193.in-addr.arpa")),
    ("broken punycode", More.BAD_HOST, _named("xn--99999999999.example.org")),
    ("Latin in disguise", More.BAD_HOST, _named("xn--80ak6aa92e.example.org")),
    ("mixed scripts in punycode", More.BAD_HOST, _named("xn--exmple-4nf.example.org")),
)

URLS: tuple[Row, ...] = (
    ("http under https", Code.URL_SCHEME, _url("http://mirror.new.example.org/linux/")),
    ("https under http", Code.URL_SCHEME, _url("https://mirror.new.example.org/linux/", "http")),
    ("file", Code.BAD_URL, _url("file:///etc/passwd")),
    ("gopher", Code.BAD_URL, _url("gopher://mirror.new.example.org/_x")),
    ("javascript", Code.BAD_URL, _url("javascript:alert(1)//")),
    ("no scheme", Code.BAD_URL, _url("mirror.new.example.org/linux/")),
    ("scheme alone", Code.BAD_URL, _url("https://")),
    ("no host", Code.BAD_URL, _url("https:///linux/")),
    ("user", Code.BAD_URL, _url("https://user@mirror.new.example.org/linux/")),
    ("password", Code.BAD_URL, _url("https://user:word@mirror.new.example.org/linux/")),
    ("host in the user", Code.BAD_URL, _url("https://mirror.new.example.org@evil.example.net/")),
    ("query", Code.BAD_URL, _url("https://mirror.new.example.org/linux/?x=")),
    ("fragment", Code.BAD_URL, _url("https://mirror.new.example.org/linux/#")),
    ("blank", Code.BAD_URL, _url("https://mirror.new.example.org/li nux/")),
    ("line feed", Code.BAD_URL, f'name: {NAME}\naddress: {{https: "https://mirror.new.example.org/x\\nhttp://evil/"}}\n'),
    ("variable of dnf", Code.BAD_URL, _url("https://mirror.new.example.org/$releasever/")),
    ("backslash", Code.BAD_URL, _url("https://mirror.new.example.org\\@evil.example.net/")),
    ("markup", Code.BAD_URL, _url('https://mirror.new.example.org/"><script>/')),
    ("not ASCII", Code.BAD_URL, _url("https://mirror.new.example.org/dépôt/")),
    ("too long", Code.BAD_URL, _url("https://mirror.new.example.org/" + "x" * 1024)),
    ("braces", Code.BAD_URL, _url("https://mirror.new.example.org/{a,b}/")),
    ("port 0", Code.BAD_URL, _host("mirror.new.example.org:0")),
    ("port 70000", Code.BAD_URL, _host("mirror.new.example.org:70000")),
    ("port without digits", Code.BAD_URL, _host("mirror.new.example.org:")),
    ("port of SSH", More.BAD_PORT, _host("mirror.new.example.org:22")),
    ("port of SMTP", More.BAD_PORT, _host("mirror.new.example.org:25")),
    ("port of Redis", More.BAD_PORT, _host("mirror.new.example.org:6379")),
    ("port of memcached", More.BAD_PORT, _host("mirror.new.example.org:11211")),
    ("rsync at port 22", More.BAD_PORT, "address: {http: http://mirror.new.example.org/x/, rsync: rsync://mirror.new.example.org:22/x/}\n".join(["name: mirror.new.example.org\n", ""])),
    ("dot segments", More.BAD_PATH, _url("https://mirror.new.example.org/a/../../b/")),
    ("encoded dots", More.BAD_PATH, _url("https://mirror.new.example.org/%2e%2e/b/")),
    ("encoded line feed", More.BAD_PATH, _url("https://mirror.new.example.org/%0d%0aX-Y:z/")),
    ("encoded NUL", More.BAD_PATH, _url("https://mirror.new.example.org/%00/")),
    ("encoded slash", More.BAD_PATH, _url("https://mirror.new.example.org/a%2fb/")),
    ("encoded backslash", More.BAD_PATH, _url("https://mirror.new.example.org/a%5Cb/")),
    ("encoded variable", More.BAD_PATH, _url("https://mirror.new.example.org/%24releasever/")),
    ("half an encoding", More.BAD_PATH, _url("https://mirror.new.example.org/a%2/")),
    ("encoded twice", More.BAD_PATH, _url("https://mirror.new.example.org/%252e%252e/")),
    ("encoded query", More.BAD_PATH, _url("https://mirror.new.example.org/a%3Fb/")),
    ("encoded fragment", More.BAD_PATH, _url("https://mirror.new.example.org/a%23b/")),
    ("encoded bytes that are no text", More.BAD_PATH, _url("https://mirror.new.example.org/%c0%af/")),
    ("rsync without a module", More.BAD_PATH, f"name: {NAME}\naddress: {{http: http://{NAME}/x/, rsync: rsync://{NAME}/}}\n{PLACE}"),
    ("paths differ", More.PATHS_DIFFER, f"name: {NAME}\naddress:\n  https: https://{NAME}/linux/\n  http: http://{NAME}/other/\n"),
    ("another mirror's tree", More.DUPLICATE_URL, _url("https://mirror.old.example.net/linux/")),
    ("another mirror's tree in disguise", More.DUPLICATE_URL, _url("HTTP://Mirror.Old.Example.Net:80//%6Cinux", "http")),
    ("another mirror's rsync", More.DUPLICATE_URL, f"name: {NAME}\naddress: {{http: http://{NAME}/x/, rsync: rsync://mirror.old.example.net/linux}}\n"),
    ("module in the main tree", More.DUPLICATE_URL, f"address_optional: {{kitten: {{https: https://{NAME}/linux/}}}}\n"),
    ("sponsor's script", Code.SPONSOR_URL, "sponsor_url: javascript:alert(document.cookie)\n"),
    ("sponsor's data", Code.SPONSOR_URL, "sponsor_url: 'data:text/html,x'\n"),
    ("sponsor without scheme", Code.SPONSOR_URL, "sponsor_url: www.example.org\n"),
    ("sponsor's quotes", Code.SPONSOR_URL, "sponsor_url: 'https://example.org/\" onclick=x'\n"),
    ("sponsor's port", More.BAD_PORT, "sponsor_url: https://www.example.org:99999/\n"),
)  # fmt: skip

HOSTS: tuple[Row, ...] = tuple(
    (host, code, _host(host))
    for code, hosts in {
        More.HOST_NOT_PUBLIC: (
            "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.5.4", "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "224.0.0.1", "255.255.255.255", "192.0.2.5", "198.18.0.1", "240.0.0.1", "[::1]", "[::]", "[fe80::1]",
            "[fd00::1]", "[ff02::1]", "[2001:db8::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::1]",
            "localhost", "intranet", "mirror.local", "mirror.internal", "mirror.test", "mirror.invalid", "mirror.lan",
            "metadata.google.internal", "mirror.home.arpa", "x.onion",
        ),
        More.BAD_HOST: (
            "2130706433", "0x7f000001", "127.1", "0177.0.0.1", "0x7f.0.0.1", "127.0.0.1.", "mirror.example.org.",
            "mir_ror.example.org", "mirror..example.org", "mirror-.example.org", "x" * 64 + ".example.org",
            "x." * 130 + "example.org", "mirror.example.256", "xn--80ak6aa92e.example.org",
        ),
        Code.BAD_URL: ("[fe80::1%25eth0]", "[::1", "-mirror.example.org", "mirror,example.org", "bücher.example.org"),
    }.items()
    for host in hosts
)  # fmt: skip

NETWORKS: tuple[Row, ...] = (
    *(
        (network, More.RESERVED_NETWORK, _list("subnets", f"'{network}'"))
        for network in (
            "10.0.0.0/24", "172.16.0.0/16", "192.168.0.0/24", "127.0.0.0/24", "100.64.0.0/24", "169.254.0.0/24",
            "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/24", "224.0.0.0/24", "240.0.0.0/24",
            "192.88.99.0/24", "0.0.0.0/32", "255.255.255.255", "::1", "fe80::/48", "fc00::/48", "ff00::/48",
            "2001:db8::/48", "2002::/48", "2001::/48", "64:ff9b::/96", "::ffff:0:0/96", "::/96", "3fff::/48", "4000::/48",
        )
    ),
    ("everything", More.WIDE_NETWORK, _list("subnets", "0.0.0.0/0")),
    ("everything in halves", More.WIDE_NETWORK, _list("subnets", "0.0.0.0/1", "128.0.0.0/1")),
    ("all of IPv6", More.WIDE_NETWORK, _list("subnets", "'::/0'")),
    ("a /15", More.WIDE_NETWORK, _list("subnets", "130.14.0.0/15")),
    ("an IPv6 /31", More.WIDE_NETWORK, _list("subnets", "'2a02:1000::/31'")),
    ("256 times a /16", More.WIDE_NETWORK, _list("subnets", *(f"59.{n}.0.0/16" for n in range(256)))),
    ("two apart of a /16", More.WIDE_NETWORK, _list("subnets", "59.1.0.0/16", "61.7.0.0/16")),
    ("two of a /32", More.WIDE_NETWORK, _list("subnets", "'2a02:1000::/32'", "'2a02:2000::/32'")),
    ("1,025 networks", More.TOO_MANY_CLAIMS, _list("subnets", *_many(1025, "59.{}.{}.1"))),
    ("host bits", Code.HOST_BITS, _list("subnets", "59.1.2.3/24")),
    ("IPv6 host bits", Code.HOST_BITS, _list("subnets", "'2a01:4f8:200::1/48'")),
    ("length of 33", Code.BAD_NETWORK, _list("subnets", "59.1.0.0/33")),
    ("leading zero", Code.BAD_NETWORK, _list("subnets", "'059.1.0.0/24'")),
    ("mask", Code.BAD_NETWORK, _list("subnets", "59.1.0.0/255.255.0.0")),
    ("zone", Code.BAD_NETWORK, _list("subnets", "'fe80::1%eth0/64'")),
    ("range", Code.BAD_NETWORK, _list("subnets", "59.1.0.0-59.1.0.9")),
    ("host name", Code.BAD_NETWORK, _list("subnets", "mirror.new.example.org")),
    ("URL inside the list", Code.BAD_NETWORK, _list("subnets", "'https://mirror.new.example.org/x.json'")),
    ("another's network", More.OVERLAPPING_CLAIM, _list("subnets", "141.20.0.0/18")),
    ("inside another's network", More.OVERLAPPING_CLAIM, _list("subnets", "141.20.1.0/24")),
    ("around another's network", More.OVERLAPPING_CLAIM, _list("subnets", "141.20.0.0/16")),
    ("inside another's IPv6 network", More.OVERLAPPING_CLAIM, _list("subnets", "'2001:638:100:1::/64'")),
    ("inside a monopoly", More.CLAIM_OF_MONOPOLY, _list("subnets", "193.99.144.80")),
    ("around a monopoly", More.CLAIM_OF_MONOPOLY, _list("subnets", "193.99.0.0/16")),
    ("list over http", Code.BAD_VALUE, "subnets: http://mirror.new.example.org/subnets.json\n"),
    ("list in a file", Code.BAD_VALUE, "subnets: file:///etc/passwd\n"),
    ("list at loopback", More.HOST_NOT_PUBLIC, "subnets: https://127.0.0.1/subnets.json\n"),
    ("list at the cloud's metadata", More.HOST_NOT_PUBLIC, "subnets: https://169.254.169.254/latest/\n"),
    ("list at an internal name", More.HOST_NOT_PUBLIC, "subnets: https://metadata.google.internal/x\n"),
    ("private list at loopback", More.HOST_NOT_PUBLIC, "private: true\nsubnets: https://[::1]/subnets.json\n"),
    ("private list at an internal name", More.HOST_NOT_PUBLIC, "private: true\nsubnets: https://wiki.corp.internal/x\n"),
    ("list at a bad port", More.BAD_PORT, "subnets: https://mirror.new.example.org:6379/x\n"),
    ("list with a query", Code.BAD_URL, "subnets: https://mirror.new.example.org/x?a=b\n"),
)  # fmt: skip

ASNS: tuple[Row, ...] = (
    ("zero", Code.OUT_OF_RANGE, "asn: 0\n"),
    ("negative", Code.OUT_OF_RANGE, "asn: -5\n"),
    ("33 bits", Code.OUT_OF_RANGE, "asn: 4294967296\n"),
    ("list of a list", Code.WRONG_TYPE, "asn: [[5]]\n"),
    ("empty list", Code.OUT_OF_RANGE, "asn: []\n"),
    *(
        (str(asn), More.RESERVED_ASN, f"asn: [{asn}]\n")
        for asn in (23456, 64496, 64511, 64512, 65534, 65535, 65536, 65551, 65552, 131071, 4200000000, 4294967294, 4294967295)
    ),
    ("one number", More.RESERVED_ASN, "asn: 64512\n"),
    ("65 systems", More.TOO_MANY_CLAIMS, _list("asn", *range(1000, 1065))),
    ("a monopoly's", More.CLAIM_OF_MONOPOLY, "asn: [206564]\n"),
    ("a provider of a country", More.NEEDS_APPROVAL, "asn: 7922\n"),
    ("many providers beside its own", More.NEEDS_APPROVAL, _list("asn", 680, 3320, 4134, 7018)),
)  # fmt: skip

MONOPOLY = "private: true\nmonopoly: true\n"
MONOPOLIES: tuple[Row, ...] = (
    ("public", Code.MISSING_KEY, "monopoly: true\nsubnets: [59.1.2.0/24]\n"),
    ("private is false", Code.BAD_VALUE, "monopoly: true\nprivate: false\nsubnets: [59.1.2.0/24]\n"),
    ("of nothing", More.NEEDS_APPROVAL, MONOPOLY),
    ("by ASN", More.NEEDS_APPROVAL, MONOPOLY + "asn: 3320\n"),
    ("by ASN and network", More.NEEDS_APPROVAL, MONOPOLY + "asn: 3320\nsubnets: [59.1.2.0/24]\n"),
    ("by URL", More.NEEDS_APPROVAL, MONOPOLY + "subnets: https://mirror.new.example.org/subnets.json\n"),
    ("of a cloud", More.NEEDS_APPROVAL, MONOPOLY + "cloud_type: aws\ncloud_regions: [eu-west-1]\n"),
    ("too wide", More.WIDE_NETWORK, MONOPOLY + "subnets: [59.0.0.0/8]\n"),
    ("in another's network", More.OVERLAPPING_CLAIM, MONOPOLY + "subnets: [141.20.0.0/24]\n"),
    ("in another monopoly", More.CLAIM_OF_MONOPOLY, MONOPOLY + "subnets: [193.99.144.0/25]\n"),
)

CLOUDS: tuple[Row, ...] = (
    ("without regions", Code.MISSING_KEY, "cloud_type: aws\n"),
    ("without a provider", Code.MISSING_KEY, "cloud_regions: [eu-west-1]\n"),
    ("unknown provider", Code.BAD_VALUE, "cloud_type: amazon\ncloud_regions: [eu-west-1]\n"),
    ("no regions", Code.OUT_OF_RANGE, "cloud_type: aws\ncloud_regions: []\n"),
    ("unknown region", Code.UNKNOWN_REGION, "cloud_type: aws\ncloud_regions: [eu-nort-1]\n"),
    ("another provider's region", Code.UNKNOWN_REGION, "cloud_type: gcp\ncloud_regions: [westeurope]\n"),
    ("several in one text", Code.BAD_VALUE, "cloud_type: aws\ncloud_regions: ['us-east-1,all']\n"),
    ("all", More.NEEDS_APPROVAL, "cloud_type: aws\ncloud_regions: all\n"),
    ("all in a list", More.NEEDS_APPROVAL, "cloud_type: aws\ncloud_regions: [all]\n"),
    ("all among others", More.NEEDS_APPROVAL, "cloud_type: aws\ncloud_regions: [eu-west-1, all]\n"),
    (
        "4,000 regions",
        Code.OUT_OF_RANGE,
        "cloud_type: aws\n" + _list("cloud_regions", *(f"eu-nort-{n}" for n in range(4000))),
    ),
)


def _place(text: str) -> str:
    return f"name: {NAME}\n{WEB}geolocation: {{{text}}}\n"


PLACES: tuple[Row, ...] = (
    ("country's name", Code.COUNTRY_SPELLING, _place("country: Germany")),
    ("UK", Code.COUNTRY_SPELLING, _place("country: UK")),
    ("unknown country", Code.UNKNOWN_COUNTRY, _place("country: Atlantis")),
    ("reserved country", Code.UNKNOWN_COUNTRY, _place("country: ZZ")),
    ("unknown city", More.UNRESOLVABLE_PLACE, _place("country: DE, city: Atlantis")),
    ("unknown city and state", More.UNRESOLVABLE_PLACE, _place("country: DE, state_province: Nowhere, city: Atlantis")),
    ("wrong continent", More.UNRESOLVABLE_PLACE, _place("country: DE, continent: AF")),
    ("unknown continent", Code.BAD_VALUE, _place("continent: Atlantis")),
    ("latitude of 91", Code.OUT_OF_RANGE, _place("latitude: 91, longitude: 0")),
    ("longitude of 181", Code.OUT_OF_RANGE, _place("latitude: 9, longitude: 181")),
    ("latitude alone", Code.MISSING_KEY, _place("latitude: 52")),
    ("in the sea", More.UNRESOLVABLE_PLACE, _place("latitude: 0, longitude: 0")),
    (
        "far from its city",
        Code.PLACE_CONTRADICTION,
        _place("country: DE, city: Berlin, latitude: -52.5, longitude: 13.4"),
    ),
    ("city of 10,000 letters", Code.OUT_OF_RANGE, _place("country: DE, city: " + "x" * 10_000)),
    ("time zone that is no name", Code.BAD_VALUE, _place("country: DE, time_zone: ../../etc/passwd")),
    ("unknown time zone", More.UNKNOWN_TIME_ZONE, _place("country: DE, time_zone: Europe/Atlantis")),
    ("unknown country in a list", Code.UNKNOWN_COUNTRY, "countries_only: [Atlantis]\n"),
)

FACTS: tuple[Row, ...] = (
    ("zero Mbit/s", Code.OUT_OF_RANGE, "bandwidth_mbps: 0\n"),
    ("negative Mbit/s", Code.OUT_OF_RANGE, "bandwidth_mbps: -10\n"),
    ("Mbit/s in words", Code.WRONG_TYPE, "bandwidth_mbps: 10G\n"),
    ("exponent", Code.WRONG_TYPE, "bandwidth_mbps: 1e9\n"),
    ("infinity", Code.WRONG_TYPE, "bandwidth_mbps: .inf\n"),
    ("bits for megabits", Code.OUT_OF_RANGE, "bandwidth_mbps: 10000000000\n"),
    ("kilobits for megabits", More.IMPLAUSIBLE_BANDWIDTH, "bandwidth_mbps: 10000000\n"),
    ("frequency in words", Code.BAD_VALUE, "update_frequency: sometimes\n"),
    ("frequency of zero", Code.BAD_VALUE, "update_frequency: 0h\n"),
    ("negative frequency", Code.BAD_VALUE, "update_frequency: -3h\n"),
    ("cron line", Code.BAD_VALUE, "update_frequency: '*/5 * * * *'\n"),
    ("once a day", More.UPDATE_FREQUENCY, "update_frequency: 1d\n"),
    ("every 99999 days", More.UPDATE_FREQUENCY, "update_frequency: 99999d\n"),
)

EMAILS: tuple[Row, ...] = (
    ("no at", Code.BAD_VALUE, "email: nobody\n"),
    ("two at", Code.BAD_VALUE, "email: a@b@example.org\n"),
    ("blank", Code.BAD_VALUE, "email: a b@example.org\n"),
    ("header", Code.BAD_VALUE, 'email: "a@example.org\\nBcc: b@example.net"\n'),
    ("with a name", Code.BAD_VALUE, "email: Example <a@example.org>\n"),
    ("angles", More.BAD_EMAIL, "email: <a@example.org>\n"),
    ("mailto", More.BAD_EMAIL, "email: mailto:a@example.org\n"),
    ("two addresses", More.BAD_EMAIL, "email: a,b@example.org\n"),
    ("dots", More.BAD_EMAIL, "email: a..b@example.org\n"),
    ("quotes", More.BAD_EMAIL, "email: '\"a\"@example.org'\n"),
    ("address as host", More.BAD_EMAIL, "email: a@[127.0.0.1]\n"),
    ("localhost", More.BAD_EMAIL, "email: root@localhost\n"),
    ("long local part", More.BAD_EMAIL, f"email: {'x' * 65}@example.org\n"),
    ("not ASCII", More.BAD_EMAIL, "email: dépôt@example.org\n"),
    ("too long", Code.OUT_OF_RANGE, f"email: a@{'x' * 300}.org\n"),
)

LOGOS: tuple[Row, ...] = (
    ("up the tree", Code.BAD_VALUE, "logo: ../../etc/passwd.png\n"),
    ("URL", Code.BAD_VALUE, "logo: https://example.org/a.png\n"),
    ("vectors", Code.BAD_VALUE, "logo: a.svg\n"),
    ("not there", More.BAD_LOGO, "logo: nowhere.png\n"),
)
"""Broken pictures are made in tests/sources/mirrors/test_logos.py."""

LINKS: tuple[Row, ...] = (
    ("page at loopback", More.HOST_NOT_PUBLIC, "sponsor_url: http://127.0.0.1/\n"),
    ("page at the cloud's metadata", More.HOST_NOT_PUBLIC, "sponsor_url: http://169.254.169.254/latest/\n"),
    ("page at localhost", More.HOST_NOT_PUBLIC, "sponsor_url: http://localhost:8080/\n"),
    ("page at an inner name", More.HOST_NOT_PUBLIC, "sponsor_url: https://wiki.corp.internal/\n"),
    ("page in disguise", More.HOST_NOT_PUBLIC, "sponsor_url: https://ex\u0430mple.org/\n"),
    ("page all in disguise", More.HOST_NOT_PUBLIC, "sponsor_url: https://\u0430\u0440\u0440\u04cf\u0435.com/\n"),
    ("page in punycode disguise", More.HOST_NOT_PUBLIC, "sponsor_url: https://xn--80ak6aa92e.com/\n"),
    ("shell as a source", Code.BAD_URL, "sync: {source: '$(id)'}\n"),
    ("option as a source", Code.BAD_URL, "sync: {source: '--rsh=id'}\n"),
    ("shell in a source", Code.BAD_URL, "sync: {source: 'rsync://example.org/x;id'}\n".replace(";id", "$(id)")),
    ("user in a source", Code.BAD_URL, "sync: {source: 'rsync://a:b@example.org/x'}\n"),
    ("file as a source", Code.BAD_URL, "sync: {source: 'file:///etc/'}\n"),
    ("copies from everywhere", More.WIDE_NETWORK, "sync: {from: 0.0.0.0/0}\n"),
    ("copies from much of IPv6", More.WIDE_NETWORK, "sync: {from: '2a01::/16'}\n"),
    ("copies from inside", More.RESERVED_NETWORK, "sync: {from: 10.0.0.5}\n"),
    ("copies from no name", More.BAD_HOST, "sync: {from: a..b}\n"),
)

DUPLICATES: tuple[Row, ...] = (
    ("name of another", Code.DUPLICATE_NAME, _named("mirror.old.example.net")),
)  # fmt: skip

HOSTILE: dict[str, tuple[Row, ...]] = {
    "yaml": YAML, "encoding": ENCODINGS, "type": TYPES, "name": NAMES, "url": URLS, "host": HOSTS,
    "network": NETWORKS, "asn": ASNS, "monopoly": MONOPOLIES, "cloud": CLOUDS, "place": PLACES, "fact": FACTS,
    "email": EMAILS, "logo": LOGOS, "link": LINKS, "duplicate": DUPLICATES,
}  # fmt: skip
"""Refused, by kind."""

WARNED: tuple[Row, ...] = (
    ("another host", More.OTHER_HOST, f"name: www.new.example.org\n{WEB}{PLACE}"),
    ("two hosts of one tree", More.OTHER_HOST, f"name: {NAME}\naddress: {{https: 'https://{NAME}/x/', http: 'http://www.new.example.org/x/'}}\n{PLACE}"),
    ("address of a host", More.ADDRESS_AS_HOST, f"name: {NAME}\naddress: {{https: 'https://93.184.216.34/linux/'}}\n{PLACE}"),
    ("an IPv6 address", More.ADDRESS_AS_HOST, f"name: {NAME}\naddress: {{http: 'http://[2606:2800:220:1::1]/linux/'}}\n{PLACE}"),
    ("40 Gbit/s", More.BANDWIDTH_CAP, "bandwidth_mbps: 40000\n"),
    ("nobody knows how often", More.NOT_GIVEN, f"name: {NAME}\n{WEB}{PLACE}"),
    ("continent by name", Code.CONTINENT_SPELLING, _place("country: US, city: Ashburn, continent: North America")),
    *(
        (f"not the top: {end}", More.NOT_A_TREE, f"name: {NAME}\naddress: {{http: 'http://{NAME}/linux/{end}'}}\n{PLACE}")
        for end in ("9/", "9", "9.1/", "9.8.2111", "index.html", "BaseOS/", "repodata", "a.iso", "9/BaseOS/x86_64/os")
    ),
    ("seldom", More.RARE_UPDATES, "update_frequency: 12h\n"),
    ("somebody else's network", More.DOUBTFUL_CLAIM, "asn: 680\nsubnets: [8.8.8.0/24]\n"),
    ("unquoted Norway", Code.UNQUOTED_WORD, _place("country: NO, city: Bergen")),
    ("number in letters", Code.ASN_SPELLING, "asn: AS680\n"),
    ("number in quotes", Code.ASN_SPELLING, "asn: ['680']\n"),
    ("key in capitals", Code.KEY_CASE, "Sponsor: Example\n"),
    ("rsync's own spelling", Code.RSYNC_SPELLING, f"name: {NAME}\naddress: {{http: http://{NAME}/x/, rsync: '{NAME}::x'}}\n{PLACE}"),
    ("switched off", Code.PRIVATE_WITHOUT_NETWORKS, "private: true\n"),
    ("no place", Code.NO_PLACE, f"name: {NAME}\n{WEB}"),
)  # fmt: skip
"""Accepted, but for --strict."""

VALID: dict[str, str | bytes] = {
    "short": f"name: {NAME}\n{WEB}{PLACE}",
    "CRLF": (HEAD + "sponsor: Example\n").replace("\n", "\r\n").encode(),
    "byte order mark": b"\xef\xbb\xbf" + HEAD.encode(),
    "no final line feed": HEAD.rstrip().encode(),
    "start and end": b"---\n" + HEAD.encode() + b"...\n",
    "JSON": f'{{"name": "{NAME}", "address": {{"http": "http://{NAME}/x/"}}, "geolocation": {{"country": "DE"}}}}'.encode(),
    "comments in other scripts": HEAD + "# зеркало 镜像 مرآة\n",
    "punycode": HEAD.replace(NAME, "xn--bcher-kva.example.org"),
    "Russian punycode": HEAD.replace(NAME, "xn--80asehdb.xn--p1ai"),
    "label of 63": HEAD.replace(NAME, "x" * 63 + ".example.org"),
    "name of 253": HEAD.replace(NAME, "x." * 121 + "example.org"),
    "digits and hyphens": HEAD.replace(NAME, "3-2--1.4.example.org"),
    "right-to-left sponsor": HEAD + "sponsor: جامعة المثال\n",
    "Hebrew with vowels": HEAD + "sponsor: אוּנִיבֶרְסִיטָה\n",
    "Persian with joiners": HEAD + "sponsor: دانشگاه نمونه\u200cها\n",
    "Hindi with joiners": HEAD + "sponsor: क\u094d\u200dष विश्वविद्यालय\n",
    "Chinese sponsor": HEAD + "sponsor: 示例大学 (Example)\n",
    "wide letters in Japanese": HEAD + "sponsor: ＮＴＴ大学\n",
    "two scripts in two words": HEAD + "sponsor: Университет Example\n",
    "Vietnamese": HEAD + "sponsor: Đại học Bách khoa Hà Nội\n",
    "emoji": HEAD + "sponsor: Example 🚀\n",
    "emoji with its variation": HEAD + "sponsor: Example \u2708\ufe0f\n",
    "letters of East Asia beside Latin ones": HEAD + "sponsor: 'ITサポートABC株式会社'\n",
    "letter of Hawaii": HEAD + "sponsor: Hawai\u02bbi\n",
    "escapes of letters": HEAD + 'sponsor: "Universit\\xe9 \\u4eac"\n',
    "ampersand and quotes": HEAD + "sponsor: O'Neill & Sons \"Ltd\"\n",
    "signs of other languages": HEAD + "sponsor: 'Example, Inc. | ::error:: [x](y)'\n",
    "folded text": HEAD + "status_reason: >-\n  The disks\n  are replaced.\nstatus: paused\n",
    "quoted numbers in texts": HEAD + "agreement: '2026'\nsponsor: '42'\n",
    "port": _url(f"https://{NAME}:8443/linux/"),
    "port of the other scheme": _url(f"http://{NAME}:443/linux/", "http"),
    "root path": _url(f"https://{NAME}"),
    "encoded blank": _url(f"https://{NAME}/my%20linux/~x/a+b;c=d,e:@f/"),
    "encoded letters": _url(f"https://{NAME}/d%C3%A9p%C3%B4t/"),
    "longest URL": _url(f"https://{NAME}/" + "x" * (1024 - len(f"https://{NAME}/"))),
    "same path in other spellings": f"name: {NAME}\naddress: {{https: 'https://{NAME}/~x', http: 'http://{NAME}//%7Ex/'}}\n{PLACE}",
    "rsync under another path": f"name: {NAME}\naddress: {{https: 'https://{NAME}/a/', rsync: 'rsync://{NAME}/b/'}}\n{PLACE}",
    "module": HEAD + f"address_optional: {{kitten: {{https: https://{NAME}/kitten/}}}}\n",
    "single addresses": HEAD + "subnets: [141.23.1.3, '2a01:4f8:200::5']\n",
    "a whole /16 and /32": HEAD + "subnets: [141.23.0.0/16]\n",
    "zeros in IPv6": HEAD + "subnets: ['2A02:0100:0000::/48']\n",
    "two halves": HEAD + "subnets: [141.24.0.0/17, 141.24.128.0/17]\n",
    "list of networks at a URL": HEAD + f"subnets: https://{NAME}/subnets.json\n",
    "private in an inner network": "name: mirror.corp.internal\naddress: {http: 'http://10.1.2.3:8080/linux/'}\nprivate: true\nasn: 680\n",
    "private with one label": "name: mirror\naddress: {http: 'http://mirror/linux/'}\nprivate: true\nasn: 680\n",
    "monopoly of its network": HEAD + MONOPOLY + "subnets: [141.25.0.0/24]\n",
    "shared system": HEAD + "asn: [680, 137]\n",
    "cloud": HEAD + "cloud_type: azure\ncloud_regions: [West-Europe]\n".replace("West-Europe", "west-europe"),
    "yes as a boolean": HEAD + "private: no\n",
    "quoted Norway": _place("country: 'NO', city: Bergen"),
    "territory": _place("country: HK"),
    "coordinates": _place("latitude: -33.05, longitude: -71.61, time_zone: America/Santiago"),
    "city with accents": _place("country: BR, state_province: São Paulo, city: São Paulo"),
    "hyphens in an address": HEAD + "email: first.last+mirror@sub-domain.example.org\n",
    "20 peerings": HEAD + _list("peerings", *(f"'IX {n}'" for n in range(20))),
    "page with everything": HEAD + "sponsor_url: 'https://www.example.org:8443/a/?b=c#d'\n",
    "page in another script": HEAD + "sponsor_url: https://пример.рф/\n",
    "source and address": HEAD + "sync: {source: 'rsync://rsync.example.org/linux/', from: 141.23.1.2}\n",
    "source by name": HEAD + "sync: {source: mirror.old.example.net, from: mirror.new.example.org}\n",
    "3h": "update_frequency: 180m\n",
    "10 Gbit/s": HEAD + "bandwidth_mbps: 10000\n",
}  # fmt: skip
"""Accepted without a word, also by --strict, however odd they look (but for the file's name)."""


def contents(text: str | bytes) -> bytes:
    """The bytes of a row's file."""
    if isinstance(text, bytes):
        return text
    head = HEAD.replace(SYNC, "# as below\n") if "update_frequency" in text else HEAD
    return (text if text.startswith(("name:", "Name:")) else head + text).encode("utf-8", "surrogatepass")
