"""Pages to look at: one HTML file that holds everything it shows, prints well, and trusts no name.

A page is made of parts: plain text is escaped wherever it is put in; only the functions below make markup
(`Markup`). Pictures and sounds are embedded, nothing is fetched, and no script runs: a content security
policy says so to the browser, should a name ever get past the escaping.
"""

from __future__ import annotations

import base64
import html
import io
import math
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

SOUNDS = ("audio/wav", "audio/ogg", "audio/mpeg", "audio/flac", "audio/mp4", "audio/webm")

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, half characters, and marks that turn the direction of writing (to disguise names)."""


class Markup(str):
    """HTML that is safe to put into a page as it is; made by this module only."""

    __slots__ = ()


def escaped(value: Any) -> Markup:
    """A value as text that cannot be markup; markup stays as it is.

    >>> escaped("<b>&</b>"), escaped(None), escaped(0.123456), escaped(-1e-9)
    ('&lt;b&gt;&amp;&lt;/b&gt;', '–', '0.123', '0.000')
    """
    if isinstance(value, Markup):
        return value
    return Markup(html.escape(_UNSEEN.sub("\ufffd", _written(value))))


def _written(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "∞" if value == math.inf else f"{value:.4g}" if abs(value) >= 100 else f"{value:z.3f}"
    return str(value)


def prose(text: str) -> Markup:
    """Paragraphs, parted by empty lines.

    >>> prose("one & only")
    '<p>one &amp; only</p>'
    """
    return Markup("".join(f"<p>{escaped(part.strip())}</p>" for part in text.split("\n\n") if part.strip()))


def table(header: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> Markup:
    """A table; numbers stand to the right under their name, in figures of equal width.

    >>> "<td class=number>0.500</td>" in table(["share"], [[0.5]])
    True
    """
    body_rows = [list(row) for row in rows]
    numbers = {place for row in body_rows for place, value in enumerate(row) if _is_number(value)}
    head = "".join(
        f"<th scope=col{' class=number' if place in numbers else ''}>{escaped(name)}</th>"
        for place, name in enumerate(header)
    )
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in body_rows)
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    rest = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return Markup(f"<div class=scroll><table>{title}{rest}</table></div>")


def _cell(value: Any) -> str:
    return f"<td{' class=number' if _is_number(value) else ''}>{escaped(value)}</td>"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def figure(picture: Any, caption: str = "", alt: str = "") -> Markup:
    """A picture: PNG bytes, or a matplotlib figure (drawn at 144 dots an inch)."""
    if not isinstance(picture, bytes):
        drawn = io.BytesIO()
        picture.savefig(drawn, format="png", dpi=144, bbox_inches="tight")
        picture = drawn.getvalue()
    if not picture.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("a figure must be PNG bytes or a matplotlib figure")
    words = escaped(alt or caption)
    image = f'<img alt="{words}" src="data:image/png;base64,{_embedded(picture)}">'
    return Markup(f"<figure>{image}{_caption(caption)}</figure>")


def player(sound: bytes, caption: str = "", mime: str = "audio/wav") -> Markup:
    """A sound with its controls; `mime` is one of `SOUNDS`. The page grows by 4/3 of its bytes."""
    if mime not in SOUNDS:
        raise ValueError(f"mime must be one of {', '.join(SOUNDS)}, got {mime!r}")
    control = f'<audio controls preload=none src="data:{mime};base64,{_embedded(sound)}"></audio>'
    return Markup(f"<figure>{_caption(caption)}{control}</figure>")


def cards(items: Iterable[tuple[str, Any, str]]) -> Markup:
    """Large figures in a row, each (label, value, note).

    >>> "97.4 %" in cards([("top-1", "97.4 %", "n = 1000")])
    True
    """
    one = "<div class=card><div class=label>{}</div><div class=value>{}</div><div class=note>{}</div></div>"
    inner = "".join(one.format(escaped(a), escaped(b), escaped(c)) for a, b, c in items)
    return Markup(f"<div class=cards>{inner}</div>")


def badge(passed: bool, yes: str = "passed", no: str = "failed") -> Markup:
    """A coloured word for a verdict; the word, not the colour alone, says it."""
    return Markup(f'<span class="badge {"yes" if passed else "no"}">{escaped(yes if passed else no)}</span>')


def details(summary: Any, *parts: Any, open: bool = False) -> Markup:
    """Parts that unfold at a click; they are printed unfolded where the browser can."""
    return Markup(
        f"<details{' open' if open else ''}><summary>{escaped(summary)}</summary>{_joined(parts)}</details>"
    )


def section(heading: str, *parts: Any) -> Markup:
    """A part of a page under a heading; plain strings become paragraphs."""
    return Markup(f"<section><h2>{escaped(heading)}</h2>{_joined(parts)}</section>")


def page(title: str, sections: Iterable[Any], *, lead: Any = "", footer: str = "") -> str:
    """The whole page as text, to be written as UTF-8.

    >>> "<script>" in page("<script>alert(1)</script>", [section("A", "text")])
    False
    """
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    top = f"<header><h1>{escaped(title)}</h1>{_joined([lead]) if lead else ''}</header>"
    bottom = f"<footer>{escaped(footer or 'Tonewheel')} · {now}</footer>"
    policy = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width">'
        f'<meta http-equiv=Content-Security-Policy content="{policy}">'
        '<meta name=color-scheme content="light dark">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>{top}{_joined(sections)}{bottom}</main></body></html>\n"
    )


def _joined(parts: Iterable[Any]) -> str:
    return "".join(part if isinstance(part, Markup) else prose(str(part)) for part in parts)


def _caption(text: str) -> str:
    return f"<figcaption>{escaped(text)}</figcaption>" if text else ""


def _embedded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


STYLE = """
:root{--ink:#1c1b19;--soft:#6d6a64;--line:#dedad2;--paper:#fbfaf7;--sheet:#fff;--yes:#1d6b45;--no:#a8321f;
--yes-bg:#e3f2e9;--no-bg:#fae6e1;--accent:#8a5a12} @media
(prefers-color-scheme:dark){:root{--ink:#ece8e0;--soft:#a29c91;--line:#3a3731;--paper:#171613;--sheet:#201e1a;
--yes:#7fd3a6;--no:#f29a86;--yes-bg:#173325;--no-bg:#43201a;--accent:#e0b062}} *{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.6 ui-serif,Charter,"Iowan Old Style","Palatino Linotype",Georgia,serif}
main{max-width:62rem;margin:0 auto;padding:3rem 1.5rem}
h1{font-size:2.1rem;line-height:1.2;letter-spacing:-.01em;margin:0 0
.5rem;font-weight:600;overflow-wrap:anywhere} h2{font-size:1.25rem;margin:0 0
.75rem;font-weight:600;color:var(--accent)} p{margin:.5rem 0;max-width:44rem;overflow-wrap:anywhere}
header{border-bottom:1px solid var(--line);padding-bottom:1.25rem;margin-bottom:2rem} section{margin:2.25rem
0} .scroll{overflow-x:auto} table{border-collapse:collapse;width:100%;font:14px/1.45
ui-sans-serif,system-ui,"Segoe UI",Helvetica,Arial,sans-serif}
caption{text-align:left;color:var(--soft);padding-bottom:.4rem}
th{text-align:left;font-weight:600;color:var(--soft);border-bottom:2px solid var(--line);padding:.4rem .8rem
.4rem 0} td{border-bottom:1px solid var(--line);padding:.4rem .8rem .4rem
0;vertical-align:top;overflow-wrap:anywhere} td:not(.number,:empty){min-width:4.5rem}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(10rem,1fr));gap:1rem;margin:1rem 0}
.card{background:var(--sheet);border:1px solid var(--line);border-radius:.6rem;padding:.9rem 1rem}
.label,.note,figcaption,footer{color:var(--soft);font-size:.85rem}
.value{font-size:1.7rem;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.badge{display:inline-block;white-space:nowrap;border-radius:1rem;padding:0 .65rem; font:600 .8rem/1.6
ui-sans-serif,system-ui,Helvetica,Arial,sans-serif}
.yes{color:var(--yes);background:var(--yes-bg)}.no{color:var(--no);background:var(--no-bg)}
figure{margin:1.25rem 0}figcaption{margin-top:.4rem}
img{max-width:100%;height:auto;background:#fff;border-radius:.4rem}
audio{width:100%;max-width:32rem;margin-top:.3rem} details{margin:.6rem 0}summary{cursor:pointer}
footer{border-top:1px solid var(--line);margin-top:3rem;padding-top:1rem} @media
print{:root{--paper:#fff;--sheet:#fff;--ink:#000}main{max-width:none;padding:0}
section,figure,tr,.card{break-inside:avoid}audio{display:none}details::details-content{content-visibility:visible}}
"""
