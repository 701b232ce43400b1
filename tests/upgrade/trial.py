"""The trial of tests/upgrade/run on one database."""

import csv
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

DATABASE, OLD, NEW, ACCOUNTS, FOLDER = *sys.argv[1:4], int(sys.argv[4]), Path(sys.argv[5])
ADMIN = os.environ["PORTCULLIS_TEST_POSTGRES"]
# The password "U*U*U", a published test vector of bcrypt.
PASSWORD, HASH = "U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"
JSON = {"content-type": "application/json"}


def psql(sql, url=ADMIN):
    command = ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", url, "-c", sql]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def url_of(name):
    return urlsplit(ADMIN)._replace(path=f"/{name}").geturl()


class Sqlite:
    """Databases in data directories; a copy is a copy of the directory."""

    def create(self, name):
        (FOLDER / name).mkdir(parents=True, mode=0o700)

    def copy(self, source, name):
        shutil.copytree(FOLDER / source, FOLDER / name)

    def environment(self, name):
        return {"PORTCULLIS__DATA_DIR": str(FOLDER / name)}

    def columns(self, name):
        with sqlite3.connect(FOLDER / name / "portcullis.db") as database:
            tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {
                table: [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
                for (table,) in tables
            }

    def digest(self, name, table, columns):
        digest = hashlib.sha256()
        with sqlite3.connect(FOLDER / name / "portcullis.db") as database:
            order = ", ".join(str(place + 1) for place in range(len(columns)))
            rows = database.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {order}")
            for row in rows:
                digest.update(repr(row).encode())
        return digest.hexdigest()


class Postgres:
    """Databases of one server; a copy is made by the server."""

    def create(self, name):
        psql(f"CREATE DATABASE {name}")
        (FOLDER / name).mkdir(parents=True, mode=0o700)

    def copy(self, source, name):
        psql(f"CREATE DATABASE {name} TEMPLATE {source}")
        shutil.copytree(FOLDER / source, FOLDER / name)

    def environment(self, name):
        return {"PORTCULLIS__DATA_DIR": str(FOLDER / name), "DATABASE_URL": url_of(name)}

    def columns(self, name):
        sql = """SELECT table_name, column_name FROM information_schema.columns
                 WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"""
        tables = {}
        for line in psql(sql, url_of(name)).splitlines():
            table, column = line.split("|")
            tables.setdefault(table, []).append(column)
        return tables

    def digest(self, name, table, columns):
        order = ", ".join(str(place + 1) for place in range(len(columns)))
        sql = f"COPY (SELECT {', '.join(columns)} FROM {table} ORDER BY {order}) TO STDOUT"
        return hashlib.sha256(psql(sql, url_of(name)).encode()).hexdigest()


class Node:
    """A server on a free port."""

    def __init__(self, program, environment):
        with socket.socket() as free, socket.socket() as other:
            free.bind(("127.0.0.1", 0))
            other.bind(("127.0.0.1", 0))
            self.address, operations = free.getsockname(), other.getsockname()
        variables = environment | {
            "PORTCULLIS__SERVER__ADDRESS": "%s:%d" % self.address,
            "PORTCULLIS__SERVER__OPERATIONS_ADDRESS": "%s:%d" % operations,
            "PORTCULLIS__SERVER__SHUTDOWN_DELAY_MS": "1000",
            # The issuer of tokens is that of every node.
            "PORTCULLIS__SERVER__BASE_URL": "http://127.0.0.1:8080",
            # All clients have one address.
            "RATE_LIMIT_LOGIN_ATTEMPTS": "1000",
            "PORTCULLIS__RATE_LIMIT__REQUESTS": "1000000",
        }
        with open(FOLDER / "log", "a") as log:
            self.process = subprocess.Popen([program, "serve"], env=variables, stdout=log, stderr=log)
        until = time.monotonic() + 600
        while True:
            try:
                if self.request("GET", "/health/ready")[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > until:
                sys.exit((FOLDER / "log").read_text()[-2000:])
            time.sleep(0.02)

    def request(self, method, path, body=None, headers=JSON):
        connection = http.client.HTTPConnection(*self.address, timeout=120)
        try:
            connection.request(method, path, body and json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def sign_in(self, name):
        body = {"username": name, "password": PASSWORD, "delivery": "body"}
        status, answer = self.request("POST", "/api/auth/login/json", body)
        if status != 200:
            raise OSError(f"sign-in: {status} {answer}")
        return json.loads(answer)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(60) != 0:
            sys.exit("a node did not stop cleanly")


class Load:
    """Clients that read the own account, refresh tokens and check permissions, through one node at a time."""

    def __init__(self, node):
        self.node, self.is_over, self.gate = node, False, threading.Event()
        self.gate.set()
        self.count, self.slowest, self.failures = 0, {"reads": 0.0, "writes": 0.0}, []
        self.clients = [threading.Thread(target=self.run, args=(f"user{it}",)) for it in range(4)]
        for client in self.clients:
            client.start()

    def run(self, name):
        tokens = self.timed("writes", lambda node: node.sign_in(name))
        while not self.is_over and tokens:
            bearer = JSON | {"authorization": f"Bearer {tokens['access_token']}"}
            self.timed("reads", lambda node: expect(node.request("GET", "/api/auth/me", None, bearer)))
            question = {"resource": "schedule", "action": "list"}
            path = "/api/authz/check"
            self.timed("writes", lambda node: expect(node.request("POST", path, question, bearer)))
            refresh = {"refresh_token": tokens["refresh_token"]}
            path = "/api/auth/refresh"
            tokens = self.timed("writes", lambda node: expect(node.request("POST", path, refresh)))
            time.sleep(0.05)

    def timed(self, kind, request):
        self.gate.wait()
        begin = time.monotonic()
        try:
            return request(self.node)
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(str(error))
            return None
        finally:
            self.count += 1
            self.slowest[kind] = max(self.slowest[kind], time.monotonic() - begin)

    def replace(self, program, environment):
        """Replaces the node. Its requests are answered; SQLite has one node, so the others wait for the next one."""
        before = self.node
        if DATABASE == "sqlite":
            self.gate.clear()
            before.stop()
            self.node = Node(program, environment)
            self.gate.set()
        else:
            self.node = Node(program, environment)
            before.stop()

    def report(self, what):
        slowest = ", ".join(f"slowest of {kind} {1000 * it:.0f} ms" for kind, it in self.slowest.items())
        print(f"{what}: {self.count} requests, {len(self.failures)} failed, {slowest}")
        self.count, self.slowest = 0, dict.fromkeys(self.slowest, 0.0)

    def end(self):
        self.is_over = True
        for client in self.clients:
            client.join()


def expect(answer):
    if answer[0] != 200:
        raise OSError(f"{answer[0]} {answer[1][:200]}")
    return json.loads(answer[1])


def run(program, environment, *arguments):
    begin = time.monotonic()
    done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - begin


def main():
    databases = Sqlite() if DATABASE == "sqlite" else Postgres()
    databases.create("first")
    environment = databases.environment("first")
    people = FOLDER / "people.csv"
    with open(people, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["username", "email", "role", "password_hash"])
        for number in range(ACCOUNTS):
            rows.writerow([f"user{number}", f"user{number}@example.org", "msa", HASH])
    print(f"{ACCOUNTS} accounts imported in {run(OLD, environment, 'user', 'import', people):.0f} s")
    node = Node(OLD, environment)
    for number in range(20):
        node.sign_in(f"user{number}")
    node.stop()

    databases.copy("first", "second")
    before = {it: names for it, names in databases.columns("second").items() if "schema_migrations" not in it}
    digests = {it: databases.digest("second", it, names) for it, names in before.items()}
    took = run(NEW, databases.environment("second"), "migrate")
    after = databases.columns("second")
    differing = [
        table
        for table, names in before.items()
        if not set(names) <= set(after.get(table, []))
        or databases.digest("second", table, names) != digests[table]
    ]
    print(f"migration of an idle copy: {took:.1f} s; {len(before)} tables, other data in: {differing or 'none'}")

    load = Load(Node(OLD, environment))
    time.sleep(5)
    load.report("older program alone")
    took = run(NEW, environment, "migrate")
    load.report(f"migration under load, {took:.1f} s")
    load.replace(NEW, environment)
    time.sleep(5)
    load.report("to the newer program")
    load.replace(OLD, environment)
    time.sleep(5)
    load.report("back to the older program")
    load.end()
    load.node.stop()
    run(NEW, environment, "audit", "verify")
    if load.failures or differing:
        log = (FOLDER / "log").read_text().splitlines()
        print(*[line for line in log if " WARN " in line or "ERROR" in line][-20:], sep="\n")
        sys.exit("\n".join(load.failures[:20] + differing))


FOLDER.mkdir(parents=True)
main()
