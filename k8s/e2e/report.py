#!/usr/bin/env python3
"""Gathers what the steps of e2e.sh found, and writes report.json, report.md and the pictures. Used by e2e.sh."""

import json
import os
import subprocess
import sys
import time
from collections import Counter

import foresee
import picture


def lines(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def append(path, line):
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def check(out, overlay, step, verdict, what, measured, required=""):
    append(f"{out}/checks.ndjson", {"at": time.time(), "overlay": overlay, "step": step, "verdict": verdict, "what": what,
                                    "measured": measured, "required": required})


def step(out, overlay, name, code, seconds, title):
    append(f"{out}/steps.ndjson", {"ended": time.time(), "overlay": overlay, "step": name, "held": code == "0",
                                   "seconds": float(seconds), "title": title})


def outcomes(out, overlay, name):
    sums = Counter()
    for line in lines(f"{out}/batches.ndjson"):
        if (line["overlay"], line["step"]) == (overlay, name):
            sums.update(line["outcomes"])
    print(" ".join(f"{outcome}={number}" for outcome, number in sorted(sums.items())))


def load(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def versions(out, overlay, namespace, commit, kubectl, context):
    """What was tested, on what: asked of the cluster, never assumed."""
    base = [kubectl] + ([f"--context={context}"] if context else [])

    def images(*where):
        done = subprocess.run(base + ["get", "pods", *where, "-o", "json"], capture_output=True, check=False)
        items = json.loads(done.stdout)["items"] if done.returncode == 0 else []
        return sorted({container["image"] for pod in items for container in pod["spec"]["containers"]})

    kubernetes, nodes = load(f"{out}/kubernetes.json"), load(f"{out}/nodes.json").get("items", [])
    done = subprocess.run(base + ["-n", namespace, "exec", "deployment/worker", "--", "/usr/local/bin/worker", "--version"],
                          capture_output=True, check=False)
    found = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit of the manifests": commit,
        "worker": done.stdout.decode().strip() or "not running",
        "Kubernetes": kubernetes.get("serverVersion", {}).get("gitVersion"),
        "kubectl": kubernetes.get("clientVersion", {}).get("gitVersion"),
        "kustomize in kubectl": kubernetes.get("kustomizeVersion"),
        "nodes": [f"{node['status']['nodeInfo']['kubeletVersion']}, {node['status']['nodeInfo']['containerRuntimeVersion']}, "
                  f"{node['status']['nodeInfo']['osImage']}, Linux {node['status']['nodeInfo']['kernelVersion']}, "
                  f"{node['status']['nodeInfo']['architecture']}, {node['status']['capacity']['cpu']} processors" for node in nodes],
        "images": images("-n", namespace),
        "KEDA": images("-n", "keda", f"--selector=app.kubernetes.io/managed-by!={namespace}") if overlay != "dev" else [],
        "RabbitMQ Cluster Operator": images("-n", "rabbitmq-system") if overlay == "prod" else [],
    }
    asked = (["exec", "rabbitmq-server-0" if overlay == "prod" else "rabbitmq-0", "-c", "rabbitmq", "--", "rabbitmqctl", "version"],
             ["exec", "redis-0", "--", "redis-server", "--version"])
    for name, arguments, where in (("RabbitMQ", asked[0], namespace), ("Redis", asked[1], namespace + ("-redis" if overlay == "prod" else ""))):
        done = subprocess.run(base + ["-n", where, *arguments], capture_output=True, check=False)
        found[name] = done.stdout.decode().strip()[:60]
    with open(f"{out}/versions.json", "w", encoding="utf-8") as file:
        json.dump({key: value for key, value in found.items() if value}, file, indent=1)


def scale(out, overlay, began, least, most, lanes, autoscaler):
    """Lines for e2e.sh to record: the course of the autoscaler, and how far it is from what was foreseen."""
    least, most = int(least), int(most)
    timeline = [line for line in lines(f"{out}/timeline.ndjson") if line["at"] >= float(began) - 5 and line["replicas"] is not None]
    # What the step before has left is not the autoscaler's doing.
    while len(timeline) > 1 and timeline[0]["replicas"] != least:
        timeline.pop(0)
    manifest = load(autoscaler)
    foreseen = foresee.by_use(timeline, manifest) if overlay == "dev" else foresee.by_backlog(timeline, manifest, int(lanes))
    real = course([(line["at"], line["replicas"]) for line in timeline])
    begin = timeline[0]["at"]
    with open(f"{out}/scale.json", "w", encoding="utf-8") as file:
        json.dump({"overlay": overlay, "begin": begin, "end": timeline[-1]["at"], "real": real, "foreseen": foreseen}, file)

    def words(curve):
        return " → ".join(f"{pods} ({round(at - begin)} s)" for at, pods in course(curve))

    def say(verdict, what, measured, required=""):
        print(f"{verdict}|{what}|{measured}|{required}")

    top, top_foreseen = (max(pods for _, pods in curve) for curve in (real, foreseen))
    say("-", "workers", words(real))
    say("-", "foreseen", words(foreseen))
    wanted = f"{most}" if overlay != "dev" else f"more than {least}"
    say("yes" if (top == most if overlay != "dev" else top > least) else "no", "most workers", top, wanted)
    say("yes" if real[-1][1] == least else "no", "workers at the end", real[-1][1], least)
    tolerance = 0 if overlay != "dev" else 1
    say("yes" if abs(top - top_foreseen) <= tolerance else "no", "most workers foreseen", top_foreseen, f"{top} ± {tolerance}")
    share = together(real, foreseen, begin, timeline[-1]["at"])
    say("yes" if share >= 0.9 else "no", "both curves are within one worker of each other, give or take a minute", f"{share:.0%} of the time", "90 %")
    turns = len([1 for before, after in zip(steps(real), steps(real)[1:]) if before != after])
    say("yes" if turns <= 1 else "no", "changes of direction", turns, "1: up, then down")


def course(curve):
    """A curve without the points that change nothing."""
    kept = []
    for at, pods in curve:
        if not kept or kept[-1][1] != pods:
            kept.append((at, pods))
    return kept


def steps(curve):
    return [after > before for (_, before), (_, after) in zip(curve, curve[1:])]


def together(real, foreseen, begin, end, minute=60):
    """The share of the seconds at which the foreseen curve, somewhere within a minute, comes within one worker of the real one."""
    def at(curve, when):
        value = curve[0][1]
        for time_of, pods in curve:
            if time_of > when:
                break
            value = pods
        return value

    seconds = range(int(begin), int(end) + 1)
    there = {second: at(foreseen, second) for second in seconds}
    near = sum(1 for second in seconds
               if any(abs(at(real, second) - there[other]) <= 1 for other in range(second - minute, second + minute + 1, 5) if other in there))
    return near / len(seconds)


MARKS = {"yes": "held", "no": "**did not hold**", "-": ""}


def write(out, overlay, every_step):
    steps_run = latest(lines(f"{out}/steps.ndjson"), lambda line: line["step"])
    steps_run = {name: steps_run[name] for name in every_step.split() if name in steps_run}
    missing = [name for name in every_step.split() if name not in steps_run]
    kept = {name: line["ended"] - line["seconds"] for name, line in steps_run.items()}
    # Of a step that was run twice the last run counts; one that was broken off has no end and counts as not run.
    checks = [line for line in lines(f"{out}/checks.ndjson") if line["step"] in kept and line["at"] >= kept[line["step"]] - 2]
    batches = [line for line in lines(f"{out}/batches.ndjson") if line["at"] >= kept.get(line["step"], 0) - 2]
    held = bool(steps_run) and all(line["held"] for line in steps_run.values()) and not any(line["verdict"] == "no" for line in checks)
    sums = {key: sum(line[key] for line in batches) for key in ("accepted", "records", "lost", "doubled")}
    tested = load(f"{out}/versions.json")
    pictures = draw(out, steps_run)
    with open(f"{out}/report.json", "w", encoding="utf-8") as file:
        json.dump({"overlay": overlay, "held": held, "not_run": missing, "jobs": sums, "versions": tested, "steps": list(steps_run.values()),
                   "checks": checks, "batches": batches, "scale": load(f"{out}/scale.json")}, file, indent=1)
    with open(f"{out}/report.md", "w", encoding="utf-8") as file:
        file.write(page(overlay, held, missing, sums, tested, steps_run, checks, batches, pictures))
    print(f"{overlay}: {'everything that was run held' if held else 'NOT everything held'}; {sums['accepted']} jobs accepted in {len(batches)} batches, "
          f"{sums['records']} records, lost {sums['lost']}, doubled {sums['doubled']}")


def latest(found, key):
    return {key(line): line for line in found}


def draw(out, steps_run):
    made, timeline = [], lines(f"{out}/timeline.ndjson")
    if len(timeline) > 1:
        spans = [(line["ended"] - line["seconds"], line["ended"], name) for name, line in steps_run.items()]
        picture.run(f"{out}/run.svg", timeline, spans)
        made.append(("run.svg", "Workers (wanted and ready) and messages in the queues over the whole run"))
    foreseen = load(f"{out}/scale.json")
    if foreseen:
        picture.scaling(f"{out}/scale.svg", timeline, foreseen)
        made.append(("scale.svg", "The step `scale`: workers as the autoscaler had them, and as its algorithm foresaw from what arrived"))
    return made


def page(overlay, held, missing, sums, tested, steps_run, checks, batches, pictures):
    text = [f"# The overlay `{overlay}` on a real cluster", "",
            f"**{('Everything held.' if not missing else 'Everything that was run held.') if held else 'Not everything held: see below.'}** {sums['accepted']} jobs were accepted in {len(batches)} "
            f"batches; {sums['records']} records were counted: lost {sums['lost']}, doubled {sums['doubled']}. "
            f"{'Steps that were not run: ' + ', '.join(missing) if missing else 'All steps were run'}. Made by `k8s/e2e.sh`.", ""]
    text += ["| what | version |", "|---|---|"]
    for name, value in tested.items():
        text.append(f"| {name} | {'<br>'.join(value) if isinstance(value, list) else value} |")
    text.append("")
    for name, words in pictures:
        text += [f"![{words}]({name})", "", f"*{words}.*", ""]
    for name, line in steps_run.items():
        text += [f"## {name}: {'held' if line['held'] else 'did not hold'}", "", f"{line['title']} ({line['seconds']:.0f} s)", ""]
        rows = [it for it in checks if it["step"] == name]
        if rows:
            text += ["| check | measured | required | |", "|---|---|---|---|"]
            text += ["| {what} | {measured} | {required} | {mark} |".format(mark=MARKS[it["verdict"]], **escaped(it)) for it in rows]
        of_step = [it for it in batches if it["step"] == name]
        if of_step:
            text += ["", "Batches: " + "; ".join(f"{it['accepted']} accepted, {it['records']} records ("
                     + ", ".join(f"{number} {outcome}" for outcome, number in sorted(it["outcomes"].items())) + ")" for it in of_step) + "."]
        text.append("")
    return "\n".join(text)


def escaped(line):
    return {key: str(line[key]).replace("|", "\\|").replace("\n", " ") for key in ("what", "measured", "required")}


if __name__ == "__main__":
    commands = {"check": check, "step": step, "outcomes": outcomes, "versions": versions, "scale": scale, "write": write}
    commands[sys.argv[1]](*sys.argv[2:])
