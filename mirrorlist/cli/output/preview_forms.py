"""A preview for people and programs: text for a terminal, Markdown, JSON.

Names come from files of strangers. In the text whatever a terminal or a log would obey is written out, in Markdown
every sign is an entity, as in cli/output/reviews.py. To add one: a function from a Telling to text, and its row in
PREVIEW_FORMATS.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from mirrorlist.cli.output.preview_page import WAYS, Heading, Paragraph, Table, Telling, many, named_networks, page
from mirrorlist.cli.output.reviews import escaped, plain_line
from mirrorlist.core.mirror import places_of
from mirrorlist.core.preview.impact import ChangeKind, Effect, Preview, Share
from mirrorlist.core.preview.preview import gib_per_day, mbps_of

WIDTH = 80
WIDEST_NAME = 36


def text(telling: Telling, width: int = WIDTH, colour: bool = False) -> str:
    """Plain text of a width."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=colour, no_color=not colour, highlight=False, markup=False)
    for part in page(telling):
        if isinstance(part, Heading):
            console.print(Text(plain_line(part.text), style="bold"))
        elif isinstance(part, Paragraph):
            warning = Text("warning: ", style="bold yellow") if part.warns else Text()
            console.print(warning.append(Text(plain_line(part.text), style="default")).append("\n"))
        else:
            console.print(_rich_table(part))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    if not colour:  # where a line is broken, the middle of a name comes to the beginning of the next one
        lines = [plain_line(line) for line in lines]
    return "".join(f"{line}\n" for line in lines)


def _rich_table(part: Table) -> RichTable:
    found = RichTable(title=Text(part.title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for at, column in enumerate(part.columns):
        widest = {"max_width": WIDEST_NAME, "overflow": "ellipsis"} if not at else {}
        found.add_column(column, justify="right" if at else "left", no_wrap=True, **widest)  # type: ignore[arg-type]
    for row in part.rows:
        found.add_row(*(Text(plain_line(cell)) for cell in row))
    if part.more:
        found.add_row(Text(f"{part.more:,} more"))
    return found


def markdown(telling: Telling) -> str:
    """A page for the summary of a job, or a comment."""
    lines = ["## What merging does", ""]
    for part in page(telling):
        if isinstance(part, Heading):
            lines += [f"### {escaped(part.text)}", ""]
        elif isinstance(part, Paragraph):
            lines += [("**Warning:** " if part.warns else "") + escaped(part.text), ""]
        else:
            ruler = "|".join(["---", *("---:" for _ in part.columns[1:])])
            lines += [f"**{part.title}**", "", f"| {' | '.join(part.columns)} |", f"|{ruler}|"]
            lines += [f"| {' | '.join(map(escaped, row))} |" for row in part.rows]
            lines += ["", escaped(f"and {part.more:,} more"), ""] if part.more else [""]
    return "\n".join(lines) + "\n"


def as_json(telling: Telling) -> str:
    """Everything, for programs; the keys are documented in docs/submitting.md. Parts are of 1."""
    found = telling.preview
    whole = {
        "module": found.module,
        "clients": found.clients,
        "counted_by": telling.counted_by,
        "traffic_mbps": telling.traffic_mbps,
        "mirrors": [_effect(telling, each) for each in found.effects],
        "others": [{"name": each.mirror.name, "before": each.before, "after": each.after} for each in found.shifts],
        "overloaded": overloaded(telling),
        "without_mirrors": {"before": found.unserved_clients[0], "after": found.unserved_clients[1]},
        "refused": list(telling.refused),
        "missing": list(telling.missing),
    }
    return json.dumps(whole, indent=2) + "\n"


def overloaded(telling: Telling) -> list[str]:
    """The names of all mirrors that get more than before, and more than their bandwidth."""
    total, found = telling.traffic_mbps, telling.preview
    if total is None:
        return []
    rows = [(each.mirror, each.before, each.after) for each in found.shifts]
    rows += [
        (each.mirror, each.before.first, each.after.first)
        for each in found.effects
        if each.kind is not ChangeKind.REMOVED
    ]
    policy = telling.policy
    return [mirror.name for mirror, was, then in rows if then > was and then * total > mbps_of(mirror, policy)]


def _effect(telling: Telling, effect: Effect) -> dict[str, Any]:
    faster = [each for each in effect.nearby if each.mbps > mbps_of(effect.mirror, telling.policy)]
    status = telling.not_yet.get(effect.name)
    return {
        "name": effect.name,
        "kind": str(effect.kind),
        "status": str(status or effect.mirror.status),
        "bandwidth_mbps": effect.mirror.bandwidth_mbps,
        "tib_per_month": effect.mirror.tib_per_month,
        "off_peak_only": effect.mirror.off_peak_only,
        "first_without_quota": effect.first_without_quota,
        "places": [{"country": each.country, "city": each.city} for each in places_of(effect.mirror)],
        "global": effect.mirror.is_global,
        "unreached_from": sorted(pair.clients for pair in effect.mirror.pairs if pair.since is not None),
        "before": _load(telling, effect.before),
        "after": _load(telling, effect.after),
        "countries": [
            {
                "country": each.country,
                "clients": each.clients,
                "before": _share(each.before),
                "after": _share(each.after),
            }
            for each in effect.countries
        ],
        "networks": [{"asn": each.asn, "clients": each.clients, **_share(each.share)} for each in effect.systems],
        "own_networks": [
            {
                "by": WAYS[each.way],
                "named": named_networks(effect.mirror, each.way),
                "clients": each.clients,
                **_share(each.share),
                "alone": each.alone,
                "otherwise": dict(each.otherwise),
            }
            for each in effect.own
        ],
        "faster": [{"name": each.name, "km": each.distance_km, "mbps": each.mbps} for each in faster],
        "unserved": [each.name.lower() for each in effect.unserved],
    }


def _share(share: Share) -> dict[str, float]:
    return {"first": share.first, "first_three": share.early}


def _load(telling: Telling, share: Share) -> dict[str, float]:
    if telling.traffic_mbps is None:
        return _share(share)
    mbps = share.first * telling.traffic_mbps
    return {**_share(share), "mbps": mbps, "gib_per_day": gib_per_day(mbps)}


def summary(preview: Preview) -> str:
    """One line of what was looked at."""
    return f"{many(len(preview.effects), 'mirror')} previewed; {many(len(preview.shifts), 'other mirror')} changed"


PREVIEW_FORMATS: Mapping[str, Callable[[Telling], str]] = {"text": text, "markdown": markdown, "json": as_json}
