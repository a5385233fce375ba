"""The documentation agrees with the code: settings, tables, commands and examples."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from packaging.requirements import Requirement
from PIL import Image
from pydantic.fields import FieldInfo

from image_erase.contract.endpoints import ENDPOINTS
from image_erase.contract.errors import Code
from image_erase.contract.parameters import Parameter
from image_erase.environment import SECRETS
from image_erase.plain.options import Options, SelectOptions
from image_erase.plain.problems import Kind
from image_erase.routes.images import StoredImage
from image_erase.settings import GROUPS, PREFIX, Settings
from support.documents import PAGES, ROOT, blocks, first_cells, page, rows, shell_commands

SERVE = (sys.executable, "-c", "from image_erase.cli import main; main()", "serve", "--port", "0")
# Statuses that HTTP asks for where the vendor's table has another for the code.
HTTP_STATUSES = {"408": "ERROR_PARAMETERS", "405": "ERROR_ILLEGAL_OPERATION", "416": "ERROR_INVALID_PARAMETER"}
QUICKEST = {"ERASE_ENGINE": "opencv", "ERASE_WORKERS": "1"}
#: Shell blocks with one of these change the machine, or are not commands.
NOT_RUN = re.compile(r"^(make|docker|ERASE_\w+=)", re.M)


def shown_default(field: FieldInfo) -> str:
    value = field.get_default()
    if field.default_factory or value is None or value == ():
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{','.join(map(str, value)) if isinstance(value, tuple) else value}`"


def settings_table() -> str:
    """The table of settings as the code has it."""
    lines = [
        f"| `{PREFIX}{name.upper()}` | {shown_default(field)} | {field.description} |"
        for group in GROUPS
        for name, field in group.model_fields.items()
    ]
    return "\n".join(("| Variable | Default | Meaning |", "|---|---|---|", *lines))


class Server(NamedTuple):
    """A server as `make serve` starts it, in a folder of its own that has the examples."""

    folder: Path
    curl_line: str
    key: str
    url: str

    @property
    def environment(self) -> dict[str, str]:
        """That of a reader's shell, for whom the quickest engine will do."""
        return os.environ | QUICKEST | {"BASE_URL": self.url}


def first_line(process: subprocess.Popen[str]) -> str:
    """What a server prints once it serves; empty where that takes a minute."""
    hung = threading.Timer(60, process.kill)
    hung.start()
    assert process.stdout
    line = process.stdout.readline().strip()
    hung.cancel()
    return line


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("clone")
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "storage").mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    settings = clean | QUICKEST | {"ERASE_METRICS": "true"}
    with subprocess.Popen(SERVE, cwd=folder, env=settings, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = first_line(process)
            words = shlex.split(line)
            key = words[words.index("-H") + 1].partition(": ")[2]
            yield Server(folder, line, key, words[-1].partition("/api/")[0])
        finally:
            process.terminate()
            assert process.wait(60) == 0


def assert_erased(result: bytes) -> None:
    with Image.open(io.BytesIO(result)) as erased, Image.open(ROOT / "examples/photo.jpg") as photo:
        assert (erased.format, erased.size) == ("JPEG", photo.size)
        assert erased.tobytes() != photo.tobytes()


def assert_answered(answer: str) -> None:
    shown = json.loads(answer)
    assert shown["error_code"] == 0
    assert_erased(httpx.get(shown["data"]["image_url"]).content)


def run(script: str, server: Server) -> str:
    """Run shell commands as a reader would who has the server's folder open, against the server of the test."""
    programs = {name: str(Path(sys.executable).with_name(name)) for name in ("python", "image-erase")}
    script = script.replace("http://127.0.0.1:8000", server.url)
    for name, program in programs.items():
        script = script.replace(f".venv/bin/{name} ", f"{shlex.quote(program)} ")
    command = ["bash", "-euc", script]
    done = subprocess.run(
        command, cwd=server.folder, env=server.environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def run_commands(name: str, server: Server) -> str:
    """Run the shell blocks of a page one after the other, in one shell in which nothing is set beforehand."""
    return run("\n".join(block for block in blocks(name, "sh") if not NOT_RUN.search(block)), server)


def test_the_front_page_is_short() -> None:
    assert len(page("README.md").encode()) < 8000


def test_every_page_is_linked_from_the_front_page() -> None:
    linked = set(re.findall(r"\]\(([^)#]+)", page("README.md")))
    assert set(PAGES) - {"README.md"} <= linked


def test_settings_table_is_that_of_the_code() -> None:
    assert settings_table() in page("docs/settings.md"), f"docs/settings.md should have\n\n{settings_table()}\n"


@pytest.mark.parametrize("file", [*PAGES, "Dockerfile"])
def test_variables_named_are_settings(file: str) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]", page(file)))
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields} | {f"{name}_FILE" for name in SECRETS}


def test_errors_are_those_of_the_code() -> None:
    shown = re.findall(r"^\| (\d{3}) \| ([A-Z_]+) \|", "\n".join(rows("docs/api.md", "Status")), re.M)
    assert {code for _, code in shown} == {code.name for code in Code}
    wrong = [row for row in shown if HTTP_STATUSES.get(row[0]) != row[1] and int(row[0]) != Code[row[1]].status]
    assert not wrong


def test_endpoints_are_those_of_the_code() -> None:
    folder = "/api/image/editing/"
    table = "\n".join(rows("docs/api.md", "Path, below `/api/image/editing/`"))
    shown = re.findall(r"^\| `([a-z-]+)` \| `([a-z_]+)` \| .* (\d) MiB .*`([a-z_0-9]+)`", table, re.M)
    data = {"link": "image_url", "base64": "binary_data_base64"}
    assert [(folder + path, mask, int(size) << 20, answer) for path, mask, size, answer in shown] == [
        (one.path, one.mask.name, one.max_file_bytes, data[one.answer]) for one in ENDPOINTS
    ]


def test_options_are_those_of_the_code() -> None:
    shown = {}
    for row in rows("docs/api.md", "Option"):
        name, values, default, _ = (cell.strip() for cell in row.strip("| ").split(" | "))
        shown[name.strip("`")] = (set(re.findall(r"[a-z]+|\d+", values)) - {"to"}, default)
    fields = Options.model_json_schema()["properties"]
    assert {name: values for name, (values, _) in shown.items()} == {
        name: values_of(schema) for name, schema in fields.items()
    }
    for name, (_, default) in shown.items():
        usual = fields[name].get("default")
        assert (
            default in ("unset", "`ERASE_METADATA`")
            if usual is None
            else default.strip("`") == json.dumps(usual).strip('"')
        )


def test_options_of_selecting_are_those_of_the_code() -> None:
    (row,) = rows("docs/api.md", "Field or parameter")
    name, values, default, _ = (cell.strip("` ") for cell in row.strip("| ").split(" | "))
    ((field, schema),) = SelectOptions.model_json_schema()["properties"].items()
    assert (name, set(values.split(" to ")), default) == (field, values_of(schema), str(schema["default"]))


def values_of(schema: dict[str, Any]) -> set[str]:
    """The choices or bounds in a JSON schema."""
    if schema.get("type") == "boolean":
        return {"true", "false"}
    one = schema["anyOf"][0] if "anyOf" in schema else schema
    return set(one.get("enum", ())) or {str(one["minimum"]), str(one["maximum"])}


def test_problems_are_those_of_the_code() -> None:
    shown: dict[str, Any] = {}
    for row in rows("docs/api.md", "End of `type`"):
        slugs, status, _ = row.strip("| ").split(" | ", 2)
        shown |= dict.fromkeys(re.findall(r"`([a-z-]+)`", slugs), int(status))
    assert shown == {kind.slug: kind.status for kind in Kind}
    assert json.loads(blocks("docs/api.md", "json")[-1])["type"] in {kind.uri for kind in Kind}


def test_answer_of_storing_is_that_of_the_code() -> None:
    assert list(json.loads(blocks("docs/api.md", "json")[1])) == list(StoredImage.model_fields)


def test_parameters_are_those_of_the_code() -> None:
    shown = {}
    for row in rows("docs/api.md", "Parameter"):
        name, values, default, effect = (cell.strip().strip("`") for cell in row.strip("| ").split(" | "))
        shown[name] = (default, effect != "no effect", set(re.findall(r"-?\d[\d.]*|\b[A-Z]\b", values)))
    parameters = [parameter for one in ENDPOINTS for parameter in one.parameters]
    assert shown == {one.name: (str(one.schema["default"]), one.sets is not None, bounds(one)) for one in parameters}


def bounds(parameter: Parameter) -> set[str]:
    """The bounds or choices that the OpenAPI document has for a parameter."""
    schema = parameter.schema
    numbers = {f"{schema[name]:g}" for name in ("minimum", "maximum") if name in schema}
    return numbers | set(schema.get("enum", ()))


def test_dependencies_are_those_of_the_project() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    development = project["optional-dependencies"].pop("dev")
    runtime = project["dependencies"] + [name for extra in project["optional-dependencies"].values() for name in extra]
    assert dependencies("To run") == names_of(runtime)
    assert dependencies("To develop") == names_of(development) | {"setuptools", "uv"}


def dependencies(column: str) -> set[str]:
    cells = [row.strip("| ").split(" | ")[0].partition(" (")[0] for row in rows("docs/architecture.md", column)]
    return {name for cell in cells for name in cell.split(", ")}


def names_of(requirements: list[str]) -> set[str]:
    return {Requirement(one).name for one in requirements}


@pytest.mark.parametrize("document", PAGES)
def test_links_lead_to_files_and_headings(document: str) -> None:
    missing = []
    for target, heading in re.findall(r"\]\((?![a-z]+:)([^)#]*)(?:#([^)]+))?\)", page(document)):
        path = ROOT.joinpath(document).parent.joinpath(target) if target else ROOT / document
        if not path.exists() or (heading and heading not in anchors(path)):
            missing.append(f"{target}#{heading}")
    assert not missing


def anchors(path: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_rooms_exist() -> None:
    paths = first_cells("docs/architecture.md", "Package")
    assert "app/image_erase/routes/" in paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_every_room_is_described() -> None:
    code = ROOT / "app/image_erase"
    rooms = {f"app/image_erase/{path.parent.name}/" for path in code.glob("*/__init__.py")}
    assert rooms <= first_cells("docs/architecture.md", "Package")


def test_example_files_exist() -> None:
    named = re.findall(r"^\| `([^`]+)`", page("examples/README.md"), re.M)
    present = {path.name for path in (ROOT / "examples").iterdir() if path.is_file()}
    assert {*named, "README.md"} == present


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", page("Makefile"), re.M))
    texts = "\n".join(map(page, PAGES))
    named = set(re.findall(r"\bmake ([a-z-]+)\b(?=[ `]|$)", "\n".join(re.findall(r"`([^`\n]+)`", texts))))
    named |= {command.split()[1] for command in shell_commands("README.md") if command.startswith("make ")}
    assert {"serve", "test"} <= named <= targets


def test_client_is_that_of_the_examples() -> None:
    assert page("examples/client.py") in blocks("README.md", "python")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_printed_line(server: Server) -> None:
    assert_answered(run(server.curl_line, server))


def test_printed_line_has_the_form_of_the_readme(server: Server) -> None:
    (shown,) = [command for command in shell_commands("README.md") if command.startswith("curl ")]
    printed = server.curl_line.replace(server.key, "$API_KEY").replace(server.url, "http://127.0.0.1:8000")
    assert shlex.split(printed) == shlex.split(shown)


def test_answer_has_the_keys_shown(server: Server) -> None:
    shown = (blocks(name, "json")[0] for name in ("README.md", "docs/api.md"))
    success, failure = map(json.loads, shown)
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


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_commands_of_the_front_page(server: Server) -> None:
    assert_answered(run_commands("README.md", server))
    assert_erased((server.folder / "erased.jpg").read_bytes())


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_commands_of_the_api_page(server: Server) -> None:
    assert_answered(run_commands("docs/api.md", server))
    selected = server.folder / "thing.png"
    assert Image.open(selected).getextrema() == (0, 255)
    selected.unlink()


def test_commands_of_the_command_line_page(server: Server) -> None:
    names = ["erased-there.jpg", "erased-too.jpg", "erased.jpg"]
    for name in names:
        (server.folder / name).unlink(missing_ok=True)
    run_commands("docs/command-line.md", server)
    assert sorted(path.name for path in server.folder.iterdir() if path.is_file()) == names
    for name in names:
        assert_erased((server.folder / name).read_bytes())


def test_examples_of_the_plain_api_are_those_of_the_page() -> None:
    for name, language in (("erase.sh", "shell"), ("erase.py", "python"), ("erase.mjs", "js")):
        assert page(f"examples/{name}") in blocks("docs/api.md", language)


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
def test_javascript_client(server: Server) -> None:
    (script,) = blocks("docs/api.md", "javascript")
    script += """
const { readFileSync } = require("fs");
const file = (name) => new Blob([readFileSync(`examples/${name}`)]);
erase(process.env.BASE_URL, process.env.API_KEY, file("photo.jpg"), file("mask.png")).then(console.log);
"""
    environment = server.environment | {"API_KEY": server.key}
    command = ["node", "-e", script]
    done = subprocess.run(
        command, cwd=server.folder, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert_erased(httpx.get(done.stdout.strip()).content)


def test_operators_paths_answer(server: Server) -> None:
    paths = first_cells("docs/operating.md", "Path")
    assert {"/healthz", "/readyz", "/openapi.json"} <= paths
    assert {path: httpx.get(server.url + path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_every_path_of_the_openapi_document_is_documented(server: Server) -> None:
    """The document is generated from the routes, so a path that is added is missed here."""
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    text = page("docs/api.md") + page("docs/operating.md")
    short = [path.removeprefix("/api/image/editing/") for path in paths]
    assert not [path for path in short if not re.search(rf"{re.escape(path)}[`?]", text)]


def test_result_shown_is_of_the_photograph_shown() -> None:
    assert_erased((ROOT / "examples/result.jpg").read_bytes())
