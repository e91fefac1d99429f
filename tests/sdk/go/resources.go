// Users, groups, teams, mail, and calendars, with the models that the checks need in the form in which Kiota generates them.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
)

// A built-in group, and its team.
const bakery = "3d88b7a2-f988-4f4b-bb34-d66df66af126"

// texts are the text properties of a model.
type texts map[string]**string

func (t texts) readers() readers {
	found := readers{}
	for name, place := range t {
		found[name] = reader(place)
	}
	return found
}

func (t texts) write(writer serialization.SerializationWriter, typeName string) error {
	if err := writer.WriteStringValue("@odata.type", text("#microsoft.graph."+typeName)); err != nil {
		return err
	}
	for name, place := range t {
		if err := writer.WriteStringValue(name, *place); err != nil {
			return err
		}
	}
	return nil
}

// resource is a group, a channel, or a message.
type resource struct {
	typeName                                                        string
	id, displayName, mailNickname, description, subject, importance *string
	attachments                                                     []serialization.Parsable
	flags                                                           map[string]bool
}

func (r *resource) texts() texts {
	return texts{"id": &r.id, "displayName": &r.displayName, "mailNickname": &r.mailNickname, "description": &r.description,
		"subject": &r.subject, "importance": &r.importance}
}

func (r *resource) GetFieldDeserializers() readers {
	found := r.texts().readers()
	found["attachments"] = func(node parseNode) (err error) {
		r.attachments, err = node.GetCollectionOfObjectValues(newAttachment)
		return err
	}
	return found
}

func (r *resource) Serialize(writer serialization.SerializationWriter) error {
	for name, flag := range r.flags {
		if err := writer.WriteBoolValue(name, &flag); err != nil {
			return err
		}
	}
	return r.texts().write(writer, r.typeName)
}

// directoryObject is a base type: its models are those of the types that answers name.
type directoryObject struct {
	id, displayName *string
}

func (d *directoryObject) texts() texts                   { return texts{"id": &d.id, "displayName": &d.displayName} }
func (d *directoryObject) GetFieldDeserializers() readers { return d.texts().readers() }
func (d *directoryObject) Serialize(writer serialization.SerializationWriter) error {
	return d.texts().write(writer, "directoryObject")
}

type user struct {
	directoryObject
	jobTitle, mailNickname, userPrincipalName *string
	accountEnabled                            *bool
	password                                  *passwordProfile
	manager                                   serialization.Parsable
}

func (u *user) texts() texts {
	found := u.directoryObject.texts()
	maps.Copy(found, texts{"jobTitle": &u.jobTitle, "mailNickname": &u.mailNickname, "userPrincipalName": &u.userPrincipalName})
	return found
}

func (u *user) GetFieldDeserializers() readers {
	found := u.texts().readers()
	found["accountEnabled"] = func(node parseNode) (err error) {
		u.accountEnabled, err = node.GetBoolValue()
		return err
	}
	found["manager"] = func(node parseNode) (err error) {
		u.manager, err = node.GetObjectValue(newDirectoryObject)
		return err
	}
	return found
}

func (u *user) Serialize(writer serialization.SerializationWriter) error {
	if err := writer.WriteBoolValue("accountEnabled", u.accountEnabled); err != nil {
		return err
	}
	if u.password != nil {
		if err := writer.WriteObjectValue("passwordProfile", u.password); err != nil {
			return err
		}
	}
	return u.texts().write(writer, "user")
}

type passwordProfile struct{ password *string }

func (p *passwordProfile) GetFieldDeserializers() readers { return readers{} }
func (p *passwordProfile) Serialize(writer serialization.SerializationWriter) error {
	return writer.WriteStringValue("password", p.password)
}

type fileAttachment struct {
	id, name *string
	content  []byte
}

func (f *fileAttachment) texts() texts { return texts{"id": &f.id, "name": &f.name} }

func (f *fileAttachment) GetFieldDeserializers() readers {
	found := f.texts().readers()
	found["contentBytes"] = func(node parseNode) (err error) {
		f.content, err = node.GetByteArrayValue()
		return err
	}
	return found
}

func (f *fileAttachment) Serialize(writer serialization.SerializationWriter) error {
	if err := writer.WriteByteArrayValue("contentBytes", f.content); err != nil {
		return err
	}
	return f.texts().write(writer, "fileAttachment")
}

type event struct {
	id, subject *string
	start, end  *dateTimeTimeZone
}

func (e *event) texts() texts { return texts{"id": &e.id, "subject": &e.subject} }

func (e *event) GetFieldDeserializers() readers {
	found := e.texts().readers()
	for name, place := range map[string]**dateTimeTimeZone{"start": &e.start, "end": &e.end} {
		found[name] = func(node parseNode) error {
			value, err := node.GetObjectValue(func(parseNode) (serialization.Parsable, error) { return &dateTimeTimeZone{}, nil })
			if value != nil {
				*place = value.(*dateTimeTimeZone)
			}
			return err
		}
	}
	return found
}

func (e *event) Serialize(writer serialization.SerializationWriter) error {
	for name, value := range map[string]*dateTimeTimeZone{"start": e.start, "end": e.end} {
		if value != nil {
			if err := writer.WriteObjectValue(name, value); err != nil {
				return err
			}
		}
	}
	return e.texts().write(writer, "event")
}

type dateTimeTimeZone struct{ dateTime, timeZone *string }

func (d *dateTimeTimeZone) texts() texts {
	return texts{"dateTime": &d.dateTime, "timeZone": &d.timeZone}
}
func (d *dateTimeTimeZone) GetFieldDeserializers() readers { return d.texts().readers() }
func (d *dateTimeTimeZone) Serialize(writer serialization.SerializationWriter) error {
	return d.texts().write(writer, "dateTimeTimeZone")
}

func newUser(parseNode) (serialization.Parsable, error)     { return &user{}, nil }
func newResource(parseNode) (serialization.Parsable, error) { return &resource{}, nil }
func newEvent(parseNode) (serialization.Parsable, error)    { return &event{}, nil }

// typeOf returns the name of the type that an answer gives.
func typeOf(node parseNode) string {
	child, err := node.GetChildNode("@odata.type")
	if err != nil || child == nil {
		return ""
	}
	if name, err := child.GetStringValue(); err == nil && name != nil {
		return *name
	}
	return ""
}

func newDirectoryObject(node parseNode) (serialization.Parsable, error) {
	if typeOf(node) == "#microsoft.graph.user" {
		return &user{}, nil
	}
	return &directoryObject{}, nil
}

func newAttachment(node parseNode) (serialization.Parsable, error) {
	if name := typeOf(node); name != "#microsoft.graph.fileAttachment" {
		return nil, fmt.Errorf("found the type %q, expected a file attachment", name)
	}
	return &fileAttachment{}, nil
}

// items is a page of a collection.
type items struct {
	value    []serialization.Parsable
	nextLink *string
	count    *int64
	factory  serialization.ParsableFactory
}

func (i *items) GetValue() []serialization.Parsable                { return i.value }
func (i *items) GetOdataNextLink() *string                         { return i.nextLink }
func (i *items) Serialize(serialization.SerializationWriter) error { return nil }
func (i *items) GetFieldDeserializers() readers {
	return readers{
		"@odata.nextLink": reader(&i.nextLink),
		"@odata.count": func(node parseNode) (err error) {
			i.count, err = node.GetInt64Value()
			return err
		},
		"value": func(node parseNode) (err error) {
			i.value, err = node.GetCollectionOfObjectValues(i.factory)
			return err
		},
	}
}

// entities is a path with the model of its entities.
type entities[T serialization.Parsable] struct {
	path    string
	factory serialization.ParsableFactory
}

type options = map[string]string

func (e entities[T]) request(method abstractions.HttpMethod, id string, options options, body serialization.Parsable) *abstractions.RequestInformation {
	template := "{+baseurl}" + e.path
	if id != "" {
		template += "/{id}"
	}
	information := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(method,
		template+"{?%24count,%24expand,%24filter,%24orderby,%24search,%24select}", map[string]string{"id": id, "baseurl": adapter.GetBaseUrl()})
	information.Headers.TryAdd("Accept", "application/json")
	for name, value := range options {
		information.QueryParameters["%24"+name] = value
		if name == "count" {
			information.Headers.TryAdd("ConsistencyLevel", "eventual")
		}
	}
	if body != nil {
		if err := information.SetContentFromParsable(ctx, adapter, "application/json", body); err != nil {
			panic(err)
		}
	}
	return information
}

func (e entities[T]) page(parseNode) (serialization.Parsable, error) {
	return &items{factory: e.factory}, nil
}

func (e entities[T]) send(information *abstractions.RequestInformation) (found T, err error) {
	answer, err := adapter.Send(ctx, information, e.factory, errorMappings)
	if err == nil && answer != nil {
		found = answer.(T)
	}
	return found, err
}

// list returns the entities of all pages, and their number if the options ask for it.
func (e entities[T]) list(options options) (found []T, count int64, err error) {
	answer, err := adapter.Send(ctx, e.request(abstractions.GET, "", options, nil), e.page, errorMappings)
	if err != nil {
		return nil, 0, err
	}
	first := answer.(*items)
	if first.count != nil {
		count = *first.count
	}
	pages, err := graphcore.NewPageIterator[serialization.Parsable](first, adapter, e.page)
	if err != nil {
		return nil, 0, err
	}
	err = pages.Iterate(ctx, func(item serialization.Parsable) bool {
		found = append(found, item.(T))
		return true
	})
	return found, count, err
}

// life creates, updates, reads, and deletes an entity, and returns it as created, updated, and read.
func (e entities[T]) life(body, change T, idOf func(T) string, updated int, code string) (first, second, last T, err error) {
	if first, err = e.send(e.request(abstractions.POST, "", nil, body)); err != nil {
		return
	}
	id := idOf(first)
	if second, err = e.send(e.request(abstractions.PATCH, id, nil, change)); err != nil {
		return
	}
	if last, err = e.send(e.request(abstractions.GET, id, nil, nil)); err != nil {
		return
	}
	if err = adapter.SendNoContent(ctx, e.request(abstractions.DELETE, id, nil, nil), errorMappings); err != nil {
		return
	}
	_, gone := e.send(e.request(abstractions.GET, id, nil, nil))
	var refused *graphError
	if !errors.As(gone, &refused) {
		return first, second, last, fmt.Errorf("found %v, expected an error of Graph", gone)
	}
	path := "/v1.0" + e.path
	arrived("POST", path, 201)
	arrived("PATCH", path+"/*", updated)
	arrived("GET", path+"/*", 200)
	arrived("DELETE", path+"/*", 204)
	arrived("GET", path+"/*", 404)
	return first, second, last, equal(refused.GetStatusCode(), 404, refused.code, code)
}

// names returns a text of each entity.
func names[T any](entities []T, of func(T) *string) []string {
	found := []string{}
	for _, entity := range entities {
		if name := of(entity); name != nil {
			found = append(found, *name)
		} else {
			found = append(found, "")
		}
	}
	return found
}

func arrivedPages(path string) {
	arrived("GET", path, 200)
	arrived("GET", path+"?$skiptoken=*", 200)
}

// signIn lets a user sign in by a device code: `/me` needs one.
func signIn(graphURL string) error {
	credential, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions:            azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: graphURL}},
		TenantID:                 "contoso",
		ClientID:                 "any-app",
		DisableInstanceDiscovery: true,
		UserPrompt:               func(context.Context, azidentity.DeviceCodeMessage) error { return nil },
	})
	if err != nil {
		return err
	}
	return use(credential, graphURL)
}

func resources() {
	displayName := func(found *user) *string { return found.displayName }
	resourceName := func(found *resource) *string { return found.displayName }
	users := entities[*user]{"/users", newUser}
	groups := entities[*resource]{"/groups", newResource}
	channels := entities[*resource]{"/teams/" + bakery + "/channels", newResource}
	messages := entities[*resource]{"/me/messages", newResource}
	events := entities[*event]{"/me/events", newEvent}
	idOf := func(found *resource) string { return *found.id }

	check("me: the manager in a $select and an $expand", func() error {
		if err := signIn(os.Getenv("GRAPH_URL")); err != nil {
			return err
		}
		me := entities[*user]{"/me", newUser}
		found, err := me.send(me.request(abstractions.GET, "", options{"select": "displayName", "expand": "manager($select=displayName)"}, nil))
		if err != nil {
			return err
		}
		manager, isUser := found.manager.(*user)
		if !isUser {
			return fmt.Errorf("found a manager %v, expected a user", found.manager)
		}
		arrived("POST", "/*/oauth2/v2.0/devicecode", 200)
		arrived("GET", "/v1.0/me?*", 200)
		return equal(*found.displayName, "Local User", found.jobTitle == nil, true, *manager.displayName, "John Doe")
	})

	check("users: list with paging", func() error {
		found, _, err := users.list(nil)
		if err != nil {
			return err
		}
		arrivedPages("/v1.0/users")
		return equal(names(found, displayName), []string{"Local User", "John Doe", "Nora Lindqvist", "Tomás Ribeiro", "Ife Adeyemi", "Kenji Okada"})
	})

	check("users: filter, order, and search", func() error {
		filter := "userType eq 'Member' and department ne 'Bakery'"
		filtered, count, err := users.list(options{"filter": filter, "orderby": "displayName desc", "select": "displayName", "count": "true"})
		if err != nil {
			return err
		}
		found, _, err := users.list(options{"search": `"displayName:nora" OR "mail:tomas"`, "count": "true"})
		if err != nil {
			return err
		}
		arrived("GET", "/v1.0/users?*filter=*", 200)
		arrived("GET", "/v1.0/users?*search=*", 200)
		return equal(names(filtered, displayName), []string{"Tomás Ribeiro", "Ife Adeyemi"}, count, int64(2),
			names(found, displayName), []string{"Nora Lindqvist", "Tomás Ribeiro"})
	})

	check("users: create, update, get, delete", func() error {
		enabled := true
		body := &user{directoryObject: directoryObject{displayName: text("From Go")}, mailNickname: text("go"), accountEnabled: &enabled,
			userPrincipalName: text("go@contoso.onmicrosoft.com"), password: &passwordProfile{text("xWwvJ]6NMw+bWH-d")}}
		first, second, last, err := users.life(body, &user{jobTitle: text("Baker")}, func(found *user) string { return *found.id }, 204, "Request_ResourceNotFound")
		if err != nil {
			return err
		}
		return equal(*first.displayName, "From Go", second == nil, true, *last.jobTitle, "Baker", last.accountEnabled == nil, true)
	})

	check("groups: list and members as users, with paging", func() error {
		found, _, err := groups.list(nil)
		if err != nil {
			return err
		}
		members, _, err := entities[serialization.Parsable]{"/groups/" + bakery + "/members", newDirectoryObject}.list(nil)
		if err != nil {
			return err
		}
		titles := []string{}
		for _, member := range members {
			if member, isUser := member.(*user); isUser {
				titles = append(titles, *member.jobTitle)
			}
		}
		bakers, count, err := entities[*user]{"/groups/" + bakery + "/members/graph.user", newUser}.list(options{"filter": "jobTitle eq 'Baker'", "count": "true"})
		if err != nil {
			return err
		}
		arrivedPages("/v1.0/groups")
		arrivedPages("/v1.0/groups/" + bakery + "/members")
		arrived("GET", "/v1.0/groups/"+bakery+"/members/graph.user?*", 200)
		return equal(names(found, resourceName), []string{"Contoso Bakery", "Contoso Deliveries", "Frontline managers"},
			titles, []string{"Bakery manager", "Shift planner", "Baker", "Head of operations", "Driver"}, names(bakers, displayName), []string{"Nora Lindqvist"}, count, int64(1))
	})

	check("groups: create, update, get, delete", func() error {
		body := &resource{typeName: "group", displayName: text("From Go"), mailNickname: text("go"),
			flags: map[string]bool{"mailEnabled": false, "securityEnabled": true}}
		first, second, last, err := groups.life(body, &resource{typeName: "group", description: text("Changed")}, idOf, 204, "Request_ResourceNotFound")
		if err != nil {
			return err
		}
		return equal(*first.displayName, "From Go", second == nil, true, *last.description, "Changed")
	})

	check("channels: list with paging, create, update, get, delete", func() error {
		found, _, err := channels.list(nil)
		if err != nil {
			return err
		}
		body := &resource{typeName: "channel", displayName: text("From Go")}
		first, second, last, err := channels.life(body, &resource{typeName: "channel", description: text("Changed")}, idOf, 204, "NotFound")
		if err != nil {
			return err
		}
		arrivedPages("/v1.0" + channels.path)
		return equal(names(found, resourceName), []string{"General", "Ovens", "Leads"}, *first.displayName, "From Go", second == nil, true, *last.description, "Changed")
	})

	check("messages: order over pages, attachments, create, update, get, delete", func() error {
		found, _, err := messages.list(options{"select": "subject", "orderby": "receivedDateTime desc"})
		if err != nil {
			return err
		}
		attached, _, err := messages.list(options{"filter": "hasAttachments eq true", "expand": "attachments"})
		if err != nil {
			return err
		}
		attachment := attached[0].attachments[0].(*fileAttachment)
		body := &resource{typeName: "message", subject: text("From Go")}
		first, second, last, err := messages.life(body, &resource{typeName: "message", importance: text("high")}, idOf, 200, "ErrorItemNotFound")
		if err != nil {
			return err
		}
		arrived("GET", "/v1.0/me/messages?*orderby=*", 200)
		arrived("GET", "/v1.0/me/messages?*filter=*", 200)
		subjects := strings.Join(names(found, func(found *resource) *string { return found.subject }), ", ")
		return equal(subjects, "Stock-taking, Re: Rota for next week, Rota for next week, Second oven is cold, Prices from April",
			len(attachment.content) > 0, true, *first.subject, "From Go", *second.importance, "high", *last.subject, "From Go")
	})

	check("events: list with paging, create, update, get, delete", func() error {
		found, _, err := events.list(nil)
		if err != nil {
			return err
		}
		time := func(value string) *dateTimeTimeZone { return &dateTimeTimeZone{text(value), text("UTC")} }
		body := &event{subject: text("From Go"), start: time("2024-04-02T09:00:00"), end: time("2024-04-02T10:00:00")}
		first, second, last, err := events.life(body, &event{subject: text("Changed")}, func(found *event) string { return *found.id }, 200, "ErrorItemNotFound")
		if err != nil {
			return err
		}
		arrivedPages("/v1.0/me/events")
		return equal(names(found, func(found *event) *string { return found.subject }), []string{"Monday round", "Oven service", "Day off"},
			*first.subject, "From Go", *second.subject, "Changed", (*last.start.dateTime)[:16], "2024-04-02T09:00")
	})
}
