"""Random histories of the same events."""

import random
from typing import Any

Event = dict[str, Any]


def draw(events: list[Event], copies: int, rounds: int, seed: int) -> list[list[Event]]:
    """What lands in each round: copies of all events under sources that end in the copy's number.

    Copy 0 lands whole in the first round. The events of each other copy are split over the rounds by chance,
    so that most are late; a third of what has landed by then, or does now, is sent again, and the order of a
    round is chance.
    """
    chance = random.Random(seed)
    drawn = [_of_copy(events, 0), *([] for _ in range(rounds - 1))]
    for copy in range(1, copies):
        own = _of_copy(events, copy)
        at = [chance.randrange(rounds) for _ in own]
        for number in range(rounds):
            new = [event for event, first in zip(own, at, strict=True) if first == number]
            known = [event for event, first in zip(own, at, strict=True) if first <= number]
            drawn[number] += new + chance.sample(known, len(known) // 3)
    for sent in drawn:
        chance.shuffle(sent)
    return drawn


def _of_copy(events: list[Event], copy: int) -> list[Event]:
    return [event | {"source": f"{event['source']}_{copy}"} for event in events]
