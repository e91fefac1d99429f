"""Users, groups, teams, mail, and calendars through the typed models of the Graph SDK for Python."""

import datetime
import os
import urllib.parse

from azure.identity import DeviceCodeCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.aad_user_conversation_member import AadUserConversationMember
from msgraph.generated.models.attendee import Attendee
from msgraph.generated.models.attendee_type import AttendeeType
from msgraph.generated.models.body_type import BodyType
from msgraph.generated.models.channel import Channel
from msgraph.generated.models.channel_membership_type import ChannelMembershipType
from msgraph.generated.models.date_time_time_zone import DateTimeTimeZone
from msgraph.generated.models.email_address import EmailAddress
from msgraph.generated.models.event import Event
from msgraph.generated.models.file_attachment import FileAttachment
from msgraph.generated.models.group import Group
from msgraph.generated.models.importance import Importance
from msgraph.generated.models.item_body import ItemBody
from msgraph.generated.models.location import Location
from msgraph.generated.models.message import Message
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.recipient import Recipient
from msgraph.generated.models.user import User
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph_core.tasks.page_iterator import PageIterator

from checks import BAKERY, NORA, PEOPLE, arrived, check, equal, read


def query(parameters=None, **options):
    """Returns a request configuration with query options, and the header that advanced queries need if they count."""
    # The types of the parameters differ from builder to builder, but only in the options that they have.
    parameters = parameters or UsersRequestBuilder.UsersRequestBuilderGetQueryParameters
    configuration = RequestConfiguration(query_parameters=parameters(**options))
    if options.get("count"):
        configuration.headers.add("ConsistencyLevel", "eventual")
    return configuration


def recipient(name):
    return Recipient(email_address=EmailAddress(name=name, address=f"{name}@example.com"))


async def items(client, page):
    """Returns the items of all pages."""
    found = []
    await PageIterator(page, client.request_adapter).iterate(lambda item: found.append(item) or True)
    return found


async def gone(builder, code):
    """Checks that an entity is refused by a typed error."""
    try:
        await builder.get()
    except ODataError as error:
        equal((error.response_status_code, error.error.code), (404, code))
        assert error.error.message and error.error.inner_error.request_id, error
    else:
        raise AssertionError("the deleted entity was answered")


def sign_in():
    """Returns a client for a user: `/me` needs one."""
    credential = DeviceCodeCredential(
        "any-app", tenant_id="contoso", authority=os.environ["GRAPH_URL"], disable_instance_discovery=True, prompt_callback=lambda *_: None
    )
    client = GraphServiceClient(credential, ["https://graph.microsoft.com/User.ReadWrite.All"])
    client.request_adapter.base_url = os.environ["GRAPH_URL"] + "/v1.0"
    arrived("POST", "/*/oauth2/v2.0/devicecode", 200)
    return client


async def users(client):
    with check("me: the manager in a $select and an $expand"):
        me = await client.me.get(query(select=["displayName", "jobTitle"], expand=["manager($select=displayName)"]))
        equal((me.display_name, me.job_title, me.mail), ("Local User", "Shift planner", None))
        equal((type(me.manager), me.manager.display_name), (User, "John Doe"))
        arrived("GET", "/v1.0/me?*", 200)

    with check("me: the manager as a user"):
        manager = await client.me.manager.get()
        equal((type(manager), manager.job_title), (User, "Bakery manager"))
        arrived("GET", "/v1.0/me/manager", 200)

    with check("users: list with paging"):
        first = await client.users.get()
        equal(len(first.value), 2)
        found = await items(client, first)
        equal([user.display_name for user in found], PEOPLE)
        # Without $select a user has eleven members.
        equal((type(found[0]), found[0].job_title, found[0].created_date_time), (User, "Shift planner", None))
        arrived("GET", "/v1.0/users", 200)
        arrived("GET", "/v1.0/users?$skiptoken=*", 200)

    with check("users: filter, order, and select over pages"):
        options = query(filter="userType eq 'Member' and department ne 'Bakery'", orderby=["displayName desc"], select=["displayName"], count=True)
        answer = await client.users.get(options)
        equal((answer.odata_count, [user.display_name for user in answer.value]), (2, ["Tomás Ribeiro", "Ife Adeyemi"]))
        equal(answer.value[0].id, None)
        arrived("GET", "/v1.0/users?*$filter=*", 200)

    with check("users: search"):
        answer = await client.users.get(query(search='"displayName:nora" OR "mail:tomas"', select=["id", "displayName"], count=True))
        equal((answer.odata_count, [user.display_name for user in answer.value]), (2, ["Nora Lindqvist", "Tomás Ribeiro"]))
        arrived("GET", "/v1.0/users?*$search=*", 200)

    with check("users: count"):
        configuration = RequestConfiguration()
        configuration.headers.add("ConsistencyLevel", "eventual")
        equal(await client.users.count.get(configuration), len(PEOPLE))
        arrived("GET", "/v1.0/users/$count", 200)

    with check("users: create, get, update, delete"):
        created = await client.users.post(
            User(
                account_enabled=True,
                display_name="From Python",
                mail_nickname="python",
                user_principal_name="python@contoso.onmicrosoft.com",
                password_profile=PasswordProfile(force_change_password_next_sign_in=True, password="xWwvJ]6NMw+bWH-d"),
                business_phones=["+1 312 555 0199"],
                employee_hire_date=datetime.datetime(2024, 5, 1, tzinfo=datetime.timezone.utc),
            )
        )
        equal((created.display_name, created.password_profile), ("From Python", None))
        user = client.users.by_user_id(created.id)
        equal(await user.patch(User(job_title="Baker", business_phones=[])), None)
        same = await client.users.by_user_id("python@contoso.onmicrosoft.com").get()
        equal((same.id, same.job_title, same.business_phones), (created.id, "Baker", []))
        found = read(f"/v1.0/users/{created.id}?$select=employeeHireDate,accountEnabled")
        equal((found["employeeHireDate"], found["accountEnabled"]), ("2024-05-01T00:00:00Z", True))
        await user.delete()
        await gone(user, "Request_ResourceNotFound")
        arrived("POST", "/v1.0/users", 201)
        arrived("PATCH", f"/v1.0/users/{created.id}", 204)
        arrived("GET", "/v1.0/users/python*contoso.onmicrosoft.com", 200)
        arrived("GET", f"/v1.0/users/{created.id}?*", 200)
        arrived("DELETE", f"/v1.0/users/{created.id}", 204)
        arrived("GET", f"/v1.0/users/{created.id}", 404)


async def groups(client):
    bakery = client.groups.by_group_id(BAKERY)

    with check("groups: list with paging"):
        found = await items(client, await client.groups.get())
        equal([(type(group), group.display_name) for group in found], [(Group, "Contoso Bakery"), (Group, "Contoso Deliveries"), (Group, "Frontline managers")])
        arrived("GET", "/v1.0/groups", 200)
        arrived("GET", "/v1.0/groups?$skiptoken=*", 200)

    with check("groups: members as users, over pages"):
        found = await items(client, await bakery.members.get())
        people = ["John Doe", "Local User", "Nora Lindqvist", "Ife Adeyemi", "Tomás Ribeiro"]
        equal([(type(member), member.display_name) for member in found], [(User, name) for name in people])
        arrived("GET", f"/v1.0/groups/{BAKERY}/members", 200)
        arrived("GET", f"/v1.0/groups/{BAKERY}/members?$skiptoken=*", 200)

    with check("groups: members of a type"):
        answer = await bakery.members.graph_user.get(query(filter="jobTitle eq 'Baker'", select=["displayName"], count=True))
        equal((answer.odata_count, [(type(user), user.display_name) for user in answer.value]), (1, [(User, "Nora Lindqvist")]))
        arrived("GET", f"/v1.0/groups/{BAKERY}/members/graph.user?*", 200)

    with check("groups: expanded members"):
        group = await bakery.get(query(select=["displayName"], expand=["members($select=id,displayName)"]))
        equal([(type(member), member.display_name) for member in group.members][2], (User, "Nora Lindqvist"))
        arrived("GET", f"/v1.0/groups/{BAKERY}?*", 200)

    with check("groups: create, get, update, delete"):
        created = await client.groups.post(
            Group(display_name="From Python", mail_enabled=False, mail_nickname="python", security_enabled=True, group_types=[])
        )
        equal((created.display_name, created.group_types, created.mail_enabled), ("From Python", [], False))
        group = client.groups.by_group_id(created.id)
        equal(await group.patch(Group(description="Changed")), None)
        equal(((await group.get()).description, read(f"/v1.0/groups/{created.id}")["securityEnabled"]), ("Changed", True))
        await group.delete()
        await gone(group, "Request_ResourceNotFound")
        arrived("POST", "/v1.0/groups", 201)
        arrived("PATCH", f"/v1.0/groups/{created.id}", 204)
        arrived("GET", f"/v1.0/groups/{created.id}", 200)
        arrived("DELETE", f"/v1.0/groups/{created.id}", 204)
        arrived("GET", f"/v1.0/groups/{created.id}", 404)


async def teams(client):
    team = client.teams.by_team_id(BAKERY)
    path = f"/v1.0/teams/{BAKERY}"

    with check("teams: members as conversation members"):
        found = await items(client, await team.members.get())
        equal([(type(member), member.roles) for member in found][0], (AadUserConversationMember, ["owner"]))
        equal(found[2].user_id, NORA)
        arrived("GET", path + "/members", 200)
        arrived("GET", path + "/members?$skiptoken=*", 200)

    with check("channels: list with paging"):
        found = await items(client, await team.channels.get())
        equal([channel.display_name for channel in found], ["General", "Ovens", "Leads"])
        equal(found[2].membership_type, ChannelMembershipType.Private)
        arrived("GET", path + "/channels", 200)
        arrived("GET", path + "/channels?$skiptoken=*", 200)

    with check("channels: filter and select"):
        answer = await team.channels.get(query(filter="membershipType eq 'private'", select=["displayName"]))
        equal([channel.display_name for channel in answer.value], ["Leads"])
        arrived("GET", path + "/channels?*$filter=*", 200)

    with check("channels: create, get, update, delete"):
        created = await team.channels.post(
            Channel(display_name="From Python", description="New", membership_type=ChannelMembershipType.Standard)
        )
        equal((created.display_name, created.membership_type), ("From Python", ChannelMembershipType.Standard))
        channel = team.channels.by_channel_id(created.id)
        equal(await channel.patch(Channel(description="Changed")), None)
        same = await channel.get()
        equal((same.display_name, same.description, same.created_date_time), ("From Python", "Changed", created.created_date_time))
        await channel.delete()
        await gone(channel, "NotFound")
        arrived("POST", path + "/channels", 201)
        arrived("PATCH", f"{path}/channels/*", 204)
        arrived("GET", f"{path}/channels/*", 200)
        arrived("DELETE", f"{path}/channels/*", 204)
        arrived("GET", f"{path}/channels/*", 404)


def segment(entity):
    """Returns the segment of paths for an entity, as the SDK encodes it."""
    return urllib.parse.quote(entity.id, safe="")


async def mail(client):
    messages = client.me.messages

    with check("messages: order and select over pages"):
        found = await items(client, await messages.get(query(select=["subject", "receivedDateTime"], orderby=["receivedDateTime desc"])))
        equal(len(found), 5)
        times = [message.received_date_time for message in found]
        equal(times, sorted(times, reverse=True))
        equal((type(found[0]), found[0].subject, found[0].body), (Message, "Stock-taking", None))
        arrived("GET", "/v1.0/me/messages?*$orderby=*", 200)

    with check("messages: an expanded file attachment"):
        (message,) = (await messages.get(query(filter="hasAttachments eq true", expand=["attachments"]))).value
        (attachment,) = message.attachments
        equal((message.subject, message.importance, message.from_.email_address.name), ("Prices from April", Importance.Normal, "Kenji Okada"))
        equal((type(attachment), type(attachment.content_bytes)), (FileAttachment, bytes))
        arrived("GET", "/v1.0/me/messages?*$filter=*", 200)

    with check("messages: create, get, update, delete"):
        created = await messages.post(
            Message(
                subject="From Python",
                importance=Importance.Low,
                body=ItemBody(content_type=BodyType.Text, content="Hello"),
                to_recipients=[recipient("nora"), recipient("ife")],
            )
        )
        equal((created.subject, created.is_draft, created.body.content_type), ("From Python", True, BodyType.Text))
        message = messages.by_message_id(created.id)
        changed = await message.patch(Message(importance=Importance.High, to_recipients=[recipient("ife")]))
        equal((changed.importance, [to.email_address.name for to in changed.to_recipients]), (Importance.High, ["ife"]))
        same = await message.get()
        same.subject = "Written back"
        equal((await message.patch(same)).to_recipients[0].email_address.name, "ife")
        found = read(f"/v1.0/me/messages/{segment(created)}")
        equal((found["subject"], found["importance"], found["body"]["content"]), ("Written back", "high", "Hello"))
        arrived("POST", "/v1.0/me/messages", 201)
        arrived("PATCH", f"/v1.0/me/messages/{segment(created)}", 200)
        arrived("GET", f"/v1.0/me/messages/{segment(created)}", 200)

        attached = await message.attachments.post(FileAttachment(name="hello.txt", content_type="text/plain", content_bytes=b"aGVsbG8="))
        equal((type(attached), attached.name, attached.content_bytes), (FileAttachment, "hello.txt", b"aGVsbG8="))
        equal([type(attachment) for attachment in (await message.attachments.get()).value], [FileAttachment])
        await message.attachments.by_attachment_id(attached.id).delete()
        arrived("POST", f"/v1.0/me/messages/{segment(created)}/attachments", 201)
        arrived("GET", f"/v1.0/me/messages/{segment(created)}/attachments", 200)
        # The log shows the beginning of a path as long as this one.
        arrived("DELETE", f"/v1.0/me/messages/{segment(created)}/attachments/*", 204)

        await message.delete()
        await gone(message, "ErrorItemNotFound")
        arrived("DELETE", f"/v1.0/me/messages/{segment(created)}", 204)
        arrived("GET", f"/v1.0/me/messages/{segment(created)}", 404)


async def calendars(client):
    events = client.me.events

    with check("events: list with paging"):
        found = await items(client, await events.get())
        equal([event.subject for event in found], ["Monday round", "Oven service", "Day off"])
        equal((type(found[1]), found[1].start.time_zone, found[2].is_all_day), (Event, "UTC", True))
        arrived("GET", "/v1.0/me/events", 200)
        arrived("GET", "/v1.0/me/events?$skiptoken=*", 200)

    with check("events: filter"):
        answer = await events.get(query(filter="start/dateTime ge '2024-03-10T00:00:00Z'", orderby=["start/dateTime"], select=["subject", "start"]))
        equal([(event.subject, event.start.date_time[:10], event.end) for event in answer.value], [("Oven service", "2024-03-12", None), ("Day off", "2024-03-29", None)])
        arrived("GET", "/v1.0/me/events?*$filter=*", 200)

    with check("events: create, get, update, delete"):
        created = await events.post(
            Event(
                subject="From Python",
                body=ItemBody(content_type=BodyType.Html, content="<p>Hello</p>"),
                start=DateTimeTimeZone(date_time="2024-04-02T09:00:00", time_zone="UTC"),
                end=DateTimeTimeZone(date_time="2024-04-02T10:00:00", time_zone="UTC"),
                location=Location(display_name="Bakery 1"),
                attendees=[Attendee(type=AttendeeType.Optional, email_address=EmailAddress(name="ife", address="ife@example.com"))],
            )
        )
        equal((created.subject, created.location.display_name, created.attendees[0].type), ("From Python", "Bakery 1", AttendeeType.Optional))
        event = events.by_event_id(created.id)
        changed = await event.patch(Event(location=Location(display_name="Bakery 2"), is_reminder_on=False))
        equal((changed.location.display_name, changed.is_reminder_on, changed.start.date_time[:16]), ("Bakery 2", False, "2024-04-02T09:00"))
        same = await event.get()
        same.subject = "Written back"
        await event.patch(same)
        found = read(f"/v1.0/me/events/{segment(created)}")
        equal((found["subject"], found["isReminderOn"], found["attendees"][0]["type"]), ("Written back", False, "optional"))
        await event.delete()
        await gone(event, "ErrorItemNotFound")
        arrived("POST", "/v1.0/me/events", 201)
        arrived("PATCH", f"/v1.0/me/events/{segment(created)}", 200)
        arrived("GET", f"/v1.0/me/events/{segment(created)}", 200)
        arrived("DELETE", f"/v1.0/me/events/{segment(created)}", 204)
        arrived("GET", f"/v1.0/me/events/{segment(created)}", 404)


async def resources():
    client = sign_in()
    for part in (users, groups, teams, mail, calendars):
        await part(client)
