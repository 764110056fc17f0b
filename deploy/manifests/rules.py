"""Writes the PrometheusRules of k8s/components/monitoring from the files that a plain Prometheus reads, an object a file."""

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


def files(root):
    """The groups of each file, by its name: names of groups are unique within a file alone, and so within an object."""
    found = sorted(pathlib.Path(root, "deploy/prometheus/rules").glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text())["groups"] for file in found}


def rule(name, groups):
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": f"analysis-{name}"},
        "spec": {"groups": groups},
    }


def main(root):
    objects = [rule(name, groups) for name, groups in files(root).items()]
    target = pathlib.Path(root, "k8s/components/monitoring/rules.yaml")
    options = {"Dumper": Dumper, "sort_keys": False, "width": 120, "allow_unicode": True}
    target.write_text(HEAD + yaml.dump_all(objects, **options))


if __name__ == "__main__":
    main(*sys.argv[1:])
