// Users, groups, teams, mail, and calendars through the typed models of the Graph SDK for Java.

import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.DeviceCodeCredentialBuilder;
import com.microsoft.graph.core.authentication.AzureIdentityAuthenticationProvider;
import com.microsoft.graph.core.tasks.PageIterator;
import com.microsoft.graph.models.AadUserConversationMember;
import com.microsoft.graph.models.Attendee;
import com.microsoft.graph.models.AttendeeType;
import com.microsoft.graph.models.BodyType;
import com.microsoft.graph.models.Channel;
import com.microsoft.graph.models.ChannelCollectionResponse;
import com.microsoft.graph.models.ChannelMembershipType;
import com.microsoft.graph.models.DateTimeTimeZone;
import com.microsoft.graph.models.DirectoryObject;
import com.microsoft.graph.models.DirectoryObjectCollectionResponse;
import com.microsoft.graph.models.EmailAddress;
import com.microsoft.graph.models.Event;
import com.microsoft.graph.models.EventCollectionResponse;
import com.microsoft.graph.models.FileAttachment;
import com.microsoft.graph.models.Group;
import com.microsoft.graph.models.GroupCollectionResponse;
import com.microsoft.graph.models.Importance;
import com.microsoft.graph.models.ItemBody;
import com.microsoft.graph.models.Location;
import com.microsoft.graph.models.Message;
import com.microsoft.graph.models.MessageCollectionResponse;
import com.microsoft.graph.models.PasswordProfile;
import com.microsoft.graph.models.Recipient;
import com.microsoft.graph.models.User;
import com.microsoft.graph.models.UserCollectionResponse;
import com.microsoft.graph.models.odataerrors.ODataError;
import com.microsoft.graph.serviceclient.GraphServiceClient;
import com.microsoft.kiota.serialization.AdditionalDataHolder;
import com.microsoft.kiota.serialization.Parsable;
import com.microsoft.kiota.serialization.ParsableFactory;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

class Resources {
    static final String[] PEOPLE = {"Local User", "John Doe", "Nora Lindqvist", "Tomás Ribeiro", "Ife Adeyemi", "Kenji Okada"};

    /** A built-in group, and its team. */
    static final String BAKERY = "3d88b7a2-f988-4f4b-bb34-d66df66af126";

    /** A client for a user, signed in by a device code: `/me` needs one. */
    static final GraphServiceClient CLIENT = client();

    static GraphServiceClient client() {
        var credential = new DeviceCodeCredentialBuilder()
            .tenantId("contoso").clientId("any-app").challengeConsumer(challenge -> {})
            .authorityHost(Graph.URL).disableInstanceDiscovery().build();
        // The library finds none of its tokens if the authority has a port other than 443: it would sign in again for each request.
        var token = credential.getToken(new TokenRequestContext().addScopes("https://graph.microsoft.com/User.ReadWrite.All")).cache();
        String[] hosts = {URI.create(Graph.URL).getHost()};
        var provider = new AzureIdentityAuthenticationProvider(request -> token, hosts, "https://graph.microsoft.com/.default");
        var client = new GraphServiceClient(provider);
        client.getRequestAdapter().setBaseUrl(Graph.URL + "/v1.0");
        return client;
    }

    /** Returns the items of all pages. */
    static <T extends Parsable, P extends Parsable & AdditionalDataHolder> List<T> all(P first, ParsableFactory<P> factory) throws Exception {
        var items = new ArrayList<T>();
        new PageIterator.Builder<T, P>()
            .client(CLIENT).collectionPage(first).collectionPageFactory(factory).processPageItemCallback(items::add).build().iterate();
        return items;
    }

    /** Checks that a typed error refuses an entity. */
    static void gone(Runnable get, String code) {
        try {
            get.run();
        } catch (ODataError error) {
            Suite.equal(List.of(error.getResponseStatusCode(), error.getError().getCode()), List.of(404, code));
            return;
        }
        throw new AssertionError("the deleted entity was answered");
    }

    /** Declares the requests of a create, an update, a get, and a delete. */
    static void arrivedOf(String path, int updated) {
        Suite.arrived("POST", path, 201);
        Suite.arrived("PATCH", path + "/*", updated);
        Suite.arrived("GET", path + "/*", 200);
        Suite.arrived("DELETE", path + "/*", 204);
        Suite.arrived("GET", path + "/*", 404);
    }

    /** Declares the requests of a list with paging. */
    static void arrivedPages(String path) {
        Suite.arrived("GET", path, 200);
        Suite.arrived("GET", path + "?$skiptoken=*", 200);
    }

    static Recipient recipient(Recipient recipient, String name) {
        var address = new EmailAddress();
        address.setName(name);
        address.setAddress(name + "@example.com");
        recipient.setEmailAddress(address);
        return recipient;
    }

    static DateTimeTimeZone time(String text) {
        var time = new DateTimeTimeZone();
        time.setDateTime(text);
        time.setTimeZone("UTC");
        return time;
    }

    static ItemBody body(BodyType type, String content) {
        var body = new ItemBody();
        body.setContentType(type);
        body.setContent(content);
        return body;
    }

    static Location location(String name) {
        var location = new Location();
        location.setDisplayName(name);
        return location;
    }

    static void run() {
        users();
        groups();
        teams();
        mail();
        calendars();
    }

    static void users() {
        Suite.check("me: the manager in a $select and an $expand", () -> {
            var me = CLIENT.me().get(request -> {
                request.queryParameters.select = new String[] {"displayName", "jobTitle"};
                request.queryParameters.expand = new String[] {"manager($select=displayName)"};
            });
            Suite.equal(me.getJobTitle(), "Shift planner");
            Suite.equal(me.getMail(), null);
            Suite.equal(((User) me.getManager()).getDisplayName(), "John Doe");
            Suite.arrived("POST", "/*/oauth2/v2.0/devicecode*", 200);
            Suite.arrived("GET", "/v1.0/me?*", 200);
        });

        Suite.check("users: list with paging", () -> {
            List<User> found = all(CLIENT.users().get(), UserCollectionResponse::createFromDiscriminatorValue);
            Suite.equal(found.stream().map(User::getDisplayName).toList(), List.of(PEOPLE));
            // Without $select a user has eleven members.
            Suite.equal(found.get(0).getJobTitle(), "Shift planner");
            Suite.equal(found.get(0).getCreatedDateTime(), null);
            arrivedPages("/v1.0/users");
        });

        Suite.check("users: filter, order, and select", () -> {
            var answer = CLIENT.users().get(request -> {
                request.headers.add("ConsistencyLevel", "eventual");
                request.queryParameters.filter = "userType eq 'Member' and department ne 'Bakery'";
                request.queryParameters.orderby = new String[] {"displayName desc"};
                request.queryParameters.select = new String[] {"displayName"};
                request.queryParameters.count = true;
            });
            Suite.equal(answer.getValue().stream().map(User::getDisplayName).toList(), List.of("Tomás Ribeiro", "Ife Adeyemi"));
            Suite.equal(answer.getOdataCount(), 2L);
            Suite.arrived("GET", "/v1.0/users?*filter=*", 200);
        });

        Suite.check("users: search", () -> {
            var answer = CLIENT.users().get(request -> {
                request.headers.add("ConsistencyLevel", "eventual");
                request.queryParameters.search = "\"displayName:nora\" OR \"mail:tomas\"";
            });
            Suite.equal(answer.getValue().stream().map(User::getDisplayName).toList(), List.of("Nora Lindqvist", "Tomás Ribeiro"));
            Suite.arrived("GET", "/v1.0/users?*search=*", 200);
        });

        Suite.check("users: create, get, update, delete", () -> {
            var body = new User();
            body.setAccountEnabled(true);
            body.setDisplayName("From Java");
            body.setMailNickname("java");
            body.setUserPrincipalName("java@contoso.onmicrosoft.com");
            body.setPasswordProfile(new PasswordProfile());
            body.getPasswordProfile().setPassword("xWwvJ]6NMw+bWH-d");
            var created = CLIENT.users().post(body);
            Suite.equal(created.getPasswordProfile(), null);
            var user = CLIENT.users().byUserId(created.getId());
            var change = new User();
            change.setJobTitle("Baker");
            Suite.equal(user.patch(change), null);
            var same = CLIENT.users().byUserId("java@contoso.onmicrosoft.com").get();
            Suite.equal(List.of(same.getId(), same.getJobTitle()), List.of(created.getId(), "Baker"));
            user.delete();
            gone(user::get, "Request_ResourceNotFound");
            arrivedOf("/v1.0/users", 204);
        });
    }

    static void groups() {
        var path = "/v1.0/groups/" + BAKERY;
        var bakery = CLIENT.groups().byGroupId(BAKERY);

        Suite.check("groups: list with paging", () -> {
            List<Group> found = all(CLIENT.groups().get(), GroupCollectionResponse::createFromDiscriminatorValue);
            Suite.equal(found.stream().map(Group::getDisplayName).toList(), List.of("Contoso Bakery", "Contoso Deliveries", "Frontline managers"));
            arrivedPages("/v1.0/groups");
        });

        Suite.check("groups: members as users, over pages", () -> {
            List<DirectoryObject> found = all(bakery.members().get(), DirectoryObjectCollectionResponse::createFromDiscriminatorValue);
            var titles = found.stream().map(member -> ((User) member).getJobTitle()).toList();
            Suite.equal(titles, List.of("Bakery manager", "Shift planner", "Baker", "Head of operations", "Driver"));
            arrivedPages(path + "/members");
        });

        Suite.check("groups: members of a type", () -> {
            var answer = bakery.members().graphUser().get(request -> {
                request.headers.add("ConsistencyLevel", "eventual");
                request.queryParameters.filter = "jobTitle eq 'Baker'";
                request.queryParameters.count = true;
            });
            Suite.equal(answer.getOdataCount(), 1L);
            Suite.equal(answer.getValue().get(0).getDisplayName(), "Nora Lindqvist");
            Suite.arrived("GET", path + "/members/graph.user?*", 200);
        });

        Suite.check("groups: expanded members", () -> {
            var group = bakery.get(request -> request.queryParameters.expand = new String[] {"members($select=id,displayName)"});
            Suite.equal(((User) group.getMembers().get(2)).getDisplayName(), "Nora Lindqvist");
            Suite.arrived("GET", path + "?*", 200);
        });

        Suite.check("groups: create, get, update, delete", () -> {
            var body = new Group();
            body.setDisplayName("From Java");
            body.setMailEnabled(false);
            body.setMailNickname("java");
            body.setSecurityEnabled(true);
            body.setGroupTypes(List.of());
            var created = CLIENT.groups().post(body);
            Suite.equal(List.of(created.getDisplayName(), created.getGroupTypes(), created.getMailEnabled()), List.of("From Java", List.of(), false));
            var group = CLIENT.groups().byGroupId(created.getId());
            var change = new Group();
            change.setDescription("Changed");
            Suite.equal(group.patch(change), null);
            Suite.equal(group.get().getDescription(), "Changed");
            group.delete();
            gone(group::get, "Request_ResourceNotFound");
            arrivedOf("/v1.0/groups", 204);
        });
    }

    static void teams() {
        var path = "/v1.0/teams/" + BAKERY;
        var team = CLIENT.teams().byTeamId(BAKERY);

        Suite.check("teams: members as conversation members", () -> {
            var first = (AadUserConversationMember) team.members().get().getValue().get(0);
            Suite.equal(first.getRoles(), List.of("owner"));
            Suite.arrived("GET", path + "/members", 200);
        });

        Suite.check("channels: list with paging", () -> {
            List<Channel> found = all(team.channels().get(), ChannelCollectionResponse::createFromDiscriminatorValue);
            Suite.equal(found.stream().map(Channel::getDisplayName).toList(), List.of("General", "Ovens", "Leads"));
            Suite.equal(found.get(2).getMembershipType(), ChannelMembershipType.Private);
            arrivedPages(path + "/channels");
        });

        Suite.check("channels: create, get, update, delete", () -> {
            var body = new Channel();
            body.setDisplayName("From Java");
            body.setMembershipType(ChannelMembershipType.Standard);
            var created = team.channels().post(body);
            Suite.equal(created.getMembershipType(), ChannelMembershipType.Standard);
            var channel = team.channels().byChannelId(created.getId());
            var change = new Channel();
            change.setDescription("Changed");
            Suite.equal(channel.patch(change), null);
            var same = channel.get();
            Suite.equal(List.of(same.getDisplayName(), same.getDescription()), List.of("From Java", "Changed"));
            channel.delete();
            gone(channel::get, "NotFound");
            arrivedOf(path + "/channels", 204);
        });
    }

    static void mail() {
        var path = "/v1.0/me/messages";
        var messages = CLIENT.me().messages();

        Suite.check("messages: order and select over pages", () -> {
            var first = messages.get(request -> {
                request.queryParameters.select = new String[] {"subject", "receivedDateTime"};
                request.queryParameters.orderby = new String[] {"receivedDateTime desc"};
            });
            List<Message> found = all(first, MessageCollectionResponse::createFromDiscriminatorValue);
            Suite.equal(List.of(found.size(), found.get(0).getSubject(), found.get(4).getSubject()), List.of(5, "Stock-taking", "Prices from April"));
            Suite.equal(found.get(0).getBody(), null);
            Suite.arrived("GET", path + "?*orderby=*", 200);
        });

        Suite.check("messages: an expanded file attachment", () -> {
            var answer = messages.get(request -> {
                request.queryParameters.filter = "hasAttachments eq true";
                request.queryParameters.expand = new String[] {"attachments"};
            });
            var message = answer.getValue().get(0);
            Suite.equal(message.getFrom().getEmailAddress().getName(), "Kenji Okada");
            Suite.equal(((FileAttachment) message.getAttachments().get(0)).getContentBytes().length > 0, true);
            Suite.arrived("GET", path + "?*filter=*", 200);
        });

        Suite.check("messages: create, get, update, delete", () -> {
            var body = new Message();
            body.setSubject("From Java");
            body.setImportance(Importance.Low);
            body.setBody(body(BodyType.Text, "Hello"));
            body.setToRecipients(List.of(recipient(new Recipient(), "nora"), recipient(new Recipient(), "ife")));
            var created = messages.post(body);
            Suite.equal(List.of(created.getSubject(), created.getIsDraft(), created.getBody().getContentType()), List.of("From Java", true, BodyType.Text));
            var message = messages.byMessageId(created.getId());
            var change = new Message();
            change.setImportance(Importance.High);
            change.setToRecipients(List.of(recipient(new Recipient(), "ife")));
            var changed = message.patch(change);
            Suite.equal(List.of(changed.getImportance(), changed.getToRecipients().size()), List.of(Importance.High, 1));
            Suite.equal(message.get().getSubject(), "From Java");

            var attachment = new FileAttachment();
            attachment.setName("hello.txt");
            attachment.setContentBytes("hello".getBytes(StandardCharsets.UTF_8));
            var attached = (FileAttachment) message.attachments().post(attachment);
            Suite.equal(new String(attached.getContentBytes(), StandardCharsets.UTF_8), "hello");
            Suite.arrived("POST", path + "/*/attachments", 201);

            message.delete();
            gone(message::get, "ErrorItemNotFound");
            arrivedOf(path, 200);
        });
    }

    static void calendars() {
        var path = "/v1.0/me/events";
        var events = CLIENT.me().events();

        Suite.check("events: list with paging", () -> {
            List<Event> found = all(events.get(), EventCollectionResponse::createFromDiscriminatorValue);
            Suite.equal(found.stream().map(Event::getSubject).toList(), List.of("Monday round", "Oven service", "Day off"));
            Suite.equal(found.get(2).getIsAllDay(), true);
            arrivedPages(path);
        });

        Suite.check("events: create, get, update, delete", () -> {
            var attendee = (Attendee) recipient(new Attendee(), "ife");
            attendee.setType(AttendeeType.Optional);
            var body = new Event();
            body.setSubject("From Java");
            body.setBody(body(BodyType.Html, "<p>Hello</p>"));
            body.setStart(time("2024-04-02T09:00:00"));
            body.setEnd(time("2024-04-02T10:00:00"));
            body.setLocation(location("Bakery 1"));
            body.setAttendees(List.of(attendee));
            var created = events.post(body);
            Suite.equal(created.getAttendees().get(0).getType(), AttendeeType.Optional);
            var event = events.byEventId(created.getId());
            var change = new Event();
            change.setLocation(location("Bakery 2"));
            Suite.equal(event.patch(change).getLocation().getDisplayName(), "Bakery 2");
            Suite.equal(event.get().getStart().getDateTime().substring(0, 16), "2024-04-02T09:00");
            event.delete();
            gone(event::get, "ErrorItemNotFound");
            arrivedOf(path, 200);
        });
    }
}
