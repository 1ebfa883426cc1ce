"""Commands about members (institutions) and their keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.entry.cli import opening, output
from tallystick.entry.cli.ids import read, shown
from tallystick.entry.cli.options import AsJson, DryRun, Yes, confirm
from tallystick.entry.cli.persons import read_object

members = typer.Typer(no_args_is_help=True, help="Institutions that furnish or ask.")
keys = typer.Typer(no_args_is_help=True, help="Keys members authenticate with.")

MemberCode = Annotated[str, typer.Argument(metavar="CODE", help="The member's code.")]


@members.command("list")
def list_members(as_json: AsJson = False) -> None:
    """List all members."""
    from tallystick.service.members import members as all_members

    with opening.deps() as parts:
        found = all_members(parts)
    if as_json:
        output.as_json([_member(one) for one in found])
    else:
        rows = [(one.code, one.member_class, one.name_en, one.name_zh) for one in found]
        output.table(("code", "class", "name", "name (zh)"), rows)
    if found:
        output.next_step(f"tallystick keys list {found[0].code}")
    else:
        output.next_step("tallystick members add CODE --name-en … --name-zh … --class …")


@members.command("add")
def add(
    code: MemberCode,
    name_en: Annotated[str, typer.Option("--name-en", help="Name in English.")],
    name_zh: Annotated[str, typer.Option("--name-zh", help="Name in Chinese.")],
    member_class: Annotated[str, typer.Option("--class", help="Kind of institution.")],
    public_key: Annotated[
        Path | None,
        typer.Option(
            "--public-key", help="File with the public JWK it signs consents with.", exists=True
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Add a member."""
    from tallystick import formats
    from tallystick.service.members import add_member, require_member

    jwk = _read_jwk(public_key) if public_key else None
    words = {"code": code, "name_en": name_en, "name_zh": name_zh, "member_class": member_class}
    if dry_run:
        require_member(formats.load(), **words)
        output.say(f"would add the member {code!r} of class {member_class!r}")
        return
    with opening.deps() as parts:
        member = add_member(parts, **words, jwk=jwk)
    if as_json:
        output.as_json(_member(member))
    else:
        output.data(shown("member", member.member_id))
    output.next_step(f"tallystick keys create {code} --label first")


@keys.command("create")
def create_key(
    code: MemberCode,
    label: Annotated[str, typer.Option("--label", help="What the key is for.")] = "cli",
    as_json: AsJson = False,
) -> None:
    """Make a key; its secret is printed once and kept nowhere."""
    from tallystick.service.members import issue_key, member_by_code

    with opening.deps() as parts:
        issued = issue_key(parts, member_by_code(parts, code).member_id, label)
    key_id = shown("key", issued.key_id)
    if as_json:
        output.as_json({"key_id": key_id, "secret": issued.secret})
    else:
        output.data(issued.secret)
    output.say(f"{key_id}: the secret is shown this once; we keep only its digest")
    output.next_step("export TALLYSTICK_KEY=… && tallystick submit FILE --dataset account")


@keys.command("list")
def list_keys(code: MemberCode, as_json: AsJson = False) -> None:
    """List a member's keys, never their secrets."""
    from tallystick.service.members import keys_of, member_by_code

    with opening.deps() as parts:
        found = keys_of(parts, member_by_code(parts, code).member_id)
    rows = [output.plain(one) | {"key_id": shown("key", one.key_id)} for one in found]
    if as_json:
        output.as_json(rows)
    elif rows:
        output.table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    output.next_step(f"tallystick keys create {code} --label NEXT")


@keys.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="KEY-ID", help="key_… as `keys list` shows.")],
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Revoke a key for good."""
    from tallystick.service.members import revoke_key

    identity = read("key", key_id)
    if dry_run:
        output.say("would revoke the key; its next call would be refused")
        return
    confirm("Revoke this key for good?", yes=yes)
    with opening.deps() as parts:
        revoke_key(parts, identity)
    output.say("revoked")
    output.next_step("tallystick keys list CODE")


def _member(member: Any) -> dict[str, Any]:
    found: dict[str, Any] = output.plain(member)
    return found | {"member_id": shown("member", member.member_id)}


def _read_jwk(path: Path) -> dict[str, Any]:
    """A public key; a file with the private half in it is not taken."""
    try:
        jwk = read_object(str(path))
    except typer.BadParameter as error:
        raise typer.BadParameter(f"{path}: {error.message}") from error
    if "d" in jwk:
        raise typer.BadParameter("give the public half of the key only, as one JWK object")
    return jwk
