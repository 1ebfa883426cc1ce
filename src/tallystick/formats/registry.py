"""Reads `native/*.toml` into frozen values. Nothing else reads those files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Literal, get_args

from tallystick.errors import ProfileError

FieldType = Literal[
    "text", "code", "date", "instant", "money", "integer", "decimal", "boolean", "member", "json"
]
Presence = Literal["required", "stated", "optional"]
AbsentReason = Literal["not_held", "not_asked", "refused", "not_applicable", "not_yet_known"]

#: The reasons a furnisher may give for a value that is not there.
ABSENT_REASONS: tuple[str, ...] = get_args(AbsentReason)
#: Digits after the point of a decimal; inside it is an integer of parts per billion.
DECIMAL_PLACES = 9
#: Text fields whose words are a person's own; blanks around them are kept as they came.
_FREE_TEXT = frozenset(
    {"name", "address_line", "address_locality", "address_region", "text", "affiliates"}
)
_FIELD_KEYS = {
    "name": str,
    "type": str,
    "presence": str,
    "domain": (str, list),
    "max_length": int,
    "minimum": int,
    "maximum": int,
    "places": int,
    "personal": bool,
    "restricted": bool,
    "keep_impossible": bool,
    "label": dict,
    "source": str,
}  # fmt: skip
_DATASET_KEYS = {
    "dataset": str,
    "version": int,
    "label": dict,
    "meaning": str,
    "key": list,
    "kept_under": str,
    "fields": list,
}
_MANDATORY_FIELD_KEYS = ("name", "type", "presence", "label", "source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a record.

    `domain` is a tuple of codes, or the name of a list that lives elsewhere ("currency",
    "profile:buckets"); None for fields that are not codes.
    """

    name: str
    type: FieldType
    presence: Presence
    domain: tuple[str, ...] | str | None = None
    max_length: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    places: int | None = None
    personal: bool = False
    restricted: bool = False
    keep_impossible: bool = False
    label_en: str
    label_zh: str
    source: str

    @property
    def is_free_text(self) -> bool:
        """Whether blanks around the text are kept (a name, an address) and not refused."""
        return self.type == "text" and self.name in _FREE_TEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One kind of record and its fields, in the order of the CSV header."""

    name: str
    version: int
    label_en: str
    label_zh: str
    meaning: str
    key: tuple[str, ...]
    kept_under: str
    fields: tuple[Field, ...]

    def field(self, name: str) -> Field:
        """The field of that name. Raises: KeyError."""
        for item in self.fields:
            if item.name == name:
                return item
        raise KeyError(name)


class Registry(Mapping[str, Dataset]):
    """All datasets by name, in alphabetical order."""

    def __init__(self, datasets: Mapping[str, Dataset]):
        self._datasets = MappingProxyType(dict(sorted(datasets.items())))

    def __getitem__(self, name: str) -> Dataset:
        return self._datasets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._datasets)

    def __len__(self) -> int:
        return len(self._datasets)


@cache
def load() -> Registry:
    """The registry this package carries. Raises: ProfileError."""
    return load_folder(resources.files("tallystick.formats") / "native")


def load_folder(folder: Traversable) -> Registry:
    """A registry from the `*.toml` files of `folder`.

    Raises: ProfileError, with file and path, on anything that is unknown, missing or mistyped.
    """
    datasets: dict[str, Dataset] = {}
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if not file.name.endswith(".toml"):
            continue
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ProfileError(f"{file.name}: {error}") from error
        dataset = _dataset(table, file.name)
        if file.name != f"{dataset.name}.toml":
            raise ProfileError(f"{file.name}: dataset: {dataset.name!r} is not the file's name")
        datasets[dataset.name] = dataset
    if not datasets:
        raise ProfileError(f"{folder}: no dataset found")
    return Registry(datasets)


def _dataset(table: dict[str, Any], file: str) -> Dataset:
    _check_keys(table, _DATASET_KEYS, tuple(_DATASET_KEYS), file)
    fields = tuple(
        _field(item, f"{file}: fields[{index}]") for index, item in enumerate(table["fields"])
    )
    names = [field.name for field in fields]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ProfileError(f"{file}: fields: named twice: {', '.join(doubled)}")
    if any(field.type == "money" for field in fields) and "currency" not in names:
        raise ProfileError(f"{file}: fields: money without a field `currency`")
    if not all(isinstance(item, str) for item in table["key"]):
        raise ProfileError(f"{file}: key: must be a list of strings")
    label_en, label_zh = _label(table["label"], f"{file}: label")
    return Dataset(
        name=table["dataset"],
        version=table["version"],
        label_en=label_en,
        label_zh=label_zh,
        meaning=table["meaning"],
        key=tuple(table["key"]),
        kept_under=table["kept_under"],
        fields=fields,
    )


def _field(table: Any, path: str) -> Field:
    if not isinstance(table, dict):
        raise ProfileError(f"{path}: must be a table")
    _check_keys(table, _FIELD_KEYS, _MANDATORY_FIELD_KEYS, path)
    path = f"{path} {table['name']}"
    if table["type"] not in get_args(FieldType):
        raise ProfileError(f"{path}: type: {table['type']!r} is not a type")
    if table["presence"] not in get_args(Presence):
        raise ProfileError(f"{path}: presence: {table['presence']!r} is not one")
    _check_type_needs(table, path)
    label_en, label_zh = _label(table["label"], f"{path}: label")
    plain = {key: value for key, value in table.items() if key not in ("label", "domain")}
    domain = table.get("domain")
    return Field(
        **plain,
        label_en=label_en,
        label_zh=label_zh,
        domain=tuple(domain) if isinstance(domain, list) else domain,
    )


def _check_type_needs(table: dict[str, Any], path: str) -> None:
    """What each type must and must not say."""
    kind, domain = table["type"], table.get("domain")
    if (kind == "code") != (domain is not None):
        raise ProfileError(f"{path}: domain: a code has one, nothing else has")
    if isinstance(domain, str) and domain != "currency" and not domain.startswith("profile:"):
        raise ProfileError(f"{path}: domain: {domain!r} is neither a list nor a known name")
    if isinstance(domain, list) and not all(isinstance(item, str) and item for item in domain):
        raise ProfileError(f"{path}: domain: must be a list of codes")
    if kind in ("text", "json") and table.get("max_length", 0) < 1:
        raise ProfileError(f"{path}: max_length: missing or below 1")
    if kind in ("integer", "decimal") and not {"minimum", "maximum"} <= table.keys():
        raise ProfileError(f"{path}: minimum and maximum: missing")
    if kind == "decimal" and table.get("places") != DECIMAL_PLACES:
        raise ProfileError(f"{path}: places: a decimal has {DECIMAL_PLACES}")
    if table.get("keep_impossible") and kind != "date":
        raise ProfileError(f"{path}: keep_impossible: only for a date")


def _check_keys(
    table: dict[str, Any], allowed: Mapping[str, Any], mandatory: tuple[str, ...], path: str
) -> None:
    for key, value in table.items():
        if key not in allowed:
            raise ProfileError(f"{path}: {key}: unknown key")
        wanted = allowed[key]
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise ProfileError(f"{path}: {key}: wrong type")
    missing = [key for key in mandatory if key not in table]
    if missing:
        raise ProfileError(f"{path}: missing: {', '.join(missing)}")


def _label(table: dict[str, Any], path: str) -> tuple[str, str]:
    if set(table) != {"en", "zh"} or not all(isinstance(v, str) and v for v in table.values()):
        raise ProfileError(f"{path}: must hold `en` and `zh` and nothing else")
    return table["en"], table["zh"]
