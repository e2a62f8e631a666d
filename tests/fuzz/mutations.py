"""Documents that differ from a given one in a few places."""

from __future__ import annotations

import copy
import random
from typing import Any

from tests.fuzz.wild import key, value, written


def places(node: Any) -> list[tuple[Any, Any]]:
    """Every place of a document: what holds it, and the key or index there."""
    found: list[tuple[Any, Any]] = []
    stack = [node]
    while stack:
        current = stack.pop()
        keys = list(current) if isinstance(current, dict) else range(len(current)) if isinstance(current, list) else ()
        for name in keys:
            found.append((current, name))
            stack.append(current[name])
    return found


def mutate(document: Any, chance: random.Random, most: int = 4) -> None:
    """Delete, repeat, replace, rename or add one to ``most`` places."""
    for _ in range(chance.randint(1, most)):
        spots = places(document)
        if not spots:
            return
        holder, name = chance.choice(spots)
        match chance.randrange(8):
            case 0:
                del holder[name]
            case 1 if isinstance(holder, list):
                holder.insert(chance.randrange(len(holder) + 1), copy.deepcopy(holder[name]))
            case 1 | 2:
                other, other_name = chance.choice(spots)
                holder[name] = copy.deepcopy(other[other_name])
            case 3 if isinstance(holder, dict):
                holder[key(chance)] = holder.pop(name)
            case 4 if isinstance(holder, dict):
                holder[key(chance)] = value(chance)
            case _:
                holder[name] = value(chance)


def mutated(document: Any, chance: random.Random, most: int = 4) -> str:
    """The text of a document after :func:`mutate`; now and then a text that is no JSON, or has a key twice."""
    document = copy.deepcopy(document)
    mutate(document, chance, most)
    text = written(document)
    luck = chance.random()
    if luck < 0.02:
        return text[: chance.randrange(len(text) + 1)]
    if luck < 0.04 and "{" in text:
        at = chance.choice([index for index, character in enumerate(text) if character == "{"]) + 1
        return f'{text[:at]}"Name":"Twice","Name":1,{text[at:]}'
    return text
