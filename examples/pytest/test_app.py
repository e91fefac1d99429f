"""An application that uses the Graph SDK for Python, tested over TLS with a world for each test."""

import asyncio

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.identity import ClientSecretCredential
from kiota_abstractions.api_error import APIError
from msgraph import GraphServiceClient
from msgraph.generated.models.workforce_integration import WorkforceIntegration

PATH = "/v1.0/teamwork/workforceIntegrations"


async def rename(client, name):
    """The application: renames each integration, and returns how many it has renamed."""
    found = await client.teamwork.workforce_integrations.get()
    for integration in found.value:
        builder = client.teamwork.workforce_integrations.by_workforce_integration_id(integration.id)
        await builder.patch(WorkforceIntegration(display_name=name))
    return len(found.value)


@pytest.fixture
def client(wfi_emulator, wfi_world, monkeypatch):
    # Read by httpx, which the SDK uses for Graph.
    monkeypatch.setenv("SSL_CERT_FILE", wfi_emulator.ca)
    transport = RequestsTransport(connection_verify=wfi_emulator.ca)
    credential = ClientSecretCredential(
        "contoso", "any-app", "any-secret", authority=wfi_world.url, disable_instance_discovery=True, transport=transport
    )
    client = GraphServiceClient(credential, ["https://graph.microsoft.com/.default"])
    client.request_adapter.base_url = wfi_world.graph_url
    return client


def test_each_integration_is_renamed(client, wfi_world):
    assert asyncio.run(rename(client, "Renamed")) == 4
    wfi_world.expect(method="PATCH", body={"displayName": "Renamed"}, status="2xx", times=4)


def test_another_test_has_a_world_of_its_own(client, wfi_world):
    wfi_world.state({"workforceIntegrations": []})
    assert asyncio.run(rename(client, "Renamed")) == 0


def test_a_request_is_repeated_when_the_service_is_busy(client, wfi_world):
    wfi_world.faults([{"on": {"path": PATH, "nth": 1}, "do": {"answer": {"status": 429, "code": "TooManyRequests"}, "retryAfter": 1}}])
    assert asyncio.run(rename(client, "Renamed")) == 4
    wfi_world.expect(method="GET", path=PATH, status=429, times=1)
    wfi_world.expect(method="GET", path=PATH, status=200, times=1)


# docs/report.md: begin
def test_the_client_does_nothing_wrong(client, wfi_world):
    asyncio.run(rename(client, "Renamed"))
    wfi_world.assert_clean_client()
# docs/report.md: end


def test_a_refusal_reaches_the_application(client):
    with pytest.raises(APIError) as refusal:
        asyncio.run(rename(client, "x" * 5_000_000))
    assert refusal.value.response_status_code == 413
