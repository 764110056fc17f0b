"""Builds every way to deploy the fleet, holds it to the schemas, and writes it as JSON for worker/tests/manifests.

Knows no rule of ours: only what Kubernetes, the operators and compose would refuse.
"""

import itertools
import json
import pathlib
import subprocess
import sys

import jsonschema
import kubernetes_validate
import yaml

import rules

# The oldest and the newest that the manifests are meant for.
VERSIONS = ("1.30", "1.37")

# Components that are alternatives of each other.
EITHER_OR = ({"keda", "hpa-cpu"}, {"media-nfs", "media-local"}, {"rabbitmq", "rabbitmq-cluster"})

# Components that others change, and which are therefore listed first.
BRINGS_PODS = ("pool-high", "nightly", "producer", "keda")

faults = []


def fault(where, what):
    faults.append(f"{where}: {what}")


def components(root):
    found = sorted(path.parent for path in (root / "k8s/components").glob("*/kustomization.yaml"))
    found += [root / "k8s/jobs/nightly", root / "k8s/jobs/producer"]
    # What brings pods and their scaler comes before what patches them.
    return sorted(found, key=lambda path: (path.name not in BRINGS_PODS, path.name))


def combinations(root, out):
    """A kustomization for base with each component and each pair, where they may go together."""
    several = [(one,) for one in components(root)] + list(itertools.combinations(components(root), 2))
    for chosen in several:
        names = {path.name for path in chosen}
        if any(len(names & group) > 1 for group in EITHER_OR):
            continue
        folder = out / "combinations" / "+".join(path.name for path in chosen)
        folder.mkdir(parents=True, exist_ok=True)
        up = pathlib.Path("../" * len(folder.resolve().parts[1:]))
        entry = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": "combination",
            "resources": [str(up / str(root / "k8s/base").lstrip("/"))],
            "components": [str(up / str(path).lstrip("/")) for path in chosen],
            "images": [
                {"name": f"analysis-{name}", "newName": f"registry.example/analysis-{name}", "newTag": "0.0.0"}
                for name in ("worker", "producer")
            ],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(entry))
        yield f"base+{folder.name}", folder


def build(kubectl, name, folder):
    made = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if made.returncode:
        fault(name, made.stderr.strip())
        return []
    # kustomize warns of what is deprecated, and goes on.
    for line in made.stderr.splitlines():
        fault(name, line)
    return [document for document in yaml.safe_load_all(made.stdout) if document]


def custom_schemas():
    files = pathlib.Path(__file__).parent.joinpath("crds").glob("*.json")
    return {file.stem: jsonschema.Draft202012Validator(json.loads(file.read_text())) for file in files}


def validate(where, document, custom, seen):
    kind, version = document.get("kind"), document.get("apiVersion", "")
    where = f"{where}: {kind} {document['metadata'].get('name')}"
    # The same in many combinations: once is enough.
    text = json.dumps(document, sort_keys=True)
    if text in seen:
        return
    seen.add(text)
    if "." in version.split("/")[0] and not version.split("/")[0].endswith(".k8s.io"):
        if kind not in custom:
            fault(where, f"no schema for it in deploy/manifests/crds/{kind}.json")
            return
        for error in custom[kind].iter_errors(document):
            fault(where, f"{error.json_path}: {error.message}")
        return
    for wanted in VERSIONS:
        try:
            kubernetes_validate.validate(document, wanted, strict=True)
        except Exception as error:  # noqa: BLE001 - its errors share no class; each of them is a fault
            fault(where, f"Kubernetes {wanted}: {type(error).__name__} {error}".strip())


def compose(root, out):
    # Found beside another package: importing its own would want what is not installed.
    packages = pathlib.Path(jsonschema.__file__).parent.parent
    schema = packages / "check_jsonschema/builtin_schemas/vendor/compose-spec.json"
    rules_of_compose = json.loads(schema.read_text())
    document = yaml.safe_load((root / "deploy/compose.yaml").read_text())
    # By the draft that it names: an older one passes over keywords that it does not know.
    checker = jsonschema.validators.validator_for(rules_of_compose)
    for error in checker(rules_of_compose).iter_errors(document):
        fault("deploy/compose.yaml", f"{error.json_path}: {error.message}")
    (out / "compose.json").write_text(json.dumps(document))


def main(root, out, kubectl):
    root, out = pathlib.Path(root).resolve(), pathlib.Path(out).resolve()
    for old in out.glob("*.json"):
        old.unlink()
    targets = [(path.name, path) for path in sorted((root / "k8s/overlays").iterdir())]
    targets += [(f"job-{name}", root / "k8s/jobs" / name) for name in ("loadtest", "loadtest-tls")]
    targets += combinations(root, out)
    custom, seen = custom_schemas(), set()
    for name, folder in targets:
        documents = build(kubectl, name, folder)
        for document in documents:
            validate(name, document, custom, seen)
        (out / f"{name}.json").write_text(json.dumps(documents))
    compose(root, out)
    (out / "rules.json").write_text(json.dumps(rules.files(root)))
    for line in faults:
        print(line, file=sys.stderr)
    print(f"{len(targets)} ways to deploy built, {len(seen)} different objects validated, {len(faults)} faults")
    sys.exit(bool(faults))


main(*sys.argv[1:])
