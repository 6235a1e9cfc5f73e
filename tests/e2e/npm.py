"""The clients of package.json, installed once by npm, from whatever registry npm is set to: into the cache, by the lock's hash. Node
itself comes from there too where the system's is too old."""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile

from support import HERE, Once, Skip

NODE_MIN = 20
INSTALL_S = 180
FILES = ("package.json", "package-lock.json")


def system_node():
    """A node of the system that is new enough, or None."""
    node = shutil.which("node")
    if node is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    return node if version.lstrip("v").partition(".")[0].isdigit() and int(version.lstrip("v").partition(".")[0]) >= NODE_MIN else None


def cache_path(with_node):
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    digest = hashlib.sha256()
    for name in FILES:
        with open(os.path.join(HERE, name), "rb") as f:
            digest.update(f.read())
    return os.path.join(home, "avouch", f"node-{digest.hexdigest()[:16]}{'-with-node' if with_node else ''}")


def install(path, with_node):
    npm = shutil.which("npm")
    if npm is None:
        raise Skip("npm is needed once, to install the clients of tests/e2e/package.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    building = tempfile.mkdtemp(prefix="node-", dir=os.path.dirname(path))
    try:
        for name in FILES:
            shutil.copy(os.path.join(HERE, name), building)
        done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *([] if with_node else ["--omit=optional"])],
                              cwd=building, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode != 0:
            raise Skip("npm cannot install the clients: " + " ".join(done.stderr.split())[-300:])
        os.rename(building, path)
    except OSError:
        if not os.path.isdir(path):  # else another run was first
            raise
    finally:
        shutil.rmtree(building, ignore_errors=True)


def prepare():
    """node and the directory of modules."""
    node = system_node()
    path = cache_path(node is None)
    if not os.path.isdir(path):
        install(path, node is None)
    modules = os.path.join(path, "node_modules")
    if node is None:
        machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        node = os.path.join(modules, f"node-linux-{machine}", "bin", "node")
    if not os.access(node, os.X_OK):
        raise Skip(f"there is no node {NODE_MIN} or later for this machine")
    return node, modules


prepared = Once(prepare)
