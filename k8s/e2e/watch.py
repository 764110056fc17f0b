#!/usr/bin/env python3
"""Looks at the installation every few seconds and writes a line each time: workers, what the autoscaler wants, queues. Used by e2e.sh."""

import base64
import json
import os
import subprocess
import sys
import time

EVERY = 4.0
# The broker's HTTP API by the shell of its own image, from within its pod, where no NetworkPolicy is in the way.
ASK = r"""exec 3<>/dev/tcp/127.0.0.1/15672
printf 'GET /api/queues/%%2F?%s HTTP/1.0\r\nHost: localhost\r\nAuthorization: Basic %s\r\n\r\n' "$0" "$1" >&3; cat <&3"""
COLUMNS = "columns=name,messages,message_stats.publish,message_stats.publish_details.rate"


class Cluster:
    """kubectl in the namespace of the installation."""

    def __init__(self, namespace, kubectl, context):
        self.login = None
        self.command = [kubectl] + ([f"--context={context}"] if context else []) + ["--namespace", namespace]

    def ask(self, *arguments):
        done = subprocess.run(self.command + list(arguments), capture_output=True, timeout=20, check=False)
        return done.stdout.decode() if done.returncode == 0 else None

    def objects(self):
        """Everything that a sample needs, by kind, in one question."""
        found = {"Deployment": [], "Pod": [], "HorizontalPodAutoscaler": []}
        text = self.ask("get", "deployments,pods,hpa", "-o", "json")
        for item in json.loads(text)["items"] if text else []:
            found[item["kind"]].append(item)
        return found

    def authorization(self):
        data = json.loads(self.ask("get", "secret", "analysis-servers", "-o", "json"))["data"]
        user, password = (base64.b64decode(data[key]) for key in ("username", "password"))
        return base64.b64encode(user + b":" + password).decode()

    def queues(self, pods):
        """Messages and arrivals of each queue; nothing where the broker does not answer, or not to this password."""
        brokers = [pod for pod in pods if name_of(pod) == "rabbitmq" and ready(pod)]
        for pod in brokers[:1]:
            self.login = self.login or self.authorization()
            answer = self.ask("exec", pod["metadata"]["name"], "-c", "rabbitmq", "--", "bash", "-c", ASK, COLUMNS, self.login)
            _, _, body = (answer or "").partition("\r\n\r\n")
            try:
                return {queue["name"]: queue for queue in json.loads(body)}
            except (ValueError, TypeError, KeyError):
                self.login = None
        return {}


def name_of(pod):
    return pod["metadata"].get("labels", {}).get("app.kubernetes.io/name")


def ready(pod):
    return any(it["type"] == "Ready" and it["status"] == "True" for it in pod["status"].get("conditions", []))


def figures(queue):
    """RabbitMQ writes an empty object as an empty list."""
    stats = queue.get("message_stats") or {}
    rate = (stats.get("publish_details") or {}).get("rate", 0.0)
    return {"messages": queue.get("messages", 0), "published": stats.get("publish", 0), "rate": rate}


def sample(cluster):
    began = time.time()
    found = cluster.objects()
    deployments = {it["metadata"]["name"]: it for it in found["Deployment"]}
    pods, autoscalers = found["Pod"], found["HorizontalPodAutoscaler"]
    workers = [pod for pod in pods if name_of(pod) == "worker"]
    queues = cluster.queues(pods)
    worker = deployments.get("worker", {})
    status = autoscalers[0].get("status", {}) if autoscalers else {}
    return {
        "at": round(began, 2),
        "replicas": worker.get("spec", {}).get("replicas"),
        "ready": worker.get("status", {}).get("readyReplicas", 0),
        "workers": len(workers),
        "restarts": sum(c.get("restartCount", 0) for pod in workers for c in pod["status"].get("containerStatuses", [])),
        "desired": status.get("desiredReplicas"),
        "metrics": status.get("currentMetrics"),
        "queues": {name: figures(queue) for name, queue in queues.items()},
    }


def run(out, namespace, overlay, kubectl, context, parent):
    """Until the script that started it is gone."""
    cluster = Cluster(namespace, kubectl, context)
    with open(f"{out}/timeline.ndjson", "a", encoding="utf-8") as file:
        while os.getppid() == int(parent):
            began = time.time()
            try:
                file.write(json.dumps({"overlay": overlay, **sample(cluster)}) + "\n")
                file.flush()
            except (subprocess.TimeoutExpired, LookupError, ValueError, TypeError, AttributeError) as error:
                # Not the error's own text: a command that timed out has the password in it.
                print(f"no sample: {type(error).__name__}", file=sys.stderr)
            time.sleep(max(0.5, EVERY - (time.time() - began)))


def last(out, what):
    """The backlog, or another figure, of the newest line."""
    with open(f"{out}/timeline.ndjson", encoding="utf-8") as file:
        line = json.loads(file.readlines()[-1])
    print(backlog(line) if what == "backlog" else line[what])


def backlog(line):
    """What waits or is held in the fleet's own queues: those of the levels, and those where a retry waits."""
    return sum(queue["messages"] for name, queue in line["queues"].items() if name.startswith("analysis."))


if __name__ == "__main__":
    {"run": run, "last": last}[sys.argv[1]](*sys.argv[2:])
