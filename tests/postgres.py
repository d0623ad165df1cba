"""A real PostgreSQL server for the tests: Debian's binaries, on loopback, stopped at the end."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


def find_binary(name):
    """Return a server binary from PATH or from where Debian keeps them, the newest version first."""
    if found := shutil.which(name):
        return found
    places = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[-3]), reverse=True)
    return str(places[0]) if places else None


def unprivileged():
    """Return how to start the server as somebody else than root, whom it refuses; nothing where we are nobody special."""
    if os.geteuid() != 0:
        return {}
    names = [entry.pw_name for entry in pwd.getpwall()]
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(folder, who):
    """Make a cluster and start its server; return the process and its address."""
    cluster, environment = folder / "cluster", {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    make = [find_binary("initdb"), "-D", cluster, "-A", "trust", "-U", "tester", "--no-sync", "-E", "UTF8", "--locale=C"]
    subprocess.run(make, check=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL, timeout=120, **who)
    port = free_port()
    options = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [find_binary("postgres"), "-D", cluster, "-p", str(port), *options],
            cwd=folder, env=environment, stdout=log, stderr=log, **who,
        )  # fmt: skip
    return process, f"postgresql://tester@127.0.0.1:{port}/postgres"


def wait_for(process, url, log):
    psycopg = pytest.importorskip("psycopg")
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"The PostgreSQL server did not start:\n{log.read_text()}")


def stop(process):
    """End the server by its own process id: first politely (fast shutdown), then not."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def postgres():
    """Lend the address of a running server, ``postgresql://...``, for the whole session."""
    if find_binary("initdb") is None or find_binary("postgres") is None:
        pytest.skip("no PostgreSQL server on this machine: initdb and postgres are neither in PATH nor in /usr/lib/postgresql")
    who = unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="lighttouch-test-postgres-"))
    try:
        if who:
            os.chown(folder, who["user"], who["group"])
        process, url = start(folder, who)
        try:
            wait_for(process, url, folder / "log")
            yield url
        finally:
            stop(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
