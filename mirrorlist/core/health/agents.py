"""The User-Agents of real clients, which the prober borrows: a server may treat them otherwise than its own."""

from __future__ import annotations

from dataclasses import dataclass

from mirrorlist.core.health.probe_plan import Trip
from mirrorlist.core.health.verdicts import ProbeOutcome, Subject


@dataclass(frozen=True, slots=True)
class Agent:
    """A client: how people call it, and its User-Agent."""

    name: str
    user_agent: str


OF_RPM = (
    Agent("libdnf", "libdnf (Fedora Linux 42; generic; Linux.x86_64)"),
    Agent("zypper", "ZYpp 17.37.5 (curl 8.14.1) openSUSE-Leap-15.6-x86_64"),
    Agent("curl", "curl/8.14.1"),
)
"""Who asks for repositories of rpm, and for images beside them."""
OF_OTHERS = (
    Agent("apt", "Debian APT-HTTP/1.3 (3.0.3)"),
    Agent("pacman", "pacman/7.0.0 (Linux x86_64) libalpm/15.0.0"),
    Agent("wget", "Wget/1.25.0"),
)
"""Who asks for trees of other files."""


def agents_of(trip: Trip, module: str) -> tuple[Agent, ...]:
    """The clients that ask for what a module holds."""
    return OF_RPM if trip.wanted.get(module) else OF_OTHERS


def agent_of(trip: Trip, tree: Subject, turn: int) -> Agent:
    """The client whose turn it is; one that was refused has it until it is served."""
    agents, verdict = agents_of(trip, tree.module), trip.verdicts.get(tree)
    if verdict is not None and verdict.outcome is ProbeOutcome.CLIENTS:
        named = [agent for agent in agents if f" {agent.name}'s " in verdict.detail]
        if named:
            return named[0]
    return agents[turn % len(agents)]
