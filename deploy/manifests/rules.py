"""Writes the PrometheusRule of k8s/components/monitoring from the files that a plain Prometheus reads."""

import pathlib
import sys

import yaml

HEAD = "# Generated from deploy/prometheus/rules by `deploy/manifests.sh rules`: change them there.\n"


class Dumper(yaml.SafeDumper):
    """Expressions of several lines stay readable."""


def text(dumper, value):
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


Dumper.add_representer(str, text)


def groups(root):
    files = sorted(pathlib.Path(root, "deploy/prometheus/rules").glob("*.yaml"))
    return [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]


def main(root):
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "analysis"},
        "spec": {"groups": groups(root)},
    }
    target = pathlib.Path(root, "k8s/components/monitoring/rules.yaml")
    target.write_text(HEAD + yaml.dump(rule, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
