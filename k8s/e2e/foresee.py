#!/usr/bin/env python3
"""How many workers the autoscaler's own algorithm makes of what arrived: the twin of loadtest/src/autoscale/hpa.rs. Used by report.py.

`foresee.py` by itself checks the algorithm against the examples of Kubernetes' documentation, as the Rust tests do."""

import math
import re

TOLERANCE = 0.1
SYNC = 15.0  # seconds between two looks of the HPA, and of KEDA (pollingInterval)
START = 8.0  # seconds from a decision to a worker that works
FILE_SECONDS = 1.0


class Hpa:
    """autoscaling/v2 for one metric with a target per pod; `behavior` as the manifest has it."""

    def __init__(self, behavior, least, most, target):
        self.behavior, self.least, self.most, self.target = behavior, least, most, target
        self.called_for, self.changes = [], []

    def pods(self, now, current, metric):
        wanted = self.stabilized(now, current, self.needed(current, metric))
        if wanted > current:
            wanted = min(wanted, max(current, self.limit(now, current, "scaleUp")))
        elif wanted < current:
            wanted = max(wanted, min(current, self.limit(now, current, "scaleDown")))
        wanted = min(max(wanted, self.least), self.most)
        if wanted != current:
            self.changes.append((now, wanted - current))
        return wanted

    def needed(self, current, metric):
        ratio = metric / (self.target * max(current, 1))
        needed = current if abs(ratio - 1.0) <= TOLERANCE else math.ceil(metric / self.target)
        return min(max(needed, self.least), self.most)

    def stabilized(self, now, current, needed):
        if not self.called_for:
            self.called_for.append((now, current))
        def within(direction):
            window = self.behavior[direction]["stabilizationWindowSeconds"]
            return [pods for at, pods in self.called_for if at > now - window] + [needed]
        up, down = min(within("scaleUp")), max(within("scaleDown"))
        self.called_for.append((now, needed))
        return min(max(current, up), down)

    def limit(self, now, current, direction):
        rules, up = self.behavior[direction], direction == "scaleUp"
        reached = []
        for policy in rules["policies"]:
            began = current - sum(change for at, change in self.changes if at > now - policy["periodSeconds"])
            if policy["type"] == "Pods":
                reached.append(began + policy["value"] if up else began - policy["value"])
            else:
                share = policy["value"] / 100
                reached.append(math.ceil(began * (1 + share)) if up else int(began * (1 - share)))
        largest = rules.get("selectPolicy", "Max") == "Max"
        return (max if up == largest else min)(reached)


def of_keda(scaled):
    """Autoscaler and weights of a ScaledObject: {queue or rate: weight}."""
    spec = scaled["spec"]
    modifiers = spec["advanced"]["scalingModifiers"]
    weights = {}
    for term in modifiers["formula"].split("+"):
        number, name = re.fullmatch(r"\s*(?:([0-9.]+)\s*\*\s*)?([a-z_]+)\s*", term).groups()
        weights[name] = float(number or 1)
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    return Hpa(behavior, spec["minReplicaCount"], spec["maxReplicaCount"], float(modifiers["target"])), weights


def by_backlog(timeline, scaled, lanes):
    """[(time, workers)] from nothing but what arrived at the level queues. Files take FILE_SECONDS; high ones are taken first."""
    hpa, weights = of_keda(scaled)
    levels = [name for name in weights if not name.endswith("_rate")]
    begin, end = timeline[0]["at"], timeline[-1]["at"]
    workers, working, starting = hpa.least, hpa.least, []
    waiting, curve, index = dict.fromkeys(levels, 0.0), [(begin, hpa.least)], 0
    last = {level: None for level in levels}
    recent = {level: [] for level in levels}
    now, look = begin, begin
    while now <= end:
        while index < len(timeline) and timeline[index]["at"] <= now:
            for level in levels:
                published = timeline[index]["queues"].get(f"analysis.{level}", {}).get("published")
                if published is None:
                    continue
                came = published - last[level] if last[level] is not None and published >= last[level] else 0
                last[level] = published
                waiting[level] += came
                recent[level].append((now, came))
            index += 1
        working += sum(1 for at in starting if at <= now)
        starting = [at for at in starting if at > now]
        room = working * lanes / FILE_SECONDS
        for level in levels:
            taken = min(waiting[level], room)
            waiting[level] -= taken
            room -= taken
        if now >= look:
            metric = sum(weights[level] * waiting[level] for level in levels)
            for level in levels:
                rate = sum(came for at, came in recent[level] if at > now - 10) / 10
                metric += weights.get(f"{level}_rate", 0) * rate
            wanted = hpa.pods(now, workers, metric)
            if wanted > workers:
                starting += [now + START] * (wanted - workers)
            elif wanted < workers:
                working = min(working, wanted)
            if wanted != workers:
                curve.append((now, wanted))
            workers, look = wanted, look + SYNC
        now += 1.0
    return curve + [(end, workers)]


def by_use(timeline, hpa_object):
    """[(time, workers)] from the processor use that the HPA itself saw: per cent of the request, over all workers."""
    spec = hpa_object["spec"]
    target = spec["metrics"][0]["resource"]["target"]["averageUtilization"]
    hpa = Hpa(spec["behavior"], 1, spec["maxReplicas"], float(target))
    workers, curve, look = timeline[0]["replicas"] or 1, [], timeline[0]["at"]
    for line in timeline:
        metrics = line.get("metrics") or []
        use = next((it["resource"]["current"].get("averageUtilization") for it in metrics if it.get("type") == "Resource"), None)
        if line["at"] < look or use is None:
            continue
        look = line["at"] + SYNC
        wanted = hpa.pods(line["at"], workers, float(use) * max(1, line["ready"] or 1))
        if wanted != workers or not curve:
            curve.append((line["at"], wanted))
        workers = wanted
    return curve + [(timeline[-1]["at"], workers)]


def check():
    """The examples that hpa.rs is tested with."""
    usual = {
        "scaleUp": {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 15}, {"type": "Pods", "value": 4, "periodSeconds": 15}]},
        "scaleDown": {"stabilizationWindowSeconds": 300, "selectPolicy": "Max", "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 15}]},
    }
    hpa, seen = Hpa(usual, 1, 100, 1.0), []
    for now, current in [(0, 1), (5, 5), (16, 5), (32, 10), (48, 20), (64, 40), (80, 80)]:
        seen.append(hpa.pods(now, current, 1000.0))
    assert seen == [5, 5, 10, 20, 40, 80, 100], seen
    down = {"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
        {"type": "Percent", "value": 10, "periodSeconds": 60}, {"type": "Pods", "value": 4, "periodSeconds": 60}]}
    hpa, pods, seen = Hpa({**usual, "scaleDown": down}, 10, 100, 1.0), 80, []
    for minute in range(6):
        pods = hpa.pods(minute * 61.0, pods, 10.0)
        seen.append(pods)
    assert seen == [72, 64, 57, 51, 45, 40], seen
    hpa = Hpa(usual, 1, 50, 100.0)
    assert [hpa.needed(10, metric) for metric in (901.0, 1099.0, 1101.0, 899.0)] == [10, 10, 12, 9]
    print("the algorithm holds")


if __name__ == "__main__":
    check()
