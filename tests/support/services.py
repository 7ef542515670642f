"""Real services for tests: PostgreSQL in a folder of its own, MLflow over HTTP, a bad network."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.parse import quote
from urllib.request import urlopen

import pytest

PASSWORD: Final = "canary-Okonjo-7731"
"""Of every database here; it may stand in no message, file or log."""

_QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
_STARTING: Final = 90
"""Seconds within which a service must be up; MLflow imports much."""


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(up: Callable[[], bool], what: str, alive: Callable[[], bool]) -> None:
    """Until a service is up; the test fails when it ends before, or takes too long."""
    until = time.monotonic() + _STARTING
    while not up():
        if not alive() or time.monotonic() > until:
            pytest.fail(f"{what} did not start")
        time.sleep(0.1)


# PostgreSQL


def postgres_folder() -> Path | None:
    """Where PostgreSQL's programs lie: in the path, or where Debian puts them."""
    initdb = shutil.which("initdb")
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    return Path(initdb).resolve().parent if initdb else versions[-1].parent if versions else None


def _version(path: Path) -> int:
    return int(path.parts[-3]) if path.parts[-3].isdigit() else 0


def needs_postgres() -> Path:
    """The folder of its programs; without them the test is skipped, in CI it fails."""
    folder = postgres_folder()
    if folder is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no PostgreSQL on this machine: install postgresql")
        pytest.skip("no PostgreSQL on this machine")
    return folder


@dataclass(frozen=True)
class Postgres:
    """A running cluster; `staff` owns everything in it."""

    port: int

    def url(self, name: str, user: str = "staff", port: int | None = None) -> str:
        return f"postgresql://{user}:{PASSWORD}@127.0.0.1:{port or self.port}/{quote(name)}"

    def run(self, name: str, *statements: str) -> None:
        """Statements in a database of the cluster, each by itself."""
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload,unused-ignore]

    def create(self, name: str, *statements: str) -> str:
        """A new database; its URL."""
        self.run("postgres", f"create database \"{name}\" template template0 encoding 'UTF8'")
        self.run(name, *statements)
        return self.url(name)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A cluster of its own on a free port, with passwords; all of it gone when the block ends."""
    programs, user = needs_postgres(), _user()
    with TemporaryDirectory(prefix="postgres-") as folder:
        yield from _cluster(Path(folder), programs, user)


def _cluster(folder: Path, programs: Path, user: str | None) -> Iterator[Postgres]:
    data, port, secret = folder / "cluster", free_port(), folder / "password"
    secret.write_text(PASSWORD, encoding="ascii")
    if user:
        for path in (folder, secret):
            shutil.chown(path, user)
    initialise = [
        str(programs / "initdb"),
        "-D",
        str(data),
        "-U",
        "staff",
        "-A",
        "scram-sha-256",
        f"--pwfile={secret}",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    ]
    subprocess.run(initialise, user=user, check=True, capture_output=True, cwd=folder)
    options = ["-D", str(data), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1"]
    fast = ["-c", "fsync=off", "-c", "max_connections=50"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [str(programs / "postgres"), *options, *fast],
            user=user,
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        wait_for(lambda: _answers(port), "PostgreSQL", lambda: server.poll() is None)
        wait_for(lambda: _ready(programs, port), "PostgreSQL", lambda: server.poll() is None)
        yield Postgres(port)
    finally:
        server.send_signal(signal.SIGINT)  # without waiting for clients that are left
        server.wait(20)


def _user() -> str | None:
    """The user of the server: PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    pytest.fail("PostgreSQL needs a user that is not root")


def _answers(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _ready(programs: Path, port: int) -> bool:
    asked = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return subprocess.run(asked, check=False).returncode == 0


# MLflow


@dataclass(frozen=True)
class MlflowServer:
    """`mlflow server` at `uri`, with its artefacts below `artefacts`."""

    port: int
    artefacts: Path
    log: Path

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def mlflow_server(folder: Path, store: str) -> Iterator[MlflowServer]:
    """A server over HTTP that keeps runs in the database `store` and artefacts in the folder."""
    store = store.replace("postgresql:", "postgresql+psycopg:")
    folder.mkdir(parents=True, exist_ok=True)
    server = MlflowServer(free_port(), folder / "artefacts", folder / "server.log")
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--host",
        "127.0.0.1",
        "--port",
        str(server.port),
        "--workers",
        "1",
        "--backend-store-uri",
        store,
        "--artifacts-destination",
        str(server.artefacts),
        "--serve-artifacts",
    ]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("COV", "MLFLOW"))
    }
    with server.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
            env=environment | _QUIET,
        )
    try:
        wait_for(lambda: _healthy(server), "MLflow", lambda: process.poll() is None)
        yield server
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 15)  # its workers are processes of their own
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait(10)


def _healthy(server: MlflowServer) -> bool:
    with suppress(OSError), urlopen(f"{server.uri}/health", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


# A bad network


@dataclass(frozen=True)
class Line:
    """A port that leads to another one; once `dead` is set nothing passes, without any error."""

    port: int
    dead: threading.Event


@contextmanager
def line(port: int, delay: float = 0.0) -> Iterator[Line]:
    """A line to a port of this machine, on which every answer takes `delay` seconds longer."""
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        opened = Line(int(door.getsockname()[1]), threading.Event())
        ends: list[socket.socket] = []
        thread = threading.Thread(target=_open, args=(door, port, delay, opened.dead, ends))
        thread.start()
        try:
            yield opened
        finally:
            opened.dead.set()
            for connection in (door, *ends):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for connection in ends:
                connection.close()


def _open(
    door: socket.socket, port: int, delay: float, dead: threading.Event, ends: list[socket.socket]
) -> None:
    """Lead every guest to the port, until the door is shut."""
    with suppress(OSError):
        while True:
            guest, _ = door.accept()
            host = socket.create_connection(("127.0.0.1", port))
            ends += [guest, host]
            for here, there, late in ((guest, host, 0.0), (host, guest, delay)):
                route = (here, there, late, dead)
                threading.Thread(target=_pass_on, args=route, daemon=True).start()


def _pass_on(
    here: socket.socket, there: socket.socket, delay: float, dead: threading.Event
) -> None:
    with suppress(OSError):
        while content := here.recv(1 << 16):
            if delay:
                dead.wait(delay)
            if not dead.is_set():
                there.sendall(content)
        there.shutdown(socket.SHUT_WR)
