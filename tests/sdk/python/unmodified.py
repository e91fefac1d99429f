"""The Graph SDK with its sign-in, as its documentation shows it: no address, no certificate, no proxy. `tests/run` runs it."""

import asyncio

from azure.identity.aio import ClientSecretCredential
from msgraph import GraphServiceClient


async def main():
    async with ClientSecretCredential("6a8a9cb5-4c02-4f5e-9a4b-7c9b6a1f0d31", "0d6e0b2f-3f57-4f3c-8a39-0f4b8f7f2a11", "hush") as credential:
        users = await GraphServiceClient(credential, ["https://graph.microsoft.com/.default"]).users.get()
        for user in users.value:
            print(user.display_name)


asyncio.run(main())
