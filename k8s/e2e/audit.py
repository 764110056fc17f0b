#!/usr/bin/env python3
"""What became of batches, counted from the producer's own output; and Jobs made of the overlay's template. Used by e2e.sh."""

import csv
import json
import sys
import time
from collections import Counter


def job(namespace, image, *arguments):
    """A Job from standard input with these arguments, and another image where one is named."""
    made = json.load(sys.stdin)
    made["metadata"].setdefault("labels", {})["app.kubernetes.io/managed-by"] = namespace
    pod = made["spec"]["template"]["spec"]
    container = pod["containers"][0]
    container["args"] = list(arguments)
    if image:
        # The load tester keeps files of its own, and what it writes is read by people.
        container["image"] = image
        container["workingDir"] = "/tmp"
        container["resources"]["limits"] = {"cpu": "2", "memory": "768Mi", "ephemeral-storage": "1Gi"}
        container["volumeMounts"].append({"name": "tmp", "mountPath": "/tmp"})
        pod["volumes"].append({"name": "tmp", "emptyDir": {}})
    json.dump(made, sys.stdout)


def accepted(path):
    """BATCH:ACCEPTED from the summary that `enqueue --json` prints among its messages."""
    text = open(path, encoding="utf-8").read()
    decoder = json.JSONDecoder()
    for at, character in enumerate(text):
        if character != "{":
            continue
        try:
            found, _ = decoder.raw_decode(text, at)
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("batch_id") and "accepted" in found:
            print(f"{found['batch_id']}:{found['accepted']}")
            return 0
    return 1


def rows(path):
    """The records of a batch: messages of the producer may stand before and after them."""
    with open(path, encoding="utf-8", newline="") as file:
        reader, header = csv.reader(file), None
        for row in reader:
            if row[:2] == ["path", "outcome"]:
                header = row
            elif header and len(row) == len(header):
                yield dict(zip(header, row))


def count(out, overlay, step, batch, promised, path):
    """One JSON line about a batch. A path is one job, for nobody submits a path twice in a batch."""
    paths, outcomes, kinds = Counter(), Counter(), Counter()
    for row in rows(path):
        paths[row["path"]] += 1
        outcomes[row["outcome"]] += 1
        if row["kind"]:
            kinds[row["kind"]] += 1
    line = {
        "at": time.time(), "overlay": overlay, "step": step, "batch": batch, "accepted": int(promised), "records": sum(paths.values()),
        "lost": max(0, int(promised) - len(paths)), "doubled": sum(paths.values()) - len(paths),
        "outcomes": dict(outcomes), "kinds": dict(kinds),
    }
    print(json.dumps(line))
    with open(f"{out}/batches.ndjson", "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def counts(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def total(path):
    """The sum in words."""
    sums = Counter()
    for line in counts(path):
        sums.update({key: line[key] for key in ("accepted", "records", "lost", "doubled")})
    print(f"accepted {sums['accepted']}, records {sums['records']}, lost {sums['lost']}, doubled {sums['doubled']}")


def clean(path, batches):
    """Succeeds if so many batches were counted, something was accepted in each, and nothing is lost or doubled."""
    lines = counts(path)
    return 0 if lines and len(lines) == int(batches) and all(line["accepted"] > 0 and not line["lost"] and not line["doubled"] for line in lines) else 1


def outcomes(path):
    """OUTCOME=NUMBER of all batches, sorted."""
    sums = Counter()
    for line in counts(path):
        sums.update(line["outcomes"])
    print(" ".join(f"{outcome}={number}" for outcome, number in sorted(sums.items())))


if __name__ == "__main__":
    commands = {"job": job, "rows": lambda path: print(len(list(rows(path)))), "accepted": accepted, "count": count, "total": total, "clean": clean, "outcomes": outcomes}
    sys.exit(commands[sys.argv[1]](*sys.argv[2:]))
