"""What is allowed where a finding points: the rule's words and the field's own list, one text.

The reject file, the offline check, the API and the pages say the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from tallystick.formats import Dataset
from tallystick.furnish import own_list
from tallystick.validate import load_rules
from tallystick.validate.registry import Text

#: A finding's rule and the field it points to.
Place = tuple[str, str | None]


def allowed_at(
    places: Iterable[Place], dataset: Dataset, domains: Mapping[str, Collection[str]]
) -> dict[Place, Text]:
    """What is allowed at each place; a rule that is known no more has none."""
    rules = load_rules()
    told = {}
    for place in set(places):
        rule_id, field = place
        if rule_id in rules:
            allowed, own = rules[rule_id].allowed, own_list(rule_id, field, dataset, domains)
            told[place] = Text(en=allowed.en + own, zh=allowed.zh + own)
    return told
