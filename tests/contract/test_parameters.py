"""The values of text fields, and their effects."""

import pytest

from image_erase.contract.endpoints import REMOVE_OBJECTS_ADVANCED
from image_erase.contract.errors import ApiError
from image_erase.contract.parameters import job_fields
from image_erase.http.multipart import MAX_TEXT_BYTES

PARAMETERS = {parameter.name: parameter for parameter in REMOVE_OBJECTS_ADVANCED.parameters}

GOOD: dict[str, dict[str, object]] = {
    "steps": {"1": 1, "30": 30, " 30 ": 30, "+7": 7, "30.0": 30, "30.": 30, "007": 7, "": 30, "9" * 60: int("9" * 60)},
    "strength": {"0.1": 0.1, ".5": 0.5, "1": 1.0, "1.": 1.0, "1e-1": 0.1, "": 0.8, "\t0.3\r\n": 0.3},
    "scale": {"1": 1.0, "7.0": 7.0, "20": 20.0, "2E1": 20.0, "": 7.0},
    "seed": {"0": 0, "42": 42, "-0": 0, "": 0, "4294967296": 4294967296},
    "dilate_size": {"1": 1, "15": 15, "": 15, "100000": 100000},
    "quality": {"H": "best", "M": "normal", "L": "fast", "": "normal", " H": "best"},
}
WRONG = ["abc", "0x10", "1_0", "\uff11", "nan", "inf", "-inf", "1e999", "true", "[1]", "1,5", "--1", "\x00", "1" * 65]
BAD = {
    "steps": [*WRONG, "0", "-1", "1.5", "1e1", "0.0"],
    "strength": [*WRONG, "0", "0.09", "1.01", "-0.5", "2"],
    "scale": [*WRONG, "0.99", "20.01", "0", "-7"],
    "seed": [*WRONG, "-2", "-1.5", "0.5"],
    "dilate_size": [*WRONG, "0", "-15", "14.9"],
    "quality": [*WRONG, "h", "HM", "X", "high"],
}
RANGES = {
    "steps": "a whole number, 1 or more",
    "strength": "a number from 0.1 to 1",
    "scale": "a number from 1 to 20",
    "seed": "a whole number, -1 or more",
    "dilate_size": "a whole number, 1 or more",
    "quality": "one of H, M, L",
}


@pytest.mark.parametrize(
    ("name", "text", "value"), [(name, text, value) for name, all in GOOD.items() for text, value in all.items()]
)
def test_good(name: str, text: str, value: object) -> None:
    checked = PARAMETERS[name].checked(text.encode())
    assert checked == value
    assert type(checked) is type(value)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, all in BAD.items() for text in all])
def test_bad(name: str, text: str) -> None:
    with pytest.raises(ApiError) as raised:
        PARAMETERS[name].checked(text.encode())
    assert raised.value.code.name == "UNSUPPORTED_PARAMETER_VALUES"
    assert raised.value.message == f"Invalid parameter values. - {name}: Must be {RANGES[name]}."


def test_bytes_that_are_no_text() -> None:
    for parameter in PARAMETERS.values():
        with pytest.raises(ApiError):
            parameter.checked(b"\xff\xfe")


def test_too_long_is_wrong_even_where_only_space_makes_it_so() -> None:
    parameter = PARAMETERS["steps"]
    assert parameter.checked(b"1".ljust(MAX_TEXT_BYTES)) == 1
    with pytest.raises(ApiError):
        parameter.checked(b"1".ljust(MAX_TEXT_BYTES + 1))


def test_minus_one_draws_a_seed() -> None:
    drawn = {PARAMETERS["seed"].checked(b"-1") for _ in range(8)}
    assert len(drawn) > 1
    assert all(0 <= seed < 2**31 for seed in drawn)


def test_what_the_job_hears_of() -> None:
    parameters = REMOVE_OBJECTS_ADVANCED.parameters
    assert job_fields(parameters, {}) == {"seed": 0, "dilate": 15, "effort": "normal"}
    texts = {"seed": b"3", "dilate_size": b"2", "quality": b"L", "steps": b"99", "unknown": b"x"}
    assert job_fields(parameters, texts) == {"seed": 3, "dilate": 2, "effort": "fast"}


@pytest.mark.parametrize("name", ["steps", "strength", "scale"])
def test_without_effect_but_checked_all_the_same(name: str) -> None:
    assert PARAMETERS[name].sets is None
    with pytest.raises(ApiError):
        job_fields(REMOVE_OBJECTS_ADVANCED.parameters, {name: b"0"})
