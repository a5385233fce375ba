"""Settings: from the environment, checked, and refused in one line that names the variable."""

import pytest

from app.settings import SettingsError, load_settings, unknown_variables


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ERASE_PORT", raising=False)
    settings = load_settings()
    assert (settings.host, settings.port, settings.max_file_bytes) == ("127.0.0.1", 8000, 3145728)
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
        ("PUBLIC_URL", "erase.example.com"),
        ("STORAGE_URL", "s4://bucket"),
        ("STORAGE_URL", "s3://key:secret@bucket"),
        ("RESULT_LINKS", "presigned"),  # of a folder
        ("TRUSTED_PROXIES", "10.0.0.0/99"),
        ("SIGNING_KEYS", "short"),
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
