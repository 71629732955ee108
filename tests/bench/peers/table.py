"""The table of `./dev bench --peers`: on the terminal, and as Markdown:
python3 tests/bench/peers/table.py build/bench/peers.json --into docs/benchmarks.md
"""

import argparse
import json
import pathlib

SHORT = {"eager_f32": "e32", "eager_bf16": "e16", "compile_f32": "c32", "compile_bf16": "c16"}
LINE = "{:<35} {:>7} {:>6} {:>6} {:<3} {:>6} {:>9} {:>5}{:1} {:>4} {:>9} {:>5}"


def number(value):
    """Three digits and a unit."""
    for divisor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= divisor:
            return f"{value / divisor:.3g}{unit}" if value < 999.5 * divisor else f"{value / divisor:.0f}{unit}"
    return f"{value:.3g}"


def ratio(value):
    return "" if value is None else f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 9.95 else f"{value:.2f}"


def heddle_figure(figures):
    if "seconds" in figures["heddle"]:
        return f"{figures['heddle']['seconds'] / 60:.1f} min"
    if figures["memory"]:
        return f"{figures['heddle']['peak_bytes'] / 1e6:,.0f} MB"
    rates = list(figures["heddle"]["rates"].values())
    return f"{number(rates[0])}/s" if len(rates) == 1 else ""


def goal_text(goal):
    if goal is None:
        return ""
    return goal["text"] or f"{goal['least']:g} {goal['against']}"


def share(value):
    return "" if value is None else f"{100 * value:.0f}%"


def memory(figures):
    ours, rival = figures["heddle"]["peak_bytes"] / 1e6, figures.get("rival")
    if rival is None:
        return f"{ours:,.0f}"
    theirs = rival["sides"][rival["best"] or "rival"]["peak_bytes"] / 1e6
    return f"{ours:,.0f}/{theirs:,.0f}"


def turns(figures):
    """Of Heddle and of the rival at its fastest."""
    return "/".join(str(figures["turns"][side]) for side in ("heddle", "rival") if side in figures["turns"])


def rival_name(rival):
    compared = rival.get("compared")
    few = f" (of {compared} variants)" if compared and compared < len(SHORT) else ""
    return (rival.get("best") or rival.get("label", "")).replace("_", ", ") + few


def print_head(report):
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    print(f"{report['cpu']}, {report['threads']} threads; {versions}; medians of at most {report['rounds']} turns")
    print(LINE.format("work", "Heddle", "xeager", "xbest", "", "xtuned", "goal", "is", "", "roof", "MB", "turns"), flush=True)


def print_row(row, figures):
    if "not_run" in figures:
        print(f"{row.title[:35]:<35} {figures['not_run']}", flush=True)
        return
    goal, ratios = figures.get("goal"), figures["ratios"]
    rival = figures.get("rival", {})
    reached = ratios[goal["against"]] if goal else ratios.get("own")
    mark = "" if goal is None else "+" if goal["reached"] else "-"
    print(
        LINE.format(
            row.title[:35], heddle_figure(figures), ratio(ratios.get("eager")), ratio(ratios.get("best")),
            SHORT.get(rival.get("best"), ""), ratio(ratios.get("tuned")), goal_text(goal), ratio(reached), mark, share(figures["heddle"]["bound"]), memory(figures), turns(figures),
        ),
        flush=True,
    )


def print_tail(report):
    goals = [figures["goal"]["reached"] for figures in report["rows"].values() if "goal" in figures]
    print("xeager, xbest: times the rate of the rival in eager f32 and at its fastest (e eager, c compile; 32 f32, 16 bf16); xtuned: at its")
    print("fastest with an allocator that keeps memory; is: the goal's ratio, + reached, - missed; roof: share of what this machine")
    print("could do at most; MB: peak of Heddle/of the fastest rival; turns: of Heddle/of the fastest rival")
    for key, value in report["machine"].items():
        if key.startswith("peaks of"):
            print(f"{key}: {value}")
    print(f"{sum(goals)} of {len(goals)} goals reached")


def markdown(report):
    lines = [
        "| work | Heddle | × eager f32 | × best | fastest rival | × tuned | aim | reached | of roofline | MB, Heddle / rival | turns |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for figures in report["rows"].values():
        if "not_run" in figures:
            lines.append(f"| {figures['title']} | {figures['not_run']} |" + " |" * 9)
            continue
        goal, ratios, rival = figures.get("goal"), figures["ratios"], figures.get("rival", {})
        reached = ratios[goal["against"]] if goal else ratios.get("own")
        met = "" if goal is None else "**" if goal["reached"] else ""
        cells = [
            figures["title"], heddle_figure(figures), ratio(ratios.get("eager")), ratio(ratios.get("best")), rival_name(rival),
            ratio(ratios.get("tuned")), goal_text(goal), f"{met}{ratio(reached)}{met}", share(figures["heddle"]["bound"]), memory(figures).replace("/", " / "),
            turns(figures).replace("/", " / "),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def machine(report):
    """One line on where and when, and one on the machine's peaks."""
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    peaks = "; ".join(f"{key}: {value}" for key, value in report["machine"].items() if key.startswith("peaks of"))
    return f"{report['date'][:10]}, {report['cpu']}, {report['threads']} threads; {versions}. Medians of the turns given. P{peaks[1:]}."


def main():
    parser = argparse.ArgumentParser(description="Markdown table of the JSON that ./dev bench --peers writes")
    parser.add_argument("report", type=pathlib.Path)
    parser.add_argument("--into", type=pathlib.Path, help="replaces what stands between <!-- peers --> and <!-- /peers --> there")
    options = parser.parse_args()
    report = json.loads(options.report.read_text())
    text = f"{machine(report)}\n\n{markdown(report)}\n"
    if options.into is None:
        print(text, end="")
        return
    before, first, rest = options.into.read_text().partition("<!-- peers -->\n")
    _, last, after = rest.partition("<!-- /peers -->")
    if not first or not last:
        parser.error(f"{options.into} has no lines <!-- peers --> and <!-- /peers -->")
    options.into.write_text(f"{before}{first}{text}{last}{after}")


if __name__ == "__main__":
    main()
