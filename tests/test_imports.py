"""Importing the package touches no file, no network and no environment."""

import subprocess
import sys

QUIET_IMPORT = """
import os, socket, sys
import duckdb, holidays, ibis, lightgbm, numba, pandas, plotly.graph_objects
import pyarrow, pydantic, rich, scipy.special, sklearn, typer, yaml
before = dict(os.environ)
def forbid(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo", "os.mkdir", "os.putenv"}:
        raise RuntimeError(f"{event} {arguments}")
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        raise RuntimeError(f"{event} {arguments}")
sys.dont_write_bytecode = True
sys.addaudithook(forbid)
import importlib, pkgutil, lighttouch
for layer in ("data", "features", "policy", "training", "serving"):
    package = importlib.import_module(f"lighttouch.{layer}")
    for module in pkgutil.walk_packages(package.__path__, f"lighttouch.{layer}."):
        if module.name != "lighttouch.training.registry.tracking":
            importlib.import_module(module.name)
if "mlflow" in sys.modules:
    raise RuntimeError("mlflow was imported outside lighttouch.training.registry.tracking")
if dict(os.environ) != before:
    raise RuntimeError("the environment was changed")
"""


def test_importing_every_module_writes_nothing_connects_nowhere_and_leaves_mlflow_alone():
    result = subprocess.run([sys.executable, "-c", QUIET_IMPORT], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
