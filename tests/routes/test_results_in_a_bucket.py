"""The suite of result links once more, with the results in a bucket."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from routes import test_results
from routes.test_results import url, whole
from support.buckets import Place
from support.server import Client, Server

__all__ = ["url", "whole"]


@pytest.fixture(scope="module", params=["s3", "azure"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    found = request.getfixturevalue({"s3": "seaweed", "azure": "azurite"}[request.param]).place("links")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in found.environment.items():
            patch.setenv(name, value)
        yield found


@pytest.fixture(scope="module")
def server(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("unused"), **place.settings) as running:
        yield running
        assert not os.listdir(running.storage), "something was written to disk"


@pytest.fixture
def client(server: Server) -> Client:
    return server.client


@pytest.fixture
def start_server(server: Server, place: Place, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    own = Place(f"{place.url}/{tmp_path.name}", place.environment)
    with ExitStack() as stack:

        def start(**settings: Any) -> Server:
            return stack.enter_context(Server(tmp_path, **own.settings | settings))

        yield start


class TestFetched(test_results.TestFetched):
    test_uploads_are_not_stored = None  # type: ignore[assignment] # looks at files


class TestConditional(test_results.TestConditional):
    pass


class TestRange(test_results.TestRange):
    pass


class TestRefused(test_results.TestRefused):
    test_no_way_to_the_signing_key_or_a_listing = None  # type: ignore[assignment] # there is no such file
    test_signing_key_is_for_its_owner_only = None  # type: ignore[assignment]


class TestTime(test_results.TestTime):
    test_ttl_of_the_operator_holds_for_links_made_under_it = None  # type: ignore[assignment] # starts servers on disk


class TestDownloadInProgress(test_results.TestDownloadInProgress):
    pass
