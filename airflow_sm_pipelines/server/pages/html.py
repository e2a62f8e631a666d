"""HTML of the pages. Whatever is put into ``Markup`` by ``format`` is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from markupsafe import Markup

STYLE = Markup(
    "body{font:14px/1.5 system-ui,sans-serif;margin:1.5rem 2rem;max-width:84rem;color:#1f2937;background:#fff}"
    "h1{font-size:1.3rem;margin:0 0 .5rem}h2{font-size:1rem;margin:1.2rem 0 .3rem}a{color:#0b62c4}"
    "table{border-collapse:collapse;margin:.8rem 0}th,td{text-align:left;vertical-align:top;padding:.3rem .7rem;"
    "border-bottom:1px solid #d1d5db;overflow-wrap:anywhere}th{background:#f3f4f6;white-space:nowrap}"
    "pre{background:#f3f4f6;padding:.7rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}"
    "nav a{margin-right:1rem}.success{color:#15803d}.failed,.upstream_failed{color:#b91c1c}.note{color:#6b7280}"
    "@media(prefers-color-scheme:dark){body{color:#e5e7eb;background:#111827}th,pre{background:#1f2937}a{color:#7cb4ff}"
    ".success{color:#4ade80}.failed,.upstream_failed{color:#f87171}}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_PAGE = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    "<style>{style}</style></head><body><h1>{title}</h1>{body}</body></html>"
)


def page(title: str, *parts: str, status: int = 200) -> HTMLResponse:
    """A page; a part that is no ``Markup`` is text."""
    body = Markup("").join(parts)
    return HTMLResponse(_PAGE.format(title=title, style=STYLE, body=body), status, HEADERS)


def element(tag: str, *parts: str, **attributes: str) -> Markup:
    """An element; ``class_`` and the like are written without the line."""
    written = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_"), value) for name, value in attributes.items() if value
    )
    return Markup("<{tag}{written}>{inner}</{tag}>").format(tag=tag, written=written, inner=_joined(parts))


def link(address: str, text: str) -> Markup:
    """A link to a page of the web, or of this server; the text alone where it would be something else."""
    if urlsplit(address).scheme not in ("", "http", "https"):
        return Markup("{}").format(text)
    return element("a", text, href=address)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Markup:
    """A table."""
    top = element("tr", *(element("th", name) for name in head))
    return element("table", top, *(element("tr", *(element("td", cell) for cell in row)) for row in rows))


def _joined(parts: Iterable[str]) -> Markup:
    return Markup("").join(parts)
