"""A mirror that asks the prober for patience gets a lower weight from one run to the next."""

from __future__ import annotations

from mirrorlist.checks.probing.runner import Job, Outside, Ran, run
from mirrorlist.core.catalogue.policy import WeightReduction
from mirrorlist.core.health.response_times import Pace
from tests.building import NOW
from tests.checks.probing.test_runner import EVERY, network
from tests.checks.servers import answer, says
from tests.checks.trees import TERMS, WANTED, Fetching, Tree

BUSY = says(answer("503 Service Unavailable", b"later", "Retry-After: 60"))


def test_503_in_two_runs_lowers_the_weight_and_two_calm_runs_give_it_back() -> None:
    trees = {f"m{number}.test": Tree() for number in range(3)}
    with network(trees) as mirrors:

        def after(number: int, paces: dict[str, Pace]) -> dict[str, Pace]:
            job = Job(mirrors=tuple(mirrors.values()), wanted=WANTED, run=number, terms=TERMS, paces=paces)
            outside = Outside(fetch=Fetching(), now=lambda: NOW + number * EVERY)
            ran: Ran = run(job, outside, lambda _: None)
            return paces | dict(ran.paces)

        paces: dict[str, Pace] = {}
        seen = []
        for number, talk in enumerate([None, BUSY, BUSY, None, None]):
            trees["m1.test"].talk = talk
            paces = after(number, paces)
            seen.append(paces["m1.test"].lowered)
            assert [paces[name].lowered for name in ("m0.test", "m2.test")] == [None, None]
    lowered = WeightReduction(1, NOW + 2 * EVERY, "it asked for patience (429 or 503)")
    assert seen == [None, None, lowered, lowered, None]
    assert all(0 <= seconds < TERMS.timeout_seconds for pace in paces.values() for seconds in pace.times)
