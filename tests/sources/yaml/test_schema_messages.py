""""""

import pytest

from mirrorlist.sources.yaml.reader import read_yaml
from mirrorlist.sources.yaml.schemas import findings_on, refused


def told(text: str) -> list[str]:
    document = read_yaml(text.encode(), "m.yml")
    return [str(each) for each in findings_on(document, refused(document, "mirror"))]


HEAD = "name: a.example\naddress: {http: http://a.example/}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "name: a.example\naddress:\n  ftp: ftp://a.example/\n",
            "3:3: error [missing-key] address has no 'http' or 'https'; add one",
        ),
        ("sponsor: x\naddress: {http: http://a.example/}\n", "1:1: error [missing-key] the file has no 'name'; add it"),
        (HEAD + "sponser: x\n", "3:1: error [unknown-key] sponser is not a known key; did you mean 'sponsor'?"),
        (HEAD.replace("a.ex", "A.Ex"), "1:7: error [bad-value] name is 'A.Example'; write 'a.example'"),
        (
            HEAD + "bandwidth_mbps: 10G\n",
            "3:17: error [wrong-type] bandwidth_mbps is '10G'; write a whole number, as in 10000",
        ),
        (HEAD + "zzz: x\n", "3:1: error [unknown-key] zzz is not a known key; remove it"),
        (HEAD + "sponsor: 365\n", "3:10: error [wrong-type] sponsor is 365; put it in quotes"),
        (HEAD + "email:\n", "3:7: error [wrong-type] email is nothing; write text, or remove the key"),
        (HEAD + "private: 1\n", "3:10: error [wrong-type] private is 1; write true or false"),
        (HEAD + "asn: ten\n", "3:6: error [wrong-type] asn is 'ten'; write a whole number or a list"),
        (
            HEAD + "asn: [1, 0]\n",
            "3:10: error [out-of-range] asn[1] is 0; write a number of at least 1 and at most 4294967295",
        ),
        (HEAD + "status: pause\n", "3:9: error [bad-value] status is 'pause'; did you mean 'paused'?"),
        (
            HEAD + "subnets:\n  - 10.0.0.0/8\n  - house\n",
            "5:5: error [bad-value] subnets[1] is 'house'; write it as in '192.0.2.0/24' or '2001:db8::/32'",
        ),
        (
            HEAD + "subnets: 10.0.0.0/8\n",
            "3:10: error [wrong-type] subnets is '10.0.0.0/8'; write it as a list, ['10.0.0.0/8']",
        ),
        (
            HEAD + "subnets: 192.0.2.0/24, 2001:db8::/32\n",
            "3:10: error [wrong-type] subnets is '192.0.2.0/24, 2001:db8::/32'; "
            "write it as a list, ['192.0.2.0/24', '2001:db8::/32']",
        ),
        (
            HEAD + "subnets: http://mirror.example.org/subnets.json\n",
            "3:10: error [bad-value] subnets is 'http://mirror.example.org/subnets.json'; "
            "write it as in 'https://mirror.example.org/subnets.json', or a list",
        ),
        (
            HEAD + "monopoly: true\n",
            "1:1: error [missing-key] the file has no 'private'; add it: "
            "a mirror that serves its networks alone is private",
        ),
        (
            HEAD + "monopoly: true\nprivate: false\n",
            "4:10: error [bad-value] private is false; write true: a mirror that serves its networks alone is private",
        ),
        (
            HEAD + "cloud_type: aws\n",
            "3:1: error [missing-key] cloud_type is without 'cloud_regions'; add that, or remove both",
        ),
        (
            HEAD + "address_optional: {'A B': {http: http://a.example/}}\n",
            "3:20: error [bad-value] address_optional has the key 'A B'; write it as in 'kitten'",
        ),
        (
            HEAD + "agreement: " + "x" * 201 + "\n",
            "3:12: error [out-of-range] agreement is '" + "x" * 57 + "...' with 201 characters; write at most 200",
        ),
        (
            HEAD + 'email: "\\t[31m \\u202e"\n',
            "3:8: error [bad-value] email is '\\t[31m \\u202e'; write it as in 'mirror-admin@example.org'",
        ),
    ],
)
def test_a_finding_names_the_place_the_thing_the_value_and_the_remedy(text: str, expected: str) -> None:
    assert told(text) == [f"m.yml:{expected}"]
