"""Pictures made on the server: a stacked bar as SVG. Always beside a table that says the same."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 1000, 28
#: Part narrower than this share is drawn this wide, so that a single rejected row can be seen.
_LEAST = 6


def stacked_bar(parts: Sequence[tuple[str, int]], *, title: str) -> Markup:
    """A bar of parts in proportion. Takes: (CSS class, size) each; `title` says it in words."""
    drawn = _widths([size for _, size in parts])
    pieces, x = [], 0
    for (name, _), width in zip(parts, drawn, strict=True):
        if width:
            pieces.append(
                Markup('<rect class="{}" x="{}" y="0" width="{}" height="{}"/>').format(
                    name, x, width, _HEIGHT
                )
            )
        x += width
    return Markup(
        '<svg class="bar" role="img" aria-label="{}" viewBox="0 0 {} {}"'
        ' preserveAspectRatio="none"><title>{}</title>{}</svg>'
    ).format(title, _WIDTH, _HEIGHT, escape(title), Markup("").join(pieces))


def _widths(sizes: Sequence[int]) -> list[int]:
    total = sum(sizes)
    if total <= 0:
        return [0 for _ in sizes]
    widths = [max(_LEAST, size * _WIDTH // total) if size > 0 else 0 for size in sizes]
    widest = widths.index(max(widths))
    widths[widest] += _WIDTH - sum(widths)
    return widths
