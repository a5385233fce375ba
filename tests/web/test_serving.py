"""Serving of the page's files, which comply with its Content-Security-Policy."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from image_erase.settings import load_settings
from image_erase.web.assets import TYPES, modules_from, read_assets, release_of
from image_erase.web.serving import DOCUMENT, FOLDER
from support.envelope import assert_failure
from support.raw import exchange, head_of
from support.server import Client, CommandServer, StartCommand, StartServer

FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file())
PARTS = [name for name in FILES if name != DOCUMENT]
TEXTS = [name for name in FILES if Path(name).suffix not in (".jpg", ".png")]
DOCUMENTS = [name for name in FILES if Path(name).suffix in (".html", ".svg")]
SCRIPTS = [name for name in FILES if name.endswith(".js")]
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
}
#: Names that look like addresses and are not asked for.
NAMESPACES = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
#: What a policy with trusted types refuses at run time.
REFUSED = r"\b(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function\(|setAttribute\(.(style|on)"


def address(name: str) -> str:
    """The path under which a file of the folder is served."""
    return "/" if name == DOCUMENT else f"/page/{name}"


def content(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")


def policy(answer: httpx.Response) -> set[str]:
    return set(answer.headers["content-security-policy"].split("; "))


class Links(HTMLParser):
    """The addresses that a document names, those of modules to preload apart."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.files: list[str] = []
        self.preloaded: list[str] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        target = named.get("src") or (named.get("href") if tag == "link" else None)
        if target:
            (self.preloaded if named.get("rel") == "modulepreload" else self.files).append(target)


class TestRelease:
    """The document names files under addresses where they never change."""

    @pytest.fixture
    def links(self, client: Client) -> Links:
        return Links(client.get("/").text)

    def test_the_document_is_the_file_but_for_these(self, client: Client) -> None:
        shown = re.sub(r'"page/[0-9a-f]{16}/', '"page/', client.get("/").text)
        assert re.sub(r' *<link rel="modulepreload"[^>]*>\n', "", shown) == content(DOCUMENT)

    def test_browsers_keep_what_it_names(self, client: Client, links: Links) -> None:
        assert len({urlsplit(target).path.split("/")[1] for target in links.files + links.preloaded}) == 1
        for target in {*links.files, *links.preloaded}:
            answer = client.get(f"/{target}")
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable", target
            assert answer.content == (FOLDER / target.split("/", 2)[2]).read_bytes()
            assert policy(answer) == POLICY

    def test_another_release_gets_what_there_is_and_asks_again(self, client: Client) -> None:
        answer = client.get("/page/0123456789abcdef/main.js")
        assert answer.content == (FOLDER / "main.js").read_bytes()
        assert answer.headers["cache-control"] == "no-cache"
        assert client.get("/page/0123456789abcdef/index.html").status_code == 404
        assert client.get("/page/0123456789abcdef/0123456789abcdef/main.js").status_code == 404

    def test_the_release_is_that_of_the_content(self, tmp_path: Path) -> None:
        for name in ("a.js", "b.css"):
            (tmp_path / name).write_text("x")
        first = release_of(read_assets(tmp_path))
        assert re.fullmatch("[0-9a-f]{16}", first)
        (tmp_path / "b.css").rename(tmp_path / "c.css")
        second = release_of(read_assets(tmp_path))
        (tmp_path / "c.css").write_text("y")
        assert len({first, second, release_of(read_assets(tmp_path))}) == 3

    def test_all_modules_that_are_needed_at_once_are_preloaded(self, links: Links) -> None:
        preloaded = [target.split("/", 2)[2] for target in links.preloaded]
        assert len(preloaded) == len(set(preloaded))
        assert preloaded[0] == "main.js"
        for name in preloaded:
            static = re.findall(r"^(?:import|export) [^;]*?\"(\.[\w./]+)\";", content(name), re.M)
            assert {urljoin(f"/{name}", target)[1:] for target in static} <= set(preloaded), name
        assert len(preloaded) > 15

    def test_of_the_languages_only_english_is_preloaded(self, links: Links) -> None:
        assert [target.split("/", 2)[2] for target in links.preloaded if "/texts/" in target] == ["texts/en.js"]

    def test_modules_are_found_in_folders_relative_to_who_needs_them(self, tmp_path: Path) -> None:
        modules = {
            "main.js": 'import { a } from "./a/one.js";\nimport "./two.js";\nconst later = import("./late.js");\n',
            "a/one.js": 'import {\n  b,\n} from "../two.js";\nexport { c } from "./b/three.js";\n',
            "a/b/three.js": 'import "../../main.js";\nimport "./../four.js";\n',
            "a/four.js": "",
            "two.js": "",
            "late.js": "",
        }
        for name, text in modules.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        found = list(modules_from(read_assets(tmp_path), "main.js"))
        assert found == ["main.js", "a/one.js", "two.js", "a/b/three.js", "a/four.js"]

    def test_the_first_paint_is_light(self, client: Client, links: Links) -> None:
        targets = {"/", *(f"/{target}" for target in links.files + links.preloaded)}
        assert sum(int(client.get(target).headers["content-length"]) for target in targets) < 60_000


class TestAnswers:
    def test_every_file_as_it_is(self, client: Client) -> None:
        for name in FILES:
            answer = client.get(address(name))
            assert answer.status_code == 200, name
            if name != DOCUMENT:
                assert answer.content == (FOLDER / name).read_bytes(), name
            assert answer.headers["content-type"] == TYPES[Path(name).suffix], name
            assert HEADERS.items() <= dict(answer.headers).items(), name
            assert policy(answer) == POLICY, name

    def test_the_worker_may_answer_for_the_document(self, client: Client) -> None:
        for name in SCRIPTS:
            allowed = client.get(address(name)).headers.get("service-worker-allowed")
            assert allowed == ("../../" if name == "worker.js" else None), name

    @pytest.mark.parametrize("name", [DOCUMENT, "main.js"])
    def test_head_is_get_without_the_file(self, client: Client, name: str) -> None:
        got, head = client.get(address(name)), client.request("HEAD", address(name), key=None)
        for answer in (got, head):
            del answer.headers["date"], answer.headers["x-request-id"]
        assert (head.status_code, head.headers, head.content) == (200, got.headers, b"")

    @pytest.mark.parametrize("name", [DOCUMENT, "main.js"])
    def test_a_browser_that_has_it_gets_304(self, client: Client, name: str) -> None:
        etag = client.get(address(name)).headers["etag"]
        answer = client.get(address(name), headers={"If-None-Match": etag})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        # The browser goes on with these.
        assert policy(answer) == POLICY
        assert client.get(address(name), headers={"If-None-Match": '"other"'}).status_code == 200

    def test_text_is_compressed(self, client: Client) -> None:
        for name in FILES:
            zipped, plain = (
                client.get(address(name), headers={"Accept-Encoding": coding}) for coding in ("br, gzip", "identity")
            )
            assert zipped.content == plain.content, name
            assert "content-encoding" not in plain.headers, name
            assert int(plain.headers["content-length"]) == len(plain.content), name
            if name not in TEXTS:
                assert (zipped.headers["etag"], zipped.headers.get("vary")) == (plain.headers["etag"], None)
                continue
            assert (zipped.headers["content-encoding"], zipped.headers["vary"]) == ("gzip", "Accept-Encoding"), name
            assert plain.headers["vary"] == "Accept-Encoding", name
            assert int(zipped.headers["content-length"]) < len(plain.content), name
            assert zipped.headers["etag"] != plain.headers["etag"], name

    def test_all_text_together_takes_less_than_half(self, client: Client) -> None:
        sizes = [(int(client.get(address(name)).headers["content-length"]), len(content(name))) for name in TEXTS]
        assert sum(sent for sent, _ in sizes) < sum(size for _, size in sizes) / 2

    def test_a_tag_holds_for_one_form_only(self, client: Client) -> None:
        zipped, plain = (
            client.get("/page/main.js", headers={"Accept-Encoding": coding}).headers["etag"]
            for coding in ("gzip", "identity")
        )
        for tag, coding, status in ((zipped, "gzip", 304), (zipped, "identity", 200), (plain, "gzip", 200)):
            answer = client.get("/page/main.js", headers={"Accept-Encoding": coding, "If-None-Match": tag})
            assert (answer.status_code, answer.headers["vary"]) == (status, "Accept-Encoding")

    def test_the_tag_says_what_is_in_the_file_and_not_when_it_was_installed(
        self, client: Client, tmp_path: Path
    ) -> None:
        copy = tmp_path / "main.js"
        copy.write_bytes((FOLDER / "main.js").read_bytes())
        etag = client.get("/page/main.js", headers={"Accept-Encoding": "identity"}).headers["etag"]
        assert read_assets(tmp_path)["main.js"].plain.etag == etag
        copy.write_bytes(b"changed")
        assert read_assets(tmp_path)["main.js"].plain.etag != etag

    def test_varies_by_origin_too_where_not_all_may_read(self, start_server: StartServer) -> None:
        own = start_server(cors_origins=("https://shop.example.com",))
        vary = own.client.get("/page/main.js").headers["vary"]
        assert {name.strip() for name in vary.split(",")} == {"Accept-Encoding", "Origin"}

    @pytest.mark.parametrize("asked", ["bytes=0-3", "bytes=9999999-", "nonsense", "bytes=a-b"])
    def test_ranges_are_not_for_the_page(self, client: Client, asked: str) -> None:
        answer = client.get("/page/main.js", headers={"Range": asked})
        assert (answer.status_code, answer.content) == (200, (FOLDER / "main.js").read_bytes())

    @pytest.mark.parametrize("path", ["/", "/page/main.js"])
    def test_other_methods(self, client: Client, path: str) -> None:
        answer = client.request("POST", path)
        assert_failure(answer, "ERROR_ILLEGAL_OPERATION", status=405)
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}

    def test_is_counted_under_two_names(self, start_server: StartServer) -> None:
        own = start_server(metrics=True)
        for name in FILES:
            own.client.get(address(name))
        own.client.get("/page/none.js")
        counted = set(re.findall(r'requests_total\{[^}]*endpoint="([^"]*)"', own.client.get("/metrics").text))
        assert counted == {"/", "/page"}

    def test_needs_no_description(self, client: Client) -> None:
        assert not {"/", "/page"} & set(client.get("/openapi.json").json()["paths"])


class TestNothing:
    @pytest.mark.parametrize(
        "target",
        [
            "/page",
            "/page/",
            "/page/index.html",
            "/page/none.js",
            "/page/../settings.py",
            "/page/../page/../serving.py",
            "/page/..%2fserving.py",
            "/page/%2e%2e/serving.py",
            "/page/%2e%2e%2f%2e%2e%2fsettings.py",
            "/page/..%5cserving.py",
            "/page/....//serving.py",
            f"/page//{FOLDER}/main.js",
            f"/page/%2f{FOLDER}/main.js",
            "/page//etc/passwd",
            "/page/%2fetc%2fpasswd",
            "/page/main.js%00",
            "/page/main.js/x",
            "/page/%ff",
            "/page/" + "a" * 5000,
            "/main.js",
        ],
    )
    def test_is_there(self, client: Client, target: str) -> None:
        answer = exchange(client.address, head_of(target, {"Host": "x"}, "GET"), "GET")
        assert_failure(answer, "ERROR_AI_NOT_EXISTS")

    def test_of_a_file_that_no_page_has(
        self, start_server: StartServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        folder = tmp_path / "page"
        folder.mkdir()
        (tmp_path / "secret.js").write_text("secret")
        (folder / "link.js").symlink_to(tmp_path / "secret.js")
        strange = (".main.js.swp", "main.js~", "notes.txt", ".DS_Store", "noname")
        for left in (*strange, "good.js"):
            (folder / left).write_text("left over")
        monkeypatch.setattr("image_erase.web.serving.FOLDER", folder)
        own = start_server()
        assert own.client.get("/page/good.js").status_code == 200
        for name in (*strange, "link.js"):
            assert_failure(own.client.get(f"/page/{name}"), "ERROR_AI_NOT_EXISTS")


class TestSettings:
    def test_limits_are_data(self, start_server: StartServer) -> None:
        own = start_server(large_file_bytes=60_000, large_pixels=300_000, metadata="all", page_sessions=False)
        answer = own.client.get("/page/limits.json")
        said = answer.json()
        assert {"jpeg", "png", "bmp", "webp", "tiff", "gif", "avif"} - set(said.pop("formats")) == set()
        assert said == {
            "maxFileBytes": 60_000,
            "maxPixels": 300_000,
            "maxSide": 32767,
            "metadata": "all",
            "keepSessions": False,
        }
        assert answer.headers["cache-control"] == "no-cache"

    def test_off(self, start_server: StartServer) -> None:
        own = start_server(page=False)
        for name in (DOCUMENT, "main.js"):
            assert_failure(own.client.get(address(name)), "ERROR_AI_NOT_EXISTS")
        assert own.client.erase().status_code == 200

    def test_off_by_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert load_settings().page
        monkeypatch.setenv("ERASE_PAGE", "false")
        assert not load_settings().page

    @pytest.mark.parametrize("page", ["true", "false"])
    def test_the_command_says_where_it_is(self, start_command: StartCommand, page: str) -> None:
        own: CommandServer = start_command(PAGE=page)
        first, *others = own.log.with_suffix(".out").read_text().splitlines()
        assert "curl -sS " in first
        assert others == ([f"or open {own.base}/ in a browser"] if page == "true" else [])


class References(HTMLParser):
    """What a document loads, and what in it no strict policy lets work."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.inline: list[str] = []
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        for name, value in attrs:
            if name in ("href", "src", "xlink:href") and value and not value.startswith("#"):
                self.found.append(value)
            if name == "style" or name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.inline.append(f"<{tag} {name}={value}>")
        if tag == "style":
            self.inline.append("<style>")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script" and data.strip():
            self.inline.append(data)


def references(name: str) -> set[str]:
    """What a file loads, as written in it: links of documents and styles, imports of modules, icons of manifests."""
    text, suffix = content(name), Path(name).suffix
    if suffix in (".html", ".svg"):
        return set(References(text).found)
    if suffix == ".js":
        # The programs that it shows stand in templates.
        text = re.sub(r"`(?:[^`\\]|\\.)*`", "``", text, flags=re.DOTALL)
        imported = re.findall(r"(?<![\w-])(?:from|import)\s*\(?\s*[\"']([^\"']+)[\"']", text)
        return {*imported, *re.findall(r"new URL\(\s*[\"']([^\"']+)[\"'],\s*import\.meta\.url", text)}
    if suffix == ".css":
        return set(re.findall(r"url\(\s*[\"']?([^\"')]+)", text)) | set(re.findall(r"@import\s+[\"']([^\"']+)", text))
    return set(re.findall(r"\"src\":\s*\"([^\"]+)", text))


LINKS = [(name, link) for name in TEXTS for link in sorted(references(name))]


class TestFiles:
    def test_the_document_loads_something(self) -> None:
        assert {"page/main.js", "page/style.css"} <= references(DOCUMENT)

    @pytest.mark.parametrize("prefix", ["", "/behind/a/prefix"])
    def test_what_they_load_is_there(self, client: Client, prefix: str) -> None:
        """Behind a proxy that serves the page under a prefix, too: relative links stay below it."""
        targets = set()
        for name, link in LINKS:
            assert not link.startswith(("/", "data:")), name
            target = urlsplit(urljoin(f"http://x{prefix}{address(name)}", link)).path
            assert target.startswith(f"{prefix}/"), name
            targets.add(target.removeprefix(prefix))
        assert {target for target in targets if client.get(target).status_code != 200} == set()

    @pytest.mark.parametrize("name", SCRIPTS)
    def test_modules_name_what_they_import_in_full(self, name: str) -> None:
        assert all(re.match(r"\.\.?/.*\.js$", link) for link in references(name) if link.endswith(".js"))
        assert all(link.startswith((".", "page/")) for link in references(name))

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_nothing_is_inline(self, name: str) -> None:
        assert References(content(name)).inline == []

    @pytest.mark.parametrize("name", SCRIPTS)
    def test_scripts_write_no_markup_and_make_no_code(self, name: str) -> None:
        assert not re.search(REFUSED, content(name))

    @pytest.mark.parametrize("name", TEXTS)
    def test_none_names_another_host(self, name: str) -> None:
        named = re.findall(r"(?:https?|wss?)://[^\s\"'<>()`]+", content(name))
        assert set(named) <= NAMESPACES
        assert not re.search(r"[\"'(]//\w", content(name))


@pytest.mark.parametrize(
    "bad",
    ['<p style="x">', "<p onclick=x>", "<script>x</script>", "<style>", "<a href='javascript:x'>", "<svg onload=x />"],
)
def test_what_is_inline_is_seen(bad: str) -> None:
    assert References(bad).inline
