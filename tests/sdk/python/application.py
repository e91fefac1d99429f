"""An application of a usual size through the Graph SDK for Python: people, a group, mail, files, a subscription, and what has changed."""

import datetime
import http.server
import json
import queue
import threading
import urllib.parse

from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph.generated.groups.item.group_item_request_builder import GroupItemRequestBuilder
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.group import Group
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.message import Message
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.subscription import Subscription
from msgraph.generated.models.user import User
from msgraph.generated.users.item.messages.messages_request_builder import MessagesRequestBuilder
from msgraph.generated.users.item.send_mail.send_mail_post_request_body import SendMailPostRequestBody

from checks import NORA, arrived, check, equal

GRAPH = "https://graph.microsoft.com/v1.0"


class Receiver(http.server.BaseHTTPRequestHandler):
    """An endpoint for notifications: it returns the token of a validation, and keeps what it is notified of."""

    notifications = queue.Queue()

    def do_POST(self):
        token = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("validationToken")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200 if token else 202)
        self.send_header("Content-Type", "text/plain")
        answer = token[0].encode() if token else b""
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
        if not token:
            for notification in json.loads(body)["value"]:
                self.notifications.put(notification)

    def log_message(self, *_):
        pass


async def items(client, page, collection):
    """Returns the items of all pages, and the last page."""
    found = list(page.value)
    while page.odata_next_link:
        page = await collection.with_url(page.odata_next_link).get()
        found += page.value
    return found, page


async def application(client):
    """Does what an application does, as the signed-in user of a client."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        await steps(client, f"http://127.0.0.1:{server.server_port}/notifications")
    finally:
        server.shutdown()


async def steps(client, receiver):
    me = group = members = delta = None

    with check("application: the signed-in user"):
        me = await client.me.get()
        equal(me.display_name, "Local User")
        arrived("GET", "/v1.0/me", 200)

    with check("application: a group with its owner bound"):
        new = Group(display_name="Night bakers", mail_enabled=False, mail_nickname="night-bakers", security_enabled=True)
        new.additional_data = {"owners@odata.bind": [f"{GRAPH}/users/{me.id}"]}
        group = await client.groups.post(new)
        members = client.groups.by_group_id(group.id).members
        owners = await client.groups.by_group_id(group.id).owners.get()
        equal([owner.id for owner in owners.value], [me.id])
        arrived("POST", "/v1.0/groups", 201)
        arrived("GET", "/v1.0/groups/*/owners", 200)

    with check("application: members added, listed over pages, and expanded"):
        everyone, _ = await items(client, await client.users.get(), client.users)
        for user in everyone[:3]:
            await members.ref.post(ReferenceCreate(odata_id=f"{GRAPH}/directoryObjects/{user.id}"))
        found, _ = await items(client, await members.get(), members)
        equal([(type(member), member.id) for member in found], [(User, user.id) for user in everyone[:3]])
        expand = GroupItemRequestBuilder.GroupItemRequestBuilderGetQueryParameters(select=["displayName"], expand=["members($select=id)"])
        expanded = await client.groups.by_group_id(group.id).get(RequestConfiguration(query_parameters=expand))
        equal((expanded.display_name, len(expanded.members)), ("Night bakers", 3))
        await members.by_directory_object_id(everyone[2].id).ref.delete()
        equal(len((await items(client, await members.get(), members))[0]), 2)
        arrived("GET", "/v1.0/users", 200)
        arrived("GET", "/v1.0/users?$skiptoken=*", 200)
        arrived("POST", "/v1.0/groups/*/members/$ref", 204)
        arrived("GET", "/v1.0/groups/*/members", 200)
        arrived("GET", "/v1.0/groups/*/members?$skiptoken=*", 200)
        arrived("GET", "/v1.0/groups/*?*$expand=members*", 200)
        arrived("DELETE", "/v1.0/groups/*/members/*/$ref", 204)

    with check("application: mail that is sent and received"):
        nora = await client.users.by_user_id(NORA).get()
        message = Message(
            subject="The night shift",
            body=ItemBody(content_type=BodyType.Text, content="Rye is sold out."),
            to_recipients=[Recipient(email_address=EmailAddress(address=nora.mail))],
        )
        await client.me.send_mail.post(SendMailPostRequestBody(message=message, save_to_sent_items=True))
        wanted = MessagesRequestBuilder.MessagesRequestBuilderGetQueryParameters(filter="subject eq 'The night shift'")
        for owner in (client.users.by_user_id(NORA), client.me):
            received = await owner.messages.get(RequestConfiguration(query_parameters=wanted))
            equal([(mail.subject, mail.is_draft, mail.from_.email_address.address) for mail in received.value], [("The night shift", False, me.mail)])
        arrived("GET", f"/v1.0/users/{NORA}", 200)
        arrived("POST", "/v1.0/me/sendMail", 202)
        arrived("GET", f"/v1.0/users/{NORA}/messages?*", 200)
        arrived("GET", "/v1.0/me/messages?*", 200)

    with check("application: a file that is uploaded and read"):
        drive = await client.me.drive.get()
        content = client.drives.by_drive_id(drive.id).items.by_drive_item_id("root:/plan.txt:").content
        created = await content.put(b"Rye, then spelt")
        equal((created.name, created.size), ("plan.txt", 15))
        equal(await content.get(), b"Rye, then spelt")
        equal((await content.put(b"Spelt")).id, created.id)
        equal(await client.drives.by_drive_id(drive.id).items.by_drive_item_id(created.id).content.get(), b"Spelt")
        arrived("GET", "/v1.0/me/drive", 200)
        arrived("PUT", "/v1.0/drives/*/items/root%3A%2Fplan.txt%3A/content", 201)
        arrived("PUT", "/v1.0/drives/*/items/root%3A%2Fplan.txt%3A/content", 200)
        arrived("GET", "/v1.0/drives/*/items/root%3A%2Fplan.txt%3A/content", 302)
        arrived("GET", "/v1.0/drives/*/items/*/content", 302)
        arrived("GET", "/_content/*", 200)

    with check("application: the state of the users, for later"):
        page = await client.users.delta.get()
        _, last = await items(client, page, client.users.delta)
        delta = last.odata_delta_link
        assert delta, "the last page has no delta link"
        arrived("GET", "/v1.0/users/delta()", 200)
        arrived("GET", "/v1.0/users/delta()?$skiptoken=*", 200)

    with check("application: a subscription, a change, and the notification of it"):
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        subscription = await client.subscriptions.post(
            Subscription(change_type="updated,deleted", notification_url=receiver, resource="users", expiration_date_time=end, client_state="s3cret")
        )
        await client.users.by_user_id(NORA).patch(User(job_title="Night baker"))
        notification = Receiver.notifications.get(timeout=20)
        equal(
            [notification[name] for name in ("subscriptionId", "changeType", "clientState", "resource")],
            [subscription.id, "updated", "s3cret", f"Users/{NORA}"],
        )
        equal([known.id for known in (await client.subscriptions.get()).value], [subscription.id])
        await client.subscriptions.by_subscription_id(subscription.id).delete()
        arrived("POST", "/v1.0/subscriptions", 201)
        arrived("GET", "/v1.0/subscriptions", 200)
        arrived("PATCH", f"/v1.0/users/{NORA}", 204)
        arrived("DELETE", "/v1.0/subscriptions/*", 204)

    with check("application: what has changed meanwhile"):
        page = await client.users.delta.with_url(delta).get()
        equal([(user.id, user.job_title) for user in page.value], [(NORA, "Night baker")])
        assert page.odata_delta_link, "the page has no delta link"
        arrived("GET", "/v1.0/users/delta()?$deltatoken=*", 200)

    with check("application: the group is deleted"):
        await client.groups.by_group_id(group.id).delete()
        arrived("DELETE", "/v1.0/groups/*", 204)
