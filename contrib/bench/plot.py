# SPDX-License-Identifier: MIT
"""The table as one picture: a bar for each line, with its least and most; the mark is what it must reach."""
import html

BAR, ROW, LEFT, MOST = 260, 22, 560, 460        # pixels of 1, of a line, of the texts, of the longest bar


def scaled(line, value):
    """What has a goal as its part of that, other ratios as they are; other amounts have no common measure."""
    if not line.goal and not line.references:
        return 2
    return min(MOST, BAR * value / (line.goal or 1))


def bar(line, y):
    colour = "#999" if line.goal is None else "#4a7" if line.reached else "#c55"
    low, high = scaled(line, min(line.results)), scaled(line, max(line.results))
    text = html.escape(f"{line.name}: {line.what}, {line.against}")
    out = [f'<text x="{LEFT - 10}" y="{y + 12}" text-anchor="end">{text}</text>',
           f'<rect x="{LEFT}" y="{y}" width="{max(2, scaled(line, line.median)):.0f}" height="14" fill="{colour}"/>',
           f'<line x1="{LEFT + low:.0f}" x2="{LEFT + high:.0f}" y1="{y + 7}" y2="{y + 7}" stroke="black"/>',
           f'<text x="{LEFT + MOST + 10}" y="{y + 12}">{line.median:.4g}</text>']
    if line.goal:
        goal = LEFT + scaled(line, line.goal)
        out.append(f'<line x1="{goal:.0f}" x2="{goal:.0f}" y1="{y - 2}" y2="{y + 16}" stroke="black" '
                   f'stroke-width="2"/>')
    return out


def write_svg(lines, path):
    height = ROW * (len(lines) + 2)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + MOST + 80}" height="{height}" '
           f'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>']
    for n, line in enumerate(lines):
        out += bar(line, ROW * (n + 1))
    with open(path, "w") as file:
        file.write("\n".join(out) + "</svg>\n")
