"""Refused examples of the key notify: what is added to a service file, the place of the error, and what it says."""

from __future__ import annotations

NOTIFY_BY_SCHEMA: dict[str, tuple[str, str, str]] = {
    "notify/type": ("+notify: x\n", "6:9", "notify is 'x'; write keys and values"),
    "notify/additionalProperties": ("+notify: {smpt: {host: a}}\n", "6:10", "did you mean 'smtp'?"),
    "notify/smtp/type": ("+notify: {smtp: x}\n", "6:16", "write keys and values"),
    "notify/smtp/required": ("+notify: {smtp: {port: 25}}\n", "6:16", "has no 'host'; add it"),
    "notify/smtp/additionalProperties": ("+notify: {smtp: {host: a, prot: 25}}\n", "6:26", "did you mean 'port'?"),
    "notify/smtp/host/type": ("+notify: {smtp: {host: 1}}\n", "6:23", "put it in quotes"),
    "notify/smtp/host/maxLength": (
        "+notify: {smtp: {host: " + "x" * 254 + "}}\n",
        "6:23",
        "write at most 253",
    ),
    "notify/smtp/host/pattern": ("+notify: {smtp: {host: 'a b'}}\n", "6:23", "host is 'a b'"),
    "notify/smtp/port/type": ("+notify: {smtp: {host: a, port: x}}\n", "6:32", "port is 'x'"),
    "notify/smtp/port/minimum": ("+notify: {smtp: {host: a, port: 0}}\n", "6:32", "port is 0"),
    "notify/smtp/port/maximum": ("+notify: {smtp: {host: a, port: 65536}}\n", "6:32", "port is 65536"),
    "notify/smtp/security/enum": ("+notify: {smtp: {host: a, security: ssl}}\n", "6:36", "security is 'ssl'"),
    "notify/smtp/user/type": ("+notify: {smtp: {host: a, user: 1}}\n", "6:32", "put it in quotes"),
    "notify/smtp/user/maxLength": (
        "+notify: {smtp: {host: a, user: " + "x" * 255 + "}}\n",
        "6:32",
        "write at most 254",
    ),
    "notify/smtp/user/pattern": ("+notify: {smtp: {host: a, user: 'a b'}}\n", "6:32", "user is 'a b'"),
    "notify/smtp/password_file/type": ("+notify: {smtp: {host: a, password_file: 1}}\n", "6:41", "password_file is "),
    "notify/templates/type": ("+notify: {templates: 1}\n", "6:21", "templates is "),
    "notify/webhook/secret_file/type": (
        "+notify: {webhook: {url: 'https://a/', secret_file: 1}}\n",
        "6:52",
        "secret_file is ",
    ),
    "notify/smtp/password_file/minLength": (
        "+notify: {smtp: {host: a, password_file: ''}}\n",
        "6:41",
        "password_file is ",
    ),
    "notify/templates/minLength": ("+notify: {templates: ''}\n", "6:21", "templates is "),
    "notify/webhook/secret_file/minLength": (
        "+notify: {webhook: {url: 'https://a/', secret_file: ''}}\n",
        "6:52",
        "secret_file is ",
    ),
    "notify/smtp/password_file/maxLength": (
        "+notify: {smtp: {host: a, password_file: " + "x" * 1001 + "}}\n",
        "6:41",
        "password_file is ",
    ),
    "notify/templates/maxLength": (
        "+notify: {templates: " + "x" * 1001 + "}\n",
        "6:21",
        "templates is ",
    ),
    "notify/webhook/secret_file/maxLength": (
        "+notify: {webhook: {url: 'https://a/', secret_file: " + "x" * 1001 + "}}\n",
        "6:52",
        "secret_file is ",
    ),
    "notify/smtp/password_file/pattern": (
        '+notify: {smtp: {host: a, password_file: "\\t"}}\n',
        "6:41",
        "password_file is ",
    ),
    "notify/templates/pattern": ('+notify: {templates: "\\t"}\n', "6:21", "templates is "),
    "notify/webhook/secret_file/pattern": (
        "+notify: {webhook: {url: 'https://a/', secret_file: \"\\t\"}}\n",
        "6:52",
        "secret_file is ",
    ),
    "notify/sender/type": ("+notify: {sender: 1}\n", "6:18", "put it in quotes"),
    "notify/sender/maxLength": (
        "+notify: {sender: '" + "x" * 250 + "@a.example'}\n",
        "6:18",
        "write at most 254",
    ),
    "notify/sender/pattern": ("+notify: {sender: nobody}\n", "6:18", "sender is 'nobody'"),
    "notify/reply_to/type": ("+notify: {reply_to: 1}\n", "6:20", "put it in quotes"),
    "notify/reply_to/maxLength": (
        "+notify: {reply_to: '" + "x" * 250 + "@a.example'}\n",
        "6:20",
        "write at most 254",
    ),
    "notify/reply_to/pattern": ("+notify: {reply_to: nobody}\n", "6:20", "reply_to is 'nobody'"),
    "notify/digest_to/type": ("+notify: {digest_to: 1}\n", "6:21", "put it in quotes"),
    "notify/digest_to/maxLength": (
        "+notify: {digest_to: '" + "x" * 250 + "@a.example'}\n",
        "6:21",
        "write at most 254",
    ),
    "notify/digest_to/pattern": ("+notify: {digest_to: nobody}\n", "6:21", "digest_to is 'nobody'"),
    "notify/events/type": ("+notify: {events: out}\n", "6:18", "is 'out'; write a list"),
    "notify/events/uniqueItems": ("+notify: {events: [out, out]}\n", "6:18", "names something twice"),
    "notify/events/items/enum": ("+notify: {events: [down]}\n", "6:19", "events[0] is 'down'"),
    "notify/webhook/type": ("+notify: {webhook: x}\n", "6:19", "write keys and values"),
    "notify/webhook/required": ("+notify: {webhook: {secret_file: a}}\n", "6:19", "has no 'url'; add it"),
    "notify/webhook/additionalProperties": (
        "+notify: {webhook: {url: 'https://a/', secret: a}}\n",
        "6:39",
        "'secret_file'?",
    ),
    "notify/webhook/url/type": ("+notify: {webhook: {url: 1}}\n", "6:25", "put it in quotes"),
    "notify/webhook/url/maxLength": (
        "+notify: {webhook: {url: 'https://a/" + "x" * 1000 + "'}}\n",
        "6:25",
        "write at most 1000",
    ),
    "notify/webhook/url/pattern": ("+notify: {webhook: {url: 'ftp://a/'}}\n", "6:25", "url is 'ftp://a/'"),
}

NOTIFY_BY_CHECK: dict[str, list[tuple[str, str, str, str]]] = {
    "mail_is_complete": [
        ("small", "+notify: {smtp: {host: a}}\n", "6:10", "[bad-notify] notify has smtp but no sender"),
        ("small", "+notify: {sender: a@b.example}\n", "6:10", "[bad-notify] notify.sender needs a mail server"),
        ("small", "+notify: {digest_to: a@b.example}\n", "6:10", "[bad-notify] notify.digest_to needs a mail server"),
        ("small", "+notify: {webhook: {url: 'https:///x'}}\n", "6:25", "[bad-url] notify.webhook.url 'https:///x'"),
    ],
}
