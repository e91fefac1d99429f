"""Fixtures of pytest: an emulator for the session, and a world for each test."""

from __future__ import annotations

import shlex
from typing import Iterator

import pytest

from ._emulator import Emulator, World


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("wfi_emulator_args", "Options of the emulator that tests share, for example --profile observed", default="")


@pytest.fixture(scope="session")
def wfi_emulator(pytestconfig: pytest.Config) -> Iterator[Emulator]:
    """The emulator of the session; each worker of xdist has its own."""
    with Emulator(*shlex.split(pytestconfig.getini("wfi_emulator_args"))) as emulator:
        yield emulator


@pytest.fixture
def wfi_world(wfi_emulator: Emulator, request: pytest.FixtureRequest) -> Iterator[World]:
    """A world for the test, in the initial state. A rerun of the test gets another one."""
    world = wfi_emulator.world(request.node.nodeid)
    yield world
    wfi_emulator.drop(world)
