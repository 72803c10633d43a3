"""Describe a preview in paragraphs and tables; cli/output/preview_forms.py writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mirrorlist.core.catalogue.policy import Policy
from mirrorlist.core.mirror import is_in_one_place, places_of
from mirrorlist.core.model import Mirror, Proximity, Status
from mirrorlist.core.network.prefixes import spelled
from mirrorlist.core.preview.impact import ChangeKind, Effect, OwnNetworks, Preview, Share
from mirrorlist.core.preview.preview import gib_per_day, mbps_of
from mirrorlist.sources.yaml.documents import shown


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of the section on one mirror."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or two; ``warns`` if somebody should act on it."""

    text: str
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first column holds names, the others numbers. ``more`` rows are left out."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: int = 0


Part = Heading | Paragraph | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A preview and everything reported beside it.

    ``traffic_mbps`` is the whole service's; ``counted_by`` says whom ``clients`` counts; ``countries`` leads from codes
    to names, ``not_yet`` from mirrors' names to statuses that are shown as live; ``refused`` are files that are not
    previewed, ``missing`` removed ones that were not there.
    """

    preview: Preview
    policy: Policy
    counted_by: str
    countries: Mapping[str, str]
    within_km: int
    rows: int
    traffic_mbps: float | None = None
    not_yet: Mapping[str, Status] = field(default_factory=dict)
    refused: Sequence[str] = ()
    missing: Sequence[str] = ()


MOST_LEFT_OUT = 5
WAYS = {
    Proximity.SUBNET: "subnets",
    Proximity.CLOUD_REGION: "cloud regions",
    Proximity.ASN: "autonomous systems",
}


def page(telling: Telling) -> Iterator[Part]:
    """Everything, in the order in which it is read."""
    yield from _left_out(telling.refused, "not previewed, as mirrorlist validate refuses it")
    yield from _left_out(
        [shown(name) for name in telling.missing], "to be removed, and is not there or was no usable file"
    )
    for effect in telling.preview.effects:
        yield from _mirror(telling, effect)
    if not telling.preview.effects:
        yield Paragraph("No mirror is added, changed or removed.")
        return
    yield from _others(telling)
    yield Paragraph(
        f"Clients: {telling.preview.clients:,.0f} {telling.counted_by}. Shares are computed from the places and "
        f"weights of all mirrors of module {telling.preview.module}, as if every one of them were good, with their "
        "quotas and quiet hours."
    )


def _left_out(paths: Sequence[str], what: str) -> Iterator[Part]:
    """The first few of what could not be previewed."""
    for path in paths[:MOST_LEFT_OUT]:
        yield Paragraph(f"{path} is {what}.", warns=True)
    if len(paths) > MOST_LEFT_OUT:
        yield Paragraph(f"And {len(paths) - MOST_LEFT_OUT:,} more.", warns=True)


def _mirror(telling: Telling, effect: Effect) -> Iterator[Part]:
    yield Heading(f"{effect.name}: {effect.kind}")
    if status := telling.not_yet.get(effect.name):
        yield Paragraph(f"Its status is {status}, so nobody gets it yet; this is what follows when it is live.")
    yield Paragraph(_whole(effect))
    yield from map(Paragraph, _whereabouts(effect.mirror))
    yield from _limits(telling, effect)
    for reason in effect.unserved:
        yield Paragraph(f"Nobody gets it first: {reason}.", warns=True)
    yield from _load(telling, effect)
    yield from (Paragraph(_own(effect.mirror, effect.kind, each), warns=each.alone) for each in effect.own)
    yield from _countries(telling, effect)
    networks = [
        (f"AS{each.asn}", percent(each.clients), percent(each.share.first), percent(each.share.early))
        for each in effect.systems
    ]
    yield from _table(telling, "By network", ("network", "of all clients", "first", "first three"), networks)
    yield from _nearby(telling, effect)


def _whereabouts(mirror: Mirror) -> Iterator[str]:
    """Where a mirror with several places is near, and from where vantage points cannot reach it."""
    if not is_in_one_place(mirror):
        places = ["everywhere"] if mirror.is_global else []
        places += [", ".join(filter(None, (each.city, each.country))) or "a place" for each in places_of(mirror)]
        yield f"It is near in {many(len(places), 'place')}: {'; '.join(places)}."
    if votes := sorted(pair.clients for pair in mirror.pairs if pair.since is not None):
        yield f"Not for clients in {', '.join(votes)}: vantage points there cannot reach it."


def _limits(telling: Telling, effect: Effect) -> Iterator[Part]:
    """What the mirror's quota and its quiet hours make of its share."""
    mirror, total = effect.mirror, telling.policy.tib_per_month
    if effect.first_without_quota is not None:
        quota = f"Its quota is {mirror.tib_per_month:g} TiB a month"
        if total is None:
            remedy = "service.yml does not say what all mirrors carry; set policy.tib_per_month"
            yield Paragraph(f"{quota}, which has no effect: {remedy}.", warns=True)
        else:
            without = f"without it, {percent(effect.first_without_quota)} of all clients would get it first"
            yield Paragraph(f"{quota} of {total:g} TiB that all mirrors carry; {without}.")
    if mirror.off_peak_only:
        yield Paragraph("It serves strangers at its quiet hours only; shares are those of a whole day.")


def _whole(effect: Effect) -> str:
    match effect.kind:
        case ChangeKind.NEW:
            return f"{percent(effect.after.first)} of all clients get it first, {_early(effect.after)}."
        case ChangeKind.REMOVED:
            return f"{percent(effect.before.first)} of all clients get it first now, {_early(effect.before)}."
        case ChangeKind.CHANGED:
            was = f"now {percent(effect.before.first)} and {percent(effect.before.early)}"
            return f"{percent(effect.after.first)} of all clients get it first, {_early(effect.after)}; {was}."


def _early(share: Share) -> str:
    return f"{percent(share.early)} among the first three"


def _load(telling: Telling, effect: Effect) -> Iterator[Part]:
    if telling.traffic_mbps is None:
        return
    declared = mbps_of(effect.mirror, telling.policy)
    known = "declares" if effect.mirror.bandwidth_mbps is not None else "declares none, so it counts as"
    share = effect.before if effect.kind is ChangeKind.REMOVED else effect.after
    expected = share.first * telling.traffic_mbps
    was = f", now {rate(effect.before.first * telling.traffic_mbps)}" if effect.kind is ChangeKind.CHANGED else ""
    whole = f"Of {rate(telling.traffic_mbps)} in all, {rate(expected)}{was}, or {gib_per_day(expected):,.0f} GiB a day"
    yield Paragraph(f"{whole}; its file {known} {rate(declared)}.")
    if expected > declared and effect.kind is not ChangeKind.REMOVED:
        remedy = "mirrors nearby are needed, or a lower factor under weights in service.yml"
        yield Paragraph(f"That is {expected / declared:.1f} times its bandwidth; {remedy}.", warns=True)


def _own(mirror: Mirror, kind: ChangeKind, own: OwnNetworks) -> str:
    who = f"Its {WAYS[own.way]} ({named_networks(mirror, own.way)}) hold {percent(own.clients)} of all clients"
    what = f"{percent(own.share.first)} of them get it first"
    if own.alone:
        what = (
            f"{percent(own.share.first)} of them get it first, and they get mirrors of their network only: no other one"
        )
    others = ", ".join(f"{name} {percent(part)}" for name, part in own.otherwise[:3] if name != mirror.name)
    word = "after that" if kind is ChangeKind.REMOVED else "now"
    return f"{who}; {what}. First for them {word}: {others}." if others else f"{who}; {what}."


def named_networks(mirror: Mirror, way: Proximity) -> str:
    """What the file names in one way, the first few of it."""
    if way is Proximity.SUBNET:
        found = [spelled(prefix) for prefix in mirror.subnets]
    elif way is Proximity.ASN:
        found = [f"AS{asn}" for asn in mirror.asns]
    else:
        regions = mirror.cloud.regions if mirror.cloud else ()
        provider = mirror.cloud.provider if mirror.cloud else ""
        found = [f"{provider} {region}" for region in (("all",) if regions is None else regions)]
    more = len(found) - 2
    return ", ".join(found[:2]) + (f" and {more} more" if more > 0 else "")


def _countries(telling: Telling, effect: Effect) -> Iterator[Part]:
    columns: tuple[str, ...] = ("country", "of all clients", "first", "first three")
    if effect.kind is ChangeKind.CHANGED:
        columns += ("first now",)
    rows: list[tuple[str, ...]] = []
    for each in effect.countries:
        share = each.before if effect.kind is ChangeKind.REMOVED else each.after
        name = telling.countries.get(each.country or "", each.country) or "unknown"
        cells = (name, percent(each.clients), percent(share.first), percent(share.early))
        rows.append(cells + ((percent(each.before.first),) if effect.kind is ChangeKind.CHANGED else ()))
    yield from _table(telling, "By country", columns, rows)


def _nearby(telling: Telling, effect: Effect) -> Iterator[Part]:
    mbps = mbps_of(effect.mirror, telling.policy)
    if effect.mirror.location is None or effect.mirror.location.latitude is None:
        yield Paragraph("Nobody knows where it is, so it comes last everywhere; add geolocation.", warns=True)
        return
    faster = [each for each in effect.nearby if each.mbps > mbps]
    alike = sum(each.mbps == mbps for each in effect.nearby)
    where = f"within {telling.within_km:,} km"
    said = f"{many(len(faster), 'faster mirror')} {where}, and {alike} as fast."
    yield Paragraph(said)
    rows = [(each.name, f"{each.distance_km:,}", f"{each.mbps:,}") for each in faster]
    yield from _table(telling, f"Faster {where}", ("mirror", "km", "Mbit/s"), rows)


def _others(telling: Telling) -> Iterator[Part]:
    yield Heading("The other mirrors")
    found = telling.preview
    lost = sum(shift.before - shift.after for shift in found.shifts if shift.after < shift.before)
    won = sum(shift.after - shift.before for shift in found.shifts if shift.after > shift.before)
    if not found.shifts:
        yield Paragraph("Nothing changes for the other mirrors.")
    else:
        yield Paragraph(
            f"{many(len(found.shifts), 'mirror')} of the others change; together they lose {percent(lost)} of all "
            f"first places and gain {percent(won)}."
        )
    columns: tuple[str, ...] = ("mirror", "first now", "first then", "change")
    total = telling.traffic_mbps
    if total:
        columns += ("Mbit/s",)
    rows: list[tuple[str, ...]] = []
    for shift in found.shifts:
        change = shift.after - shift.before
        cells = (shift.mirror.name, percent(shift.before), percent(shift.after), percent(change, signed=True))
        rows.append(cells + ((f"{change * total:+,.0f}",) if total else ()))
    yield from _table(telling, "Most changed", columns, rows)
    if total:
        yield from _overloaded(telling, total)
    before, after = found.unserved_clients
    if after > before:
        yield Paragraph(f"{percent(after)} of all clients get no mirror then, now {percent(before)}.", warns=True)


def _overloaded(telling: Telling, total: float) -> Iterator[Part]:
    """Who gets more than before, and more than it has."""
    rows = tuple(
        (shift.mirror.name, rate(shift.before * total), rate(shift.after * total), rate(declared))
        for shift in telling.preview.shifts
        if shift.after > shift.before and shift.after * total > (declared := mbps_of(shift.mirror, telling.policy))
    )
    if rows:
        yield Paragraph(f"{many(len(rows), 'other mirror')} would get more than their bandwidth.", warns=True)
    yield from _table(telling, "More than their bandwidth", ("mirror", "now", "then", "has"), rows)


def _table(telling: Telling, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[Table]:
    if rows:
        yield Table(title, columns, tuple(rows[: telling.rows]), max(0, len(rows) - telling.rows))


def percent(part: float, signed: bool = False) -> str:
    """A part of 1 in percent, with as many digits as say something."""
    size = abs(part) * 100
    sign = "-" if part < 0 else "+" if signed and part else ""
    if size == 0:
        return "0 %"
    if size < 0.001:
        return f"{sign}<0.001 %"
    digits = 3 if size < 0.1 else 2 if size < 10 else 1
    return f"{sign}{size:.{digits}f} %"


def rate(mbps: float) -> str:
    """A rate in the unit that people would take."""
    if mbps >= 10_000:
        return f"{mbps / 1000:,.1f} Gbit/s"
    return f"{mbps:,.0f} Mbit/s" if mbps >= 10 or mbps == 0 else f"{mbps:.2g} Mbit/s"


def many(count: int, what: str) -> str:
    """A count and its noun."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
