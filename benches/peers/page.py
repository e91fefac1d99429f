"""Writes the results of the comparison with peers: tables in Markdown and a chart in SVG, from figures alone."""

import math
import textwrap
import typing
import xml.sax.saxutils

#: The cell of a missing figure.
MISSING = "–"

#: The markers around the generated part of the page.
BEGIN = "<!-- Written by benches/peers/run. -->"
END = "<!-- Up to here. -->"

#: Width of text lines.
PAGE_WIDTH = 145


class Spread(typing.NamedTuple):
    """Median, minimum and maximum of figures."""

    median: float
    minimum: float
    maximum: float


class Figures(typing.NamedTuple):
    """The figures of one server. A list has an item per round; a load is the dictionary that the load generator prints."""

    name: str
    #: Its version and its setup.
    version: str
    setup: str
    #: The effect of an update: "kept" if a later GET returns it, "canned" if the answer is always the same, None if refused.
    updates: str | None = None
    #: The reason for missing figures.
    problem: str | None = None
    first_answer_ms: typing.Sequence[float] = ()
    idle_mib: typing.Sequence[float] = ()
    loaded_mib: float | None = None
    #: The number of requests before `loaded_mib`.
    requests: int = 0
    get: typing.Sequence[dict] = ()
    patch: typing.Sequence[dict] = ()


def spread(figures):
    """Returns the spread of figures, or None without any."""
    if not figures:
        return None
    ascending = sorted(figures)
    middle = len(ascending) // 2
    median = ascending[middle] if len(ascending) % 2 else (ascending[middle - 1] + ascending[middle]) / 2
    return Spread(median, ascending[0], ascending[-1])


def figures_of(loads, key):
    """Returns the spread of one figure of several loads, or None if one of them lacks it."""
    figures = [load[key] for load in loads]
    return None if None in figures else spread(figures)


def throughput_ratio(loads, reference):
    """Returns the ratio of the throughput to that of the reference, by round: above one is better."""
    return spread([load["per_second"] / bare["per_second"] for load, bare in zip(loads, reference)])


def cpu_ratio(loads, reference):
    """Returns the ratio of the reference's CPU time per request to the server's, by round: above one is better."""
    pairs = [(bare["cpu_micros"], load["cpu_micros"]) for load, bare in zip(loads, reference)]
    return None if any(None in pair for pair in pairs) else spread([bare / load for bare, load in pairs])


def ratio_text(figure):
    """Writes a ratio with two decimals, or three for small ones."""
    return f"{figure:.2f}" if figure >= 0.1 else f"{figure:.3f}"


def number_text(figure):
    """Writes a figure with one decimal, or as a whole number with commas if it is large."""
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}"


def spread_text(figures, text):
    """Writes a spread, or the mark for a missing one."""
    return MISSING if figures is None else f"{text(figures.median)} ({text(figures.minimum)}–{text(figures.maximum)})"


def median_text(figures, text=number_text):
    """Writes the median of a spread, or the mark for a missing one."""
    return MISSING if figures is None else text(figures.median)


def table(words, figures, rows):
    """Writes a table, readable as text and as Markdown: text columns on the left, figure columns on the right."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in [[*words, *figures], *rows]]
    widths = [max(3, *(len(row[column]) for row in cells)) for column in range(len(cells[0]))]
    lines = []
    for row in cells:
        aligned = [cell.ljust(width) if column < len(words) else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append(f"| {' | '.join(aligned)} |")
    dashes = ["-" * (width + 2) if column < len(words) else "-" * (width + 1) + ":" for column, width in enumerate(widths)]
    lines.insert(1, f"|{'|'.join(dashes)}|")
    return "\n".join(lines)


def servers_table(servers):
    """Writes the compared servers, and the effect of an update on each."""
    effects = {"kept": "keeps it", "canned": "canned answer", None: "refused"}
    rows = [(server.name, server.version, MISSING if server.problem else effects[server.updates], server.problem or server.setup) for server in servers]
    return table(["server", "version", "PATCH", "set up"], [], rows)


def requests_table(servers, reference, exchange):
    """Writes throughput, CPU time and latencies of one kind of request."""
    columns = ["requests/s", "ratio (spread)", "CPU µs/request", "ratio (spread)", "p50 µs", "p99 µs"]
    bare = getattr(reference, exchange)
    rows = []
    for server in servers:
        loads = getattr(server, exchange)
        if not loads:
            continue
        is_reference = server is reference
        rows.append((
            server.name,
            median_text(figures_of(loads, "per_second")),
            "" if is_reference else spread_text(throughput_ratio(loads, bare), ratio_text),
            median_text(figures_of(loads, "cpu_micros"), lambda micros: f"{micros:,.2f}"),
            "" if is_reference else spread_text(cpu_ratio(loads, bare), ratio_text),
            median_text(figures_of(loads, "p50_micros"), lambda micros: f"{micros:,.0f}"),
            median_text(figures_of(loads, "p99_micros"), lambda micros: f"{micros:,.0f}"),
        ))
    return table(["server"], columns, rows)


def memory_table(servers):
    """Writes start times and memory."""
    rows = [
        (
            server.name,
            spread_text(spread(server.first_answer_ms), number_text),
            spread_text(spread(server.idle_mib), number_text),
            MISSING if server.loaded_mib is None else number_text(server.loaded_mib),
            f"{server.requests:,}" if server.requests else MISSING,
        )
        for server in servers
        if server.first_answer_ms
    ]
    return table(["server"], ["first answer ms", "MiB idle", "MiB under load", "after requests"], rows)


def section(servers, reference, machine, measured, load, cores):
    """Writes the part between the markers. The load is the load average of the last minute before the run."""
    busy = "Other programs were at work meanwhile, so the orders of magnitude count, not the digits." if load > cores / 4 else "The machine was quiet."
    conditions = f"{machine}. {measured} Load average before the run: {load:.2f} on {cores} cores. {busy}"
    return "\n\n".join([
        textwrap.fill(conditions, PAGE_WIDTH, break_long_words=False, break_on_hyphens=False),
        "![The ratios, start and memory as a chart](peers.svg)",
        servers_table(servers),
        "GET of one integration, 16 connections:",
        requests_table(servers, reference, "get"),
        "PATCH of one integration, 16 connections:",
        requests_table(servers, reference, "patch"),
        "Start and memory, of all processes of a server:",
        memory_table(servers),
    ])


def replaced(page, text):
    """Returns a page with the part between the markers replaced."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"


# The chart: panels in two columns with a line per server, on logarithmic scales, since the figures differ by orders of magnitude.

PANEL_WIDTH, NAMES_WIDTH, VALUES_WIDTH, MARGIN = 440, 104, 66, 16
TITLE_HEIGHT, LINE_HEIGHT, AXIS_HEIGHT = 34, 20, 34

STYLE = """
  .ground { fill: #ffffff } text { fill: #1f2328; font: 12px system-ui, sans-serif }
  .title { font-weight: 600 } .axis { fill: #59636e; font-size: 10px } .grid { stroke: #d1d9e0 }
  .peer { fill: #59636e; stroke: #59636e } .emulator { fill: #0969da; stroke: #0969da } text.emulator { stroke: none; font-weight: 600 }
  .spread { stroke-width: 3; stroke-opacity: 0.45; stroke-linecap: round }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 } text { fill: #e6edf3 } .axis { fill: #9198a1 } .grid { stroke: #3d444d }
    .peer { fill: #9198a1; stroke: #9198a1 } .emulator, text.emulator { fill: #58a6ff; stroke: #58a6ff } text.emulator { stroke: none }
  }
"""


def chart(servers, reference, ours):
    """Draws the figures: a dot for a median, a line for its spread. The server named `ours` is highlighted."""
    bare = reference
    panels = [
        ("GET throughput, ratio to the reference (more is better)", ratio_text, lambda server: throughput_ratio(server.get, bare.get)),
        ("GET CPU time, the reference’s to its own (more is better)", ratio_text, lambda server: cpu_ratio(server.get, bare.get)),
        ("PATCH throughput, ratio to the reference (more is better)", ratio_text, lambda server: throughput_ratio(server.patch, bare.patch)),
        ("PATCH CPU time, the reference’s to its own (more is better)", ratio_text, lambda server: cpu_ratio(server.patch, bare.patch)),
        ("Milliseconds to the first answer (less is better)", number_text, lambda server: spread(server.first_answer_ms)),
        ("MiB resident under load (less is better)", number_text, lambda server: server.loaded_mib and spread([server.loaded_mib])),
    ]
    shown = [server for server in servers if not server.problem]
    height = TITLE_HEIGHT + LINE_HEIGHT * len(shown) + AXIS_HEIGHT
    width, whole = 2 * PANEL_WIDTH + MARGIN, math.ceil(len(panels) / 2) * height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" width="{width}" height="{whole}" role="img">',
        "<title>The emulator beside a bare server and other mock servers</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{width}" height="{whole}"/>',
    ]
    for index, (title, text, figure_of) in enumerate(panels):
        lines = [(server.name, "emulator" if server.name == ours else "peer", figure_of(server)) for server in shown]
        left, top = MARGIN + index % 2 * PANEL_WIDTH, index // 2 * height
        parts += [f'<g transform="translate({left} {top})">', *panel(title, lines, text), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def panel(title, lines, text):
    """Draws one panel: the lines are a name, a class and a spread each."""
    yield f'<text class="title" x="0" y="20">{escaped(title)}</text>'
    ends = [end for _, _, figures in lines if figures for end in (figures.minimum, figures.maximum) if end > 0]
    if not ends:
        return
    # Whole powers of ten, at least two of them.
    low, high = math.floor(math.log10(min(ends))), math.ceil(math.log10(max(ends)))
    high = max(high, low + 1)
    scale = (PANEL_WIDTH - MARGIN - NAMES_WIDTH - VALUES_WIDTH) / (high - low)
    bottom = TITLE_HEIGHT + LINE_HEIGHT * len(lines)

    def place(figure):
        return round(NAMES_WIDTH + (math.log10(max(figure, 10**low)) - low) * scale, 1)

    for power in range(low, high + 1):
        x = place(10**power)
        yield f'<line class="grid" x1="{x}" y1="{TITLE_HEIGHT - 4}" x2="{x}" y2="{bottom}"/>'
        yield f'<text class="axis" x="{x}" y="{bottom + 14}" text-anchor="middle">{10**power:,g}</text>'
    for index, (name, kind, figures) in enumerate(lines):
        y = TITLE_HEIGHT + LINE_HEIGHT * index + LINE_HEIGHT // 2 - 2
        strong = ' class="emulator"' if kind == "emulator" else ""
        yield f'<text{strong} x="0" y="{y + 4}">{escaped(name)}</text>'
        if figures:
            yield f'<line class="spread {kind}" x1="{place(figures.minimum)}" y1="{y}" x2="{place(figures.maximum)}" y2="{y}"/>'
            yield f'<circle class="{kind}" cx="{place(figures.median)}" cy="{y}" r="4"/>'
        yield f'<text{strong} x="{PANEL_WIDTH - MARGIN - 8}" y="{y + 4}" text-anchor="end">{median_text(figures, text)}</text>'


def escaped(text):
    """Writes text so that it is text in XML."""
    return xml.sax.saxutils.escape(text)
