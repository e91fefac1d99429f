"""Shared code of the Python suites: a line per check, and the stored entities."""

import contextlib
import json
import os
import sys
import traceback
import urllib.request
import uuid

COLLECTION = "/v1.0/teamwork/workforceIntegrations"

#: An entity of the built-in fixtures.
CONTOSO = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d"

#: An entity whose first update gets 429, by faults.json.
BUSY = "0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c"

#: The names of the built-in users, in their order.
PEOPLE = ["Local User", "John Doe", "Nora Lindqvist", "Tomás Ribeiro", "Ife Adeyemi", "Kenji Okada"]

#: One of them.
NORA = "c5d0c76b-80c4-481c-be50-923cd8d680a1"

#: A built-in group, and its team.
BAKERY = "3d88b7a2-f988-4f4b-bb34-d66df66af126"


@contextlib.contextmanager
def check(name):
    """Prints the result of a check, and continues with the next one."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        print(f"not ok {name}: {error!r}", flush=True)
        check.failed = True
    else:
        print(f"ok {name}", flush=True)


check.failed = False


def arrived(method, path, status):
    """Declares a request that the emulator's log must contain; `*` matches any text."""
    print(f"arrived {method} {path} {status}", flush=True)


def own(token=None):
    """Returns the headers of a request of the suite itself: the findings of the report are to be those of the SDK."""
    headers = {"User-Agent": "wfi-emulator-suite", "client-request-id": str(uuid.uuid4())}
    return {**headers, "Authorization": f"Bearer {token}"} if token else headers


def stored(identifier):
    """Returns an integration as read over plain HTTP."""
    return read(f"{COLLECTION}/{identifier}")


def read(path):
    """Returns what is read over plain HTTP, without the SDK."""
    with urllib.request.urlopen(urllib.request.Request(os.environ["PLAIN_URL"] + path, headers=own())) as answer:
        return json.load(answer)


def equal(found, expected):
    assert found == expected, f"found {found!r}, expected {expected!r}"


def done():
    sys.exit(1 if check.failed else 0)
