"""Settings: from the environment, checked, and refused in one line that names the variable."""

import pytest

from image_erase.settings import SettingsError, load_settings, unknown_variables


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ERASE_PORT", raising=False)
    settings = load_settings()
    assert (settings.host, settings.port, settings.max_file_bytes) == ("127.0.0.1", 8000, None)
    assert settings.workers >= 1


def test_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERASE_API_KEYS", " one, two ,,")
    monkeypatch.setenv("ERASE_CORS_ORIGINS", "https://a.example,https://b.example")
    monkeypatch.setenv("ERASE_PUBLIC_URL", "https://erase.example.com/base/")
    settings = load_settings(port=81)
    assert [key.get_secret_value() for key in settings.api_keys] == ["one", "two"]
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.public_url == "https://erase.example.com/base"
    assert settings.port == 81


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("WORKERS", "0"),
        ("WORKERS", "5000"),
        ("QUEUE", "-1"),
        ("DEADLINE_SECONDS", "0"),
        ("ENGINE", "magic"),
        ("JPEG_QUALITY", "101"),
        ("LOG_FORMAT", "xml"),
        ("METRICS", "perhaps"),
        ("RATE_LIMIT", "60"),
        ("RATE_LIMIT", "0/minute"),
        ("RATE_LIMIT", "60/fortnight"),
        ("RATE_LIMIT", "60/minute;"),
        ("RATE_LIMIT_URL", "redis://localhost"),
        ("PUBLIC_URL", "erase.example.com"),
        ("STORAGE_URL", "s4://bucket"),
        ("STORAGE_URL", "s3://key:secret@bucket"),
        ("RESULT_LINKS", "presigned"),  # of a folder
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("SIGNING_KEYS", "short"),
        ("SIGNING_KEYS", "x" * 31),
        ("SIGNING_KEYS", f"{'x' * 32},short"),
        ("SIGNING_KEYS", " "),
        ("SIGNING_KEYS", ",,"),
        ("API_KEYS", "key-with-ü"),
        ("API_KEYS", "two words"),
        ("RESULT_TTL_SECONDS", "0"),
        ("MAX_SIDE", "100000"),
        ("CREDITS", "-1"),
        ("CREDITS", "inf"),
        ("CREDITS", "nan"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ERASE_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = str(caught.value)
    assert message.startswith(f"ERASE_{name}: ")
    assert "\n" not in message


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERASE_API_KEYS", "topsecret")
    assert "topsecret" not in repr(load_settings())


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://:topsecret@localhost:6379/0",
        "rediss://user:topsecret@[::1]/3?ssl_ca_certs=/ca.pem",
        "valkey://host",
        "valkeys://host",
        "unix:///run/redis.sock?db=1",
        "unix://:topsecret@/run/redis.sock",
    ],
)
def test_a_shared_rate_limit(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ERASE_RATE_LIMIT", "60/minute")
    monkeypatch.setenv("ERASE_RATE_LIMIT_URL", url)
    settings = load_settings()
    assert settings.rate_limit_url
    assert settings.rate_limit_url.get_secret_value() == url
    assert "topsecret" not in repr(settings)


@pytest.mark.parametrize(
    "url",
    [
        "memcached://topsecret",
        "topsecret:6379",
        "redis://",
        "redis://topsecret:port",
        "redis://topsecret/name",
        "redis://:top#secret@localhost",
        "redis://topsecret localhost",
        "unix://topsecret",
    ],
)
def test_a_wrong_place_for_rate_limits_is_not_told(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ERASE_RATE_LIMIT", "60/minute")
    monkeypatch.setenv("ERASE_RATE_LIMIT_URL", url)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith("ERASE_RATE_LIMIT_URL: must be a URL such as redis://")
    assert "secret" not in str(caught.value)


def test_a_place_for_rate_limits_without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERASE_RATE_LIMIT_URL", "redis://localhost")
    with pytest.raises(SettingsError, match="ERASE_RATE_LIMIT_URL: needs ERASE_RATE_LIMIT"):
        load_settings()
    monkeypatch.setenv("ERASE_RATE_LIMIT_URL", "")
    assert load_settings().rate_limit_url is None


def test_a_misspelt_variable_is_noticed() -> None:
    assert unknown_variables({"ERASE_API_KEY": "x", "PATH": "y", "ERASE_PORT": "1"}) == [
        "ERASE_API_KEY is not a setting; did you mean ERASE_API_KEYS?"
    ]


def test_presigned_links_hold_for_a_week_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERASE_RESULT_LINKS", "presigned")
    monkeypatch.setenv("ERASE_STORAGE_URL", "s3://bucket")
    assert load_settings(result_ttl_seconds=7 * 86400).result_links == "presigned"
    with pytest.raises(SettingsError, match=r"^ERASE_RESULT_TTL_SECONDS: "):
        load_settings(result_ttl_seconds=7 * 86400 + 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ONNX_USE": "fill"}, "ERASE_ONNX_USE: fill needs ERASE_ENGINE=onnx"),
        ({"ONNX_MODEL": __file__, "LAYOUT": "off"}, "ERASE_LAYOUT: must be auto when"),
        ({"ONNX_MODEL": __file__, "LAYOUT": __file__}, "ERASE_LAYOUT: must be auto when"),
        ({"LAYOUT": "/no/such/file"}, "ERASE_LAYOUT: "),
        ({"LAYOUT": ""}, "ERASE_LAYOUT: "),
    ],
)
def test_networks_that_contradict_each_other(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], message: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"ERASE_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("layout", ["auto", "off", __file__])
def test_a_layout_is_a_word_or_a_file(monkeypatch: pytest.MonkeyPatch, layout: str) -> None:
    monkeypatch.setenv("ERASE_LAYOUT", layout)
    assert str(load_settings().layout) == layout
