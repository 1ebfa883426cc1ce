"""The demo: a bureau of invented people, built through the front door, served or checked."""

from tallystick.entry.demo.checking import CHECK_PEOPLE, check
from tallystick.entry.demo.running import links, run

__all__ = ["CHECK_PEOPLE", "check", "links", "run"]
