"""How failures of a bucket are described in the log."""

import pytest
from obstore.exceptions import GenericError, PermissionDeniedError

from image_erase.results.location import open_store
from image_erase.results.reasons import call_reason, opening_reason
from image_erase.results.store import StoreError

SAS = "https://account.blob.core.windows.net/results/x?sv=2023&sig=c2VjcmV0&se=2026"
TOKEN = "https://sts.example.com/?Action=AssumeRoleWithWebIdentity&WebIdentityToken=secret"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            PermissionDeniedError(
                f"Error performing PUT {SAS} in 1ms - Server returned non-2xx status code: 403 Forbidden: "
                "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>secret</StringToSign></Error>"
            ),
            "PermissionDeniedError PUT account.blob.core.windows.net 403 SignatureDoesNotMatch",
        ),
        (
            GenericError(f"Error performing POST {TOKEN} in 1ms\n kind: Connect,"),
            "GenericError POST sts.example.com connect",
        ),
        (GenericError("Error performing GET http://me:secret@store:9000/b/k in 2s"), "GenericError GET store:9000"),
        (GenericError("secret"), "GenericError"),
        (TimeoutError(), "no answer in time"),
    ],
)
def test_holds_what_is_known_to_be_harmless(error: Exception, reason: str) -> None:
    assert call_reason(error) == reason


def test_an_environments_values_are_told_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
    assert opening_reason(ValueError("cannot use hush-hush here\nsecret")) == "cannot use AWS_SECRET_ACCESS_KEY here"


def test_google_credentials_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", '{"private_key": "hush-hush"')
    with pytest.raises(StoreError) as caught:
        open_store("gs://results/prefix")
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)
