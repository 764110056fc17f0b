#!/usr/bin/env python3
"""Curves as SVG, without anything but Python. Used by report.py."""

from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 960, 320, 50, 60, 24, 40
COLOURS = {"real": "#1f77b4", "ready": "#2ca02c", "foreseen": "#d62728", "backlog": "#bbbbbb"}


class Chart:
    """Workers on the left scale, messages on the right, seconds below."""

    def __init__(self, begin, end, workers, messages):
        self.begin, self.end = begin, max(end, begin + 1)
        self.workers, self.messages = max(workers, 2), max(messages, 1)
        self.parts = []

    def x(self, at):
        return LEFT + (min(max(at, self.begin), self.end) - self.begin) / (self.end - self.begin) * (WIDTH - LEFT - RIGHT)

    def y(self, value, most):
        return HEIGHT - BOTTOM - value / most * (HEIGHT - TOP - BOTTOM)

    def stairs(self, curve, most):
        """A value holds until the next one."""
        points, before = [], None
        for at, value in curve + [(self.end, curve[-1][1])]:
            if before is not None:
                points.append(f"{self.x(at):.1f},{self.y(before, most):.1f}")
            points.append(f"{self.x(at):.1f},{self.y(value, most):.1f}")
            before = value
        return " ".join(points)

    def line(self, curve, name, dashed=False):
        if curve:
            dash = ' stroke-dasharray="6 4"' if dashed else ""
            self.parts.append(f'<polyline fill="none" stroke="{COLOURS[name]}" stroke-width="2"{dash} points="{self.stairs(curve, self.workers)}"/>')

    def area(self, curve):
        if curve:
            bottom = HEIGHT - BOTTOM
            points = f"{self.x(curve[0][0]):.1f},{bottom} {self.stairs(curve, self.messages)} {self.x(self.end):.1f},{bottom}"
            self.parts.append(f'<polygon fill="{COLOURS["backlog"]}" fill-opacity="0.45" points="{points}"/>')

    def text(self, x, y, words, anchor="middle", colour="#333333"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(str(words))}</text>')

    def span(self, begin, end, name, odd):
        if end < self.begin or begin > self.end:
            return
        left, right = self.x(begin), self.x(end)
        shade = "#f2f6fa" if odd else "#fbfbfb"
        self.parts.insert(0, f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT - TOP - BOTTOM}" fill="{shade}"/>')
        self.text((left + right) / 2, TOP + (10 if odd else 22), name, colour="#777777")

    def axes(self):
        step = max(1, round(self.workers / 6))
        for workers in range(0, self.workers + 1, step):
            self.text(LEFT - 8, self.y(workers, self.workers) + 4, workers, "end")
            self.parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.y(workers, self.workers):.1f}" y2="{self.y(workers, self.workers):.1f}" stroke="#e5e5e5"/>')
        for share in (0, 0.5, 1):
            self.text(WIDTH - RIGHT + 8, self.y(share * self.messages, self.messages) + 4, round(share * self.messages), "start", "#888888")
        length = self.end - self.begin
        tick = next(it for it in (30, 60, 120, 300, 600, 1200, 3600) if length / it <= 12 or it == 3600)
        for number in range(int(length // tick) + 1):
            self.text(self.x(self.begin + number * tick), HEIGHT - BOTTOM + 16, f"{number * tick // 60}:{number * tick % 60:02d}")
        self.text(LEFT, 14, "workers", "start")
        self.text(WIDTH - RIGHT, 14, "messages", "start", "#888888")

    def write(self, path, legend):
        self.axes()
        at = LEFT + 60
        for name, words in legend:
            self.parts.append(f'<rect x="{at}" y="6" width="14" height="8" fill="{COLOURS[name]}"/>')
            self.text(at + 20, 14, words, "start")
            at += 40 + 7 * len(words)
        body = "\n".join(self.parts)
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">\n'
                       f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n{body}\n</svg>\n')


def messages(line):
    return sum(queue["messages"] for name, queue in line["queues"].items() if name.startswith("analysis."))


def run(path, timeline, spans):
    """The whole run, with its steps in the background."""
    known = [line for line in timeline if line.get("replicas") is not None]
    queues = [(line["at"], messages(line)) for line in known if line["queues"]]
    chart = Chart(known[0]["at"], known[-1]["at"], max(line["replicas"] for line in known), max((n for _, n in queues), default=1))
    for number, (begin, end, name) in enumerate(spans):
        chart.span(begin, end, name, number % 2 == 1)
    chart.area(queues)
    chart.line([(line["at"], line["replicas"]) for line in known], "real")
    chart.line([(line["at"], line["ready"] or 0) for line in known], "ready")
    chart.write(path, [("real", "workers wanted"), ("ready", "workers ready"), ("backlog", "messages in the queues")])


def scaling(path, timeline, course):
    """The step `scale`: two curves."""
    known = [line for line in timeline if course["begin"] <= line["at"] <= course["end"] and line.get("replicas") is not None]
    queues = [(line["at"], messages(line)) for line in known if line["queues"]]
    both = course["real"] + course["foreseen"]
    chart = Chart(course["begin"], course["end"], max(pods for _, pods in both), max((n for _, n in queues), default=1))
    chart.area(queues)
    chart.line([tuple(it) for it in course["real"]], "real")
    chart.line([tuple(it) for it in course["foreseen"]], "foreseen", dashed=True)
    chart.write(path, [("real", "workers"), ("foreseen", "foreseen"), ("backlog", "messages in the queues")])
