"""The command doctor: it finds what is wrong, reports it in one line, and shows no secret."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from image_erase import doctor
from image_erase.access.shared_rates import RedisTimeouts
from image_erase.cli import main
from image_erase.doctor import Finding, Level
from image_erase.doctor.machine import MIB, available_memory
from image_erase.results.names import ResultName
from image_erase.results.room import Disk
from image_erase.settings import Settings, load_settings
from support.ports import free_port
from support.processes import workers_of
from support.redis import PASSWORD, RedisServer
from support.server import Server
from support.workers import WITHOUT_TURBOJPEG

GOOD_KEY = "5kq0cV7tZrJw2mB9"
Make = Callable[..., Settings]


@pytest.fixture
def settings(tmp_path: Path) -> Make:
    def make(**given: object) -> Settings:
        quickest = {"workers": 1, "engine": "opencv"}
        defaults = {"api_keys": (GOOD_KEY,), "storage_url": (tmp_path / "storage").as_uri(), "port": 0}
        return load_settings(**(quickest | defaults | given))

    return make


@pytest.fixture
def _not_root() -> None:
    if os.geteuid() == 0:
        pytest.skip("root may do everything")


def said(finding: Finding, level: Level, *words: str) -> None:
    assert finding.level is level, finding
    assert "\n" not in finding.line
    for word in words:
        assert word in finding.says


def test_all_is_well(settings: Make) -> None:
    found = list(doctor.examine(settings(engine="auto")))
    # A small machine may deserve a warning for its space and memory.
    assert {finding.level for finding in found if finding.subject not in ("space", "memory")} == {Level.OK}, found
    subjects = [finding.subject for finding in found]
    assert subjects == [
        "storage",
        "space",
        "keys",
        "signing keys",
        "port",
        "memory",
        "processors",
        "origins",
        "clock",
        "workers",
    ]
    assert not any(GOOD_KEY in finding.line for finding in found)


class TestStorage:
    def test_leaves_nothing_in_it(self, settings: Make, tmp_path: Path) -> None:
        said(doctor.storage(settings()), Level.OK, str(tmp_path))
        assert [path for path in (tmp_path / "storage").rglob("*") if path.is_file()] == []

    def test_that_is_a_file(self, settings: Make, tmp_path: Path) -> None:
        (tmp_path / "storage").write_bytes(b"")
        said(doctor.storage(settings()), Level.WRONG, "ERASE_STORAGE_URL", str(tmp_path))
        said(doctor.space(settings(storage_url="file:/no/such/folder")), Level.WRONG)

    @pytest.mark.usefixtures("_not_root")
    def test_that_is_another_users(self, settings: Make, tmp_path: Path) -> None:
        (tmp_path / "storage").mkdir(mode=0o500)
        said(doctor.storage(settings()), Level.WRONG)

    @pytest.mark.parametrize(("free", "level"), [(5, Level.WRONG), (900, Level.WARNING), (5000, Level.OK)])
    def test_space(self, settings: Make, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
        monkeypatch.setattr("image_erase.doctor.store.Disk.of", lambda _: Disk(free * MIB, 1000 * MIB))
        said(doctor.space(settings()), level, f"{free} MiB")

    @pytest.mark.parametrize(
        ("megabytes", "level"), [(79, Level.OK), (80, Level.WARNING), (99, Level.WARNING), (100, Level.WRONG)]
    )
    def test_space_within_a_limit(self, settings: Make, tmp_path: Path, megabytes: int, level: Level) -> None:
        own = settings(storage_bytes=100 * MIB)
        doctor.storage(own)
        path = tmp_path / "storage" / "results" / ResultName.new("png", 1795651200, 86400).key
        path.parent.mkdir()
        with path.open("wb") as file:
            file.truncate(megabytes * MIB)
        said(doctor.space(own), level, f"{megabytes} MiB of 100 MiB")


class TestKeys:
    @pytest.mark.parametrize("key", ["secret", "aaaaaaaaaaaaaaaaaaaa", "12121212121212"])
    def test_weak(self, settings: Make, key: str) -> None:
        finding = doctor.keys(settings(api_keys=(GOOD_KEY, key)))
        said(finding, Level.WARNING, "1 of 2")
        assert key not in finding.says

    def test_of_a_file(self, settings: Make, tmp_path: Path) -> None:
        file = tmp_path / "keys"
        file.write_text(f"# the shop's\n{GOOD_KEY}\nJw2mB9xXoa72 off\nshort off\n")
        file.chmod(0o600)
        said(doctor.keys(settings(api_keys=(), api_keys_file=file)), Level.OK, "1 active, 2 switched off")
        file.chmod(0o644)
        said(doctor.keys(settings(api_keys_file=file)), Level.WARNING, "chmod")

    @pytest.mark.parametrize("content", ["", "# none yet\n", f"{GOOD_KEY} off\n"])
    def test_nobody_may_call(self, settings: Make, tmp_path: Path, content: str) -> None:
        (tmp_path / "keys").write_text(content)
        said(doctor.keys(settings(api_keys=(), api_keys_file=tmp_path / "keys")), Level.WRONG, "no key is active")

    def test_file_is_missing(self, settings: Make, tmp_path: Path) -> None:
        said(doctor.keys(settings(api_keys_file=tmp_path / "keys")), Level.WRONG, "ERASE_API_KEYS_FILE")

    @pytest.mark.parametrize(("check", "file"), [(doctor.keys, "api-key"), (doctor.signing_keys, "signing-key")])
    def test_kept_in_the_storage(
        self, settings: Make, tmp_path: Path, check: Callable[[Settings], Finding], file: str
    ) -> None:
        own = settings(api_keys=())
        said(check(own), Level.OK, "first start")
        path = tmp_path / "storage" / file
        assert not path.exists()
        path.parent.mkdir()
        path.write_text("a-secret-that-was-made-by-the-tests\n")
        path.chmod(0o600)
        said(check(own), Level.OK, "is used")
        path.chmod(0o640)
        said(check(own), Level.WARNING, "chmod")

    @pytest.mark.parametrize("content", ["", " \n", "short", "two\nlines-of-a-secret-that-is-long-enough", "\x00" * 40])
    def test_kept_but_no_secret(self, settings: Make, tmp_path: Path, content: str) -> None:
        path = tmp_path / "storage" / "signing-key"
        path.parent.mkdir()
        path.write_text(content)
        said(doctor.signing_keys(settings()), Level.WRONG, "delete")

    def test_a_key_of_a_file_that_cannot_be_sent(self, settings: Make, tmp_path: Path) -> None:
        (tmp_path / "keys").write_text(f"{GOOD_KEY}\nschlüssel-mit-ü off\n", "utf-8")
        finding = doctor.keys(settings(api_keys_file=tmp_path / "keys"))
        said(finding, Level.WRONG, "lines 2 of")
        assert "schl" not in finding.line

    def test_signing(self, settings: Make) -> None:
        said(doctor.signing_keys(settings(signing_keys=("x" * 32, "y" * 32))), Level.OK, "2 set")


class TestPort:
    @pytest.fixture
    def taken(self) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(5)
            yield listener.getsockname()[1]

    def test_free(self, settings: Make) -> None:
        said(doctor.port(settings(port=free_port())), Level.OK, "free")

    def test_in_use_by_another(self, settings: Make, taken: int) -> None:
        said(doctor.port(settings(port=taken), 0.05), Level.WRONG, str(taken), "ERASE_PORT")

    def test_in_use_by_the_server_itself(self, settings: Make, server: Server) -> None:
        said(doctor.port(settings(port=server.client.address[1])), Level.OK, "already")

    def test_address_of_another_machine(self, settings: Make) -> None:
        said(doctor.port(settings(host="192.0.2.1")), Level.WRONG, "192.0.2.1")


@pytest.mark.parametrize(("usable", "level"), [(2.0, Level.OK), (1.0, Level.WARNING), (0.5, Level.WARNING)])
def test_processors(settings: Make, monkeypatch: pytest.MonkeyPatch, usable: float, level: Level) -> None:
    wanted = settings(workers=2)
    monkeypatch.setattr("image_erase.doctor.machine.available_processors", lambda: usable)
    said(doctor.processors(wanted), level, f"{usable:g} can be used, for 2 workers")


class TestMemory:
    def group(self, folder: Path, limit: str, used: int) -> int | None:
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text(str(used))
        (folder / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:    4000 kB\nBuffers: 1 kB\n")
        return available_memory(folder, folder / "meminfo")

    def test_of_the_machine(self, tmp_path: Path) -> None:
        assert self.group(tmp_path, "max\n", 1000) == 4_096_000

    def test_of_the_container(self, tmp_path: Path) -> None:
        assert self.group(tmp_path, "3000000\n", 1_000_000) == 2_000_000
        assert self.group(tmp_path, "1000000\n", 3_000_000) == 0

    def test_unknown(self, tmp_path: Path) -> None:
        assert available_memory(tmp_path, tmp_path / "meminfo") is None

    @pytest.mark.parametrize(
        ("available", "level", "says"),
        [
            (None, Level.WARNING, "cannot be determined"),
            (2048, Level.WARNING, "ERASE_WORKERS=2"),
            (4096, Level.OK, "4096"),
        ],
    )
    def test_for_the_workers(
        self, settings: Make, monkeypatch: pytest.MonkeyPatch, available: int | None, level: Level, says: str
    ) -> None:
        monkeypatch.setattr("image_erase.doctor.machine.available_memory", lambda: available and available * MIB)
        said(doctor.memory(settings(workers=4)), level, says)


class TestSurroundings:
    @pytest.mark.parametrize(
        "origin",
        ["https://a.example/", "https://a.example/shop", "a.example", "https://A.example", "https://a.example:443", ""],
    )
    def test_an_origin_that_never_matches(self, settings: Make, origin: str) -> None:
        wanted = settings(cors_origins=("https://good.example", origin))
        said(doctor.origins(wanted), Level.WARNING, repr(origin), "ERASE_CORS_ORIGINS")

    @pytest.mark.parametrize(
        "origins",
        [("*",), ("https://a.example", "http://localhost:8080", "http://[::1]:1", "capacitor://localhost"), ()],
    )
    def test_origins_that_do(self, settings: Make, origins: tuple[str, ...]) -> None:
        said(doctor.origins(settings(cors_origins=origins)), Level.OK, "may call the API")

    def test_a_clock_that_is_off(self, settings: Make) -> None:
        said(doctor.clock(settings(), now=86400.0), Level.WARNING, "1970-01-02T00:00:00Z", "before the installation")
        said(doctor.clock(settings()), Level.OK, "Z")

    @pytest.mark.parametrize("key", [f'"{GOOD_KEY}"', f"'{GOOD_KEY}'", f"{GOOD_KEY}'"])
    def test_a_key_in_quotes(self, settings: Make, key: str) -> None:
        finding = doctor.keys(settings(api_keys=(key,)))
        said(finding, Level.WARNING, "1 of 1 have quotes")
        assert GOOD_KEY not in finding.line


class TestWorkers:
    def test_each_erases_something(self, settings: Make) -> None:
        before = workers_of(os.getpid())
        said(doctor.workers(settings(workers=2)), Level.OK, "2 started")
        assert workers_of(os.getpid()) == before

    def test_that_do_not_start(self, settings: Make) -> None:
        said(doctor.workers(settings(), program=["/bin/false"]), Level.WRONG, "cannot be started")

    def test_that_find_no_library_for_jpegs(self, settings: Make) -> None:
        said(doctor.workers(settings(), WITHOUT_TURBOJPEG), Level.WARNING, "1 started", "re-encode", "no libturbojpeg")

    def test_that_refuse(self, settings: Make) -> None:
        said(doctor.workers(settings(max_side=8)), Level.WRONG, "side_too_long")


class TestRateLimit:
    # On a busy machine, a storage that answers may take long.
    patient = RedisTimeouts(call=5.0)

    @pytest.fixture
    def limited(self, settings: Make) -> Make:
        return lambda url: settings(rate_limit="60/minute", rate_limit_url=url)

    def test_that_is_shared(self, limited: Make, redis_server: RedisServer) -> None:
        said(doctor.rate_limit(limited(redis_server.url), self.patient), Level.OK, "can be written to")
        assert redis_server.lists() == []

    def test_that_cannot_be(self, limited: Make, redis_server: RedisServer) -> None:
        wrong = limited(redis_server.url.replace(PASSWORD, "another-password"))
        finding = doctor.rate_limit(wrong, self.patient)
        said(finding, Level.WARNING, "AuthenticationError", "counts separately", "ERASE_RATE_LIMIT_URL")
        assert "another-password" not in finding.line
        redis_server.client.config_set("min-replicas-to-write", 1)
        said(doctor.rate_limit(limited(redis_server.url), self.patient), Level.WARNING, "cannot be used")
        redis_server.client.config_set("min-replicas-to-write", 0)
        redis_server.kill()
        said(doctor.rate_limit(limited(redis_server.url), self.patient), Level.WARNING, "ConnectionError")

    def test_that_does_not_answer(self, limited: Make, redis_server: RedisServer) -> None:
        redis_server.stop()
        finding = doctor.rate_limit(limited(redis_server.url), RedisTimeouts(call=0.1))
        said(finding, Level.WARNING, "within 0.1 s")

    def test_with_an_option_that_nobody_knows(self, limited: Make) -> None:
        said(doctor.rate_limit(limited("redis://host?no_such=1")), Level.WRONG, "ERASE_RATE_LIMIT_URL")

    def test_is_looked_at_where_it_is_set(self, limited: Make) -> None:
        found = list(doctor.examine(limited("unix:///no/such/socket")))
        assert [finding.level for finding in found if finding.subject == "rate limit"] == [Level.WARNING]


class TestCommand:
    def run(self, tmp_path: Path, **environment: str) -> tuple[int, str]:
        quickest = {"WORKERS": "1", "ENGINE": "opencv"}
        given = {"PORT": "0", "STORAGE_URL": (tmp_path / "storage").as_uri(), "API_KEYS": GOOD_KEY}
        variables = {f"ERASE_{name}": value for name, value in (quickest | given | environment).items()}
        done = CliRunner().invoke(main, ["doctor"], env=variables)
        return done.exit_code, done.stdout

    @pytest.fixture(autouse=True)
    def _quiet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("image_erase.cli.configure_logging", lambda *_: None)

    def test_well(self, tmp_path: Path) -> None:
        code, output = self.run(tmp_path)
        assert code == 0
        assert len(output.splitlines()) == 11
        assert not any(line.startswith("wrong ") for line in output.splitlines())

    def test_a_warning_is_no_failure(self, tmp_path: Path) -> None:
        code, output = self.run(tmp_path, API_KEYS="short", PROT="8000")
        assert code == 0
        assert "warning  settings: ERASE_PROT is not a setting; did you mean ERASE_PORT?" in output
        assert "warning  keys: 1 of 1" in output
        assert "short," not in output

    def test_something_is_wrong(self, tmp_path: Path) -> None:
        (tmp_path / "storage").write_bytes(b"")
        code, output = self.run(tmp_path)
        assert code == 1
        assert "wrong    storage: " in output
        assert "ok       workers: " in output

    def test_settings_are_wrong(self, tmp_path: Path) -> None:
        code, output = self.run(tmp_path, WORKERS="none")
        assert code == 1
        assert output.startswith("wrong    settings: ERASE_WORKERS: ")
        assert len(output.splitlines()) == 1
