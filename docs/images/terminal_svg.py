"""Text from a terminal on stdin -> SVG on stdout, so that the pictures in the documents are real output:

    ./dev demo 2>/dev/null | python3 docs/images/terminal_svg.py "./dev demo" > docs/images/demo.svg
"""

import sys
from html import escape

CHARACTER, LINE, MARGIN = 7.83, 17, 14  # of a 13 px monospace font


def main():
    title = sys.argv[1] if len(sys.argv) > 1 else ""
    lines = sys.stdin.read().rstrip("\n").split("\n")
    if title:
        lines.insert(0, f"$ {title}")
    width = max(len(line) for line in lines) * CHARACTER + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">')
    print('<rect width="100%" height="100%" rx="6" fill="#1d2126"/>')
    print('<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13" fill="#d6dbe1">')
    for number, line in enumerate(lines):
        if line:
            y = MARGIN + LINE * number + 13
            # textLength keeps columns aligned whatever monospace font the reader has.
            print(
                f'<text x="{MARGIN}" y="{y}" xml:space="preserve" textLength="{len(line) * CHARACTER:.1f}" '
                f'lengthAdjust="spacingAndGlyphs">{escape(line)}</text>'
            )
    print("</g></svg>")


if __name__ == "__main__":
    main()
