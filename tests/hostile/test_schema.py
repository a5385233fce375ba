"""The API tested against its OpenAPI document by schemathesis."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.envelope import assert_success
from support.server import KEY, Server

# Without a key there is less to find.
EXAMPLES = {KEY: 20, "unknown": 5}
# What must hold for every request that it thinks of, right or wrong.
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("key", [KEY, "unknown"])
def test_answers_are_as_described(server: Server, tmp_path: Path, key: str) -> None:
    done = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{server.base}/openapi.json", "--header", f"ailabapi-api-key: {key}", "--no-color"),
            *("--checks", CHECKS, "--max-examples", str(EXAMPLES[key]), "--generation-deterministic"),
            *("--phases", "examples,coverage,fuzzing"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert server.client.waiting() == 0
    assert_success(server.client.erase(), server.base)
