"""Reads our own source as a tree: which outside names a module uses, and what it names itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

SRC = Path(__file__).resolve().parents[2] / "src" / "tallystick"
OUTSIDE = ("adapters", "entry", "migrations")

# Calls and names that reach for clock, chance, environment, network or a database by themselves.
WORLD = (
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "time.",
    "random.",
    "secrets.",
    "numpy.random.",
    "os.environ",
    "os.getenv",
    "os.urandom",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid_utils.uuid",
    "socket.",
    "httpx.",
    "requests.",
    "urllib.request.",
    "subprocess.",
    "psycopg.connect",
    "psycopg.Connection.connect",
    "psycopg.AsyncConnection.connect",
    "psycopg_pool.",
)
# The simulator is all chance, but only from a seed it was given.
SEEDED = ("random.Random", "numpy.random.default_rng", "numpy.random.Generator")


def modules(*, below_adapters: bool) -> list[Path]:
    """Our modules, all of them or those that must not touch the world."""
    found = sorted(SRC.rglob("*.py"))
    if not below_adapters:
        return found
    return [file for file in found if file.relative_to(SRC).parts[0] not in OUTSIDE]


def world_uses(source: str, *, seeded_chance: bool = False) -> list[str]:
    """`line: name` of each use of the world in `source`; annotations do not count."""
    tree = ast.parse(source)
    aliases = dict(_aliases(tree))
    hidden = {id(node) for part in _annotations(tree) for node in ast.walk(part)}
    uses = []
    for node in ast.walk(tree):
        if id(node) in hidden or not isinstance(node, ast.Name | ast.Attribute):
            continue
        name = _dotted(node, aliases)
        if name is None or not name.startswith(WORLD):
            continue
        if seeded_chance and name.startswith(SEEDED):
            continue
        uses.append(f"{node.lineno}: {name}")
    return uses


def unseeded_generators(source: str) -> list[str]:
    """`line: name` of each generator made without a seed."""
    tree = ast.parse(source)
    aliases = dict(_aliases(tree))
    return [
        f"{node.lineno}: {name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and not node.args and not node.keywords
        for name in [_dotted(node.func, aliases)]
        if name in {"random.Random", "numpy.random.default_rng"}
    ]


def calls(source: str, name: str) -> list[int]:
    """Lines where something called `name` (alone or as an attribute) is called."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and name in (getattr(node.func, "id", None), getattr(node.func, "attr", None))
    ]


def own_names(source: str) -> Iterator[tuple[int, str]]:
    """Names a module gives: functions, classes, parameters, variables, fields."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def words(name: str) -> set[str]:
    """`FcraNotice` and `fcra_notice` are both {fcra, notice}."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return set(spaced.lower().split("_"))


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Every literal text and its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                if one.asname:
                    yield one.asname, one.name
                else:
                    top = one.name.partition(".")[0]
                    yield top, top
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for one in node.names:
                yield one.asname or one.name, f"{node.module}.{one.name}"


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            yield node.returns


def _dotted(node: ast.expr, aliases: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return aliases.get(node.id)
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, aliases)
        return f"{base}.{node.attr}" if base else None
    return None
