"""The README says what is so: its settings, its commands, its examples."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from PIL import Image
from pydantic.fields import FieldInfo

from image_erase.contract.endpoints import ENDPOINTS
from image_erase.contract.errors import Code
from image_erase.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = ("README.md", "CHANGELOG.md", "SECURITY.md", "deploy/README.md", "examples/README.md")
SERVE = (sys.executable, "-c", "from image_erase.cli import main; main()", "serve", "--port", "0")
# Statuses that HTTP asks for where the vendor's table has another for the code.
HTTP_STATUSES = {"408": "ERROR_PARAMETERS", "405": "ERROR_ILLEGAL_OPERATION", "416": "ERROR_INVALID_PARAMETER"}


def blocks(language: str) -> list[str]:
    """The README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def shell_commands() -> list[str]:
    """The README's shell commands, one a string."""
    lines = "".join(blocks("sh")).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip()]


def shown_default(field: FieldInfo) -> str:
    value = field.get_default()
    if field.default_factory or value is None or value == ():
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(map(str, value)) if isinstance(value, tuple) else value}`"


def settings_table() -> str:
    """The table of settings as the code has it."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {shown_default(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(("| Variable | Default | Meaning |", "|---|---|---|", *rows))


class Server(NamedTuple):
    """A server as `make serve` starts it."""

    curl_line: str
    key: str
    url: str

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"API_KEY": self.key, "BASE_URL": self.url}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    settings = clean | {"ERASE_STORAGE_URL": f"file://{tmp_path_factory.mktemp('storage')}", "ERASE_WORKERS": "1"}
    settings["ERASE_METRICS"] = "true"
    with subprocess.Popen(SERVE, cwd=ROOT, env=settings, stdout=subprocess.PIPE, text=True) as process:
        hung = threading.Timer(60, process.kill)
        hung.start()
        try:
            line = process.stdout.readline().strip()
            words = shlex.split(line)
            key = words[words.index("-H") + 1].partition(": ")[2]
            yield Server(line, key, words[-1].partition("/api/")[0])
        finally:
            process.terminate()
            assert process.wait(30) == 0
            hung.cancel()


def assert_erased(result: bytes) -> None:
    with Image.open(io.BytesIO(result)) as erased, Image.open(ROOT / "examples/photo.jpg") as photo:
        assert (erased.format, erased.size) == ("JPEG", photo.size)
        assert erased.tobytes() != photo.tobytes()


def run(command: str, server: Server, folder: Path = ROOT) -> str:
    """Run a shell command as a reader would, against the server of the test."""
    command = command.replace("http://127.0.0.1:8000", server.url).replace(".venv/bin/python", sys.executable)
    done = subprocess.run(
        command, shell=True, cwd=folder, env=server.environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_settings_table_is_that_of_the_code() -> None:
    assert settings_table() in README, f"the README's table of settings should be\n\n{settings_table()}\n"


@pytest.mark.parametrize("file", ["README.md", "CHANGELOG.md", "SECURITY.md", "Dockerfile"])
def test_variables_named_are_settings(file: str) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]", (ROOT / file).read_text("utf-8")))
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}


def test_errors_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| (\d{3}) \| ([A-Z_]+) \|", README, re.M)
    assert {code for _, code in rows} == {code.name for code in Code}
    wrong = [row for row in rows if HTTP_STATUSES.get(row[0]) != row[1] and int(row[0]) != Code[row[1]].status]
    assert not wrong


def test_endpoints_are_those_of_the_code() -> None:
    folder = "/api/image/editing/"
    rows = re.findall(r"^\| `([a-z-]+)` \| `([a-z_]+)` \| .* (\d) MiB .*`([a-z_0-9]+)`", README, re.M)
    data = {"link": "image_url", "base64": "binary_data_base64"}
    assert [(folder + path, mask, int(size) << 20, answer) for path, mask, size, answer in rows] == [
        (one.path, one.mask.name, one.max_file_bytes, data[one.answer]) for one in ENDPOINTS
    ]


def test_parameters_are_those_of_the_code() -> None:
    rows = README.partition("| Parameter |")[2].partition("\n\n")[0].splitlines()[2:]
    shown = {}
    for row in rows:
        name, _, default, effect = (cell.strip().strip("`") for cell in row.strip("| ").split(" | "))
        shown[name] = (default, effect != "no effect")
    parameters = [parameter for one in ENDPOINTS for parameter in one.parameters]
    assert shown == {one.name: (str(one.schema["default"]), one.sets is not None) for one in parameters}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files(document: str) -> None:
    targets = re.findall(r"\]\(([^)#]+)", (ROOT / document).read_text("utf-8"))
    local = [target for target in targets if not re.match(r"[a-z]+:", target)]
    missing = [target for target in local if not (ROOT / document).parent.joinpath(target).exists()]
    assert not missing


def test_rooms_exist() -> None:
    rooms = re.findall(r"^\| (`.*?) \| ", README.partition("| Room |")[2].partition("\n\n")[0], re.M)
    paths = [path for room in rooms for path in re.findall(r"`([^`]+)`", room)]
    assert "app/image_erase/routes/" in paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_example_files_exist() -> None:
    named = re.findall(r"^\| `([^`]+)`", (ROOT / "examples/README.md").read_text("utf-8"), re.M)
    present = {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    assert {*named, "README.md"} == present


def test_make_targets_exist() -> None:
    named = set(re.findall(r"\bmake ([a-z]+)\b(?=[ `]|$)", "\n".join(re.findall(r"`([^`\n]+)`", README))))
    named |= {command.split()[1] for command in shell_commands() if command.startswith("make ")}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert {"install", "serve"} <= named <= targets


def test_client_is_that_of_the_examples() -> None:
    assert (ROOT / "examples/client.py").read_text("utf-8") in blocks("python")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_curl_line(server: Server) -> None:
    lines = [command for command in shell_commands() if command.startswith("curl ")]
    assert len(lines) == 1
    for line in (server.curl_line, lines[0]):
        answer = json.loads(run(line, server))
        assert answer["error_code"] == 0
        assert_erased(httpx.get(answer["data"]["image_url"]).content)


def test_printed_line_has_the_form_of_the_readme(server: Server) -> None:
    (shown,) = [command for command in shell_commands() if command.startswith("curl ")]
    printed = server.curl_line.replace(server.key, "$API_KEY").replace(server.url, "http://127.0.0.1:8000")
    assert shlex.split(printed) == shlex.split(shown)


def test_answer_has_the_keys_shown(server: Server) -> None:
    success, failure = (block for block in map(json.loads, blocks("json")) if "error_code" in block)
    files = {
        "image": (ROOT / "examples/photo.jpg").read_bytes(),
        "user_mask": (ROOT / "examples/mask.png").read_bytes(),
    }
    url, headers = f"{server.url}/api/image/editing/image-erase", {"ailabapi-api-key": server.key}
    answer = httpx.post(url, headers=headers, files=files).json()
    assert list(answer) == list(success)
    assert answer["error_detail"] == success["error_detail"]
    refusal = httpx.post(url, headers=headers, files={"user_mask": files["user_mask"]}).json()
    ids = {name: refusal[name] for name in ("request_id", "log_id")}
    assert refusal == failure | ids


def test_python_client(server: Server, tmp_path: Path) -> None:
    (command,) = [command for command in shell_commands() if "examples/client.py" in command]
    run(command.replace("erased.jpg", shlex.quote(str(tmp_path / "erased.jpg"))), server)
    assert_erased((tmp_path / "erased.jpg").read_bytes())


def test_erase_commands(server: Server, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    commands = [command for command in shell_commands() if "image-erase erase " in command]
    assert len(commands) == 4
    for command in commands:
        ours = command.replace(".venv/bin/image-erase", str(Path(sys.executable).with_name("image-erase")))
        run(ours, server, tmp_path)
    results = [path.name for path in tmp_path.iterdir() if path.is_file()]
    assert sorted(results) == ["erased-there.jpg", "erased-too.jpg", "erased.jpg"]
    for name in results:
        assert_erased((tmp_path / name).read_bytes())


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
def test_javascript_client(server: Server) -> None:
    (script,) = blocks("javascript")
    script += """
const { readFileSync } = require("fs");
const file = (name) => new Blob([readFileSync(`examples/${name}`)]);
erase(process.env.BASE_URL, process.env.API_KEY, file("photo.jpg"), file("mask.png")).then(console.log);
"""
    done = subprocess.run(
        ["node", "-e", script], cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert_erased(httpx.get(done.stdout.strip()).content)


def test_operators_paths_answer(server: Server) -> None:
    paths = re.findall(r"^\| `(/[a-z.]+)` \|", README, re.M)
    assert {"/healthz", "/readyz", "/openapi.json"} <= set(paths)
    assert {path: httpx.get(server.url + path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_result_shown_is_of_the_photograph_shown() -> None:
    assert_erased((ROOT / "examples/result.jpg").read_bytes())
