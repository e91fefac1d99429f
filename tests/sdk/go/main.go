// The core of the Graph SDK for Go, with Kiota's HTTP stack and azidentity.
//
// The typed SDK takes many minutes to compile; `../go-typed` is for that, outside CI. Here, models.go replaces its models.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/uuid"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
)

const collection = "/v1.0/teamwork/workforceIntegrations"

// An entity of the built-in fixtures.
const contoso = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d"

// An entity whose first read gets 429, by faults.json.
//
// Other suites repeat an update. This SDK sometimes repeats it uncompressed but declares it compressed (kiota-http-go#183).
const busy = "WFI_8dbddbb0-6cba-4861-a541-192320cc0e88"

var (
	failed  = false
	ctx     = context.Background()
	adapter *graphcore.GraphRequestAdapterBase
	scopes  = []string{"https://graph.microsoft.com/.default"}
)

// check prints the result of a check, and continues with the next one.
func check(name string, body func() error) {
	if err := body(); err != nil {
		failed = true
		fmt.Printf("not ok %s: %s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
		return
	}
	fmt.Println("ok", name)
}

// arrived declares a request that the emulator's log must contain; `*` matches any text.
func arrived(method, path string, status int) {
	fmt.Println("arrived", method, path, status)
}

// equal compares values in pairs: found, expected.
func equal(values ...any) error {
	for index := 0; index < len(values); index += 2 {
		if !reflect.DeepEqual(values[index], values[index+1]) {
			return fmt.Errorf("found %v, expected %v", values[index], values[index+1])
		}
	}
	return nil
}

// own marks a request of the suite itself: the findings of the report are to be those of the SDK.
func own(request *http.Request) {
	request.Header.Set("User-Agent", "wfi-emulator-suite")
	request.Header.Set("client-request-id", uuid.NewString())
}

// stored returns an entity as read over plain HTTP, without the SDK.
func stored(id string) map[string]any {
	entity := map[string]any{}
	request, err := http.NewRequest("GET", os.Getenv("PLAIN_URL")+collection+"/"+id, nil)
	if err != nil {
		panic(err)
	}
	own(request)
	answer, err := http.DefaultClient.Do(request)
	if err == nil {
		err = json.NewDecoder(answer.Body).Decode(&entity)
		answer.Body.Close()
	}
	if err != nil {
		panic(err)
	}
	return entity
}

// connect points the SDK at the emulator.
func connect(graphURL string) (azcore.TokenCredential, error) {
	options := &azidentity.ClientSecretCredentialOptions{
		ClientOptions:            azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: graphURL}},
		DisableInstanceDiscovery: true,
	}
	credential, err := azidentity.NewClientSecretCredential("contoso", "any-app", "any-secret", options)
	if err != nil {
		return nil, err
	}
	return credential, use(credential, graphURL)
}

// use makes the SDK send the tokens of a credential.
func use(credential azcore.TokenCredential, graphURL string) error {
	address, err := url.Parse(graphURL)
	if err != nil {
		return err
	}
	provider, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, scopes, []string{address.Hostname()})
	if err != nil {
		return err
	}
	abstractions.RegisterDefaultSerializer(func() serialization.SerializationWriterFactory {
		return jsonserialization.NewJsonSerializationWriterFactory()
	})
	abstractions.RegisterDefaultDeserializer(func() serialization.ParseNodeFactory {
		return jsonserialization.NewJsonParseNodeFactory()
	})
	adapter, err = graphcore.NewGraphRequestAdapterBase(provider, graphcore.GraphClientOptions{GraphServiceVersion: "v1.0"})
	if err != nil {
		return err
	}
	adapter.SetBaseUrl(graphURL + "/v1.0")
	return nil
}

// request prepares a request to the collection, or to one of its entities, with a body.
func request(method abstractions.HttpMethod, id string, body serialization.Parsable) *abstractions.RequestInformation {
	template := "{+baseurl}/teamwork/workforceIntegrations"
	if id != "" {
		template += "/{id}"
	}
	information := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(
		method, template+"{?%24filter,%24select,%24count}", map[string]string{"id": id, "baseurl": adapter.GetBaseUrl()})
	information.Headers.TryAdd("Accept", "application/json")
	if body != nil {
		if err := information.SetContentFromParsable(ctx, adapter, "application/json", body); err != nil {
			panic(err)
		}
	}
	return information
}

// one sends a request and parses the entity in the answer.
func one(information *abstractions.RequestInformation) (*integration, error) {
	answer, err := adapter.Send(ctx, information, newIntegration, errorMappings)
	if err != nil {
		return nil, err
	}
	return answer.(*integration), nil
}

func list(information *abstractions.RequestInformation) (*page, error) {
	answer, err := adapter.Send(ctx, information, newPage, errorMappings)
	if err != nil {
		return nil, err
	}
	return answer.(*page), nil
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "identity" {
		identity()
		msal()
		if failed {
			os.Exit(1)
		}
		return
	}
	credential, err := connect(os.Getenv("GRAPH_URL"))
	if err != nil {
		panic(err)
	}
	created := &integration{}

	check("sign in", func() error {
		token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: scopes})
		if err != nil {
			return err
		}
		arrived("GET", "/contoso/v2.0/.well-known/openid-configuration*", 200)
		arrived("POST", "/*/oauth2/v2.0/token", 200)
		return equal(strings.Count(token.Token, "."), 2)
	})

	check("list with paging", func() error {
		first, err := list(request(abstractions.GET, "", nil))
		if err != nil {
			return err
		}
		pages, err := graphcore.NewPageIterator[*integration](first, adapter, newPage)
		if err != nil {
			return err
		}
		names := []string{}
		err = pages.Iterate(ctx, func(item *integration) bool {
			names = append(names, *item.displayName)
			return true
		})
		if err != nil {
			return err
		}
		arrived("GET", collection, 200)
		arrived("GET", collection+"?*skiptoken=*", 200)
		return equal(len(first.value), 2, names, []string{"Contoso Workforce", "Display Name value", "Northwind time clock", "Tailwind pilot (switched off)"})
	})

	check("query options", func() error {
		information := request(abstractions.GET, "", nil)
		information.QueryParameters["%24filter"] = "isActive eq false"
		information.QueryParameters["%24select"] = "displayName"
		answer, err := list(information)
		if err != nil {
			return err
		}
		arrived("GET", collection+"?*filter=isActive*", 200)
		return equal(len(answer.value), 1, *answer.value[0].displayName, "Tailwind pilot (switched off)")
	})

	check("create, in a compressed body", func() error {
		body := &integration{
			displayName: text("From Go"), apiVersion: number(1), supportedEntities: text("shift,swapRequest"),
			encryption: &encryption{protocol: text("sharedSecret"), secret: text(strings.Repeat("s", 64))},
		}
		created, err = one(request(abstractions.POST, "", body))
		if err != nil {
			return err
		}
		arrived("POST", collection, 201)
		found := stored(*created.id)
		return equal(found["displayName"], "From Go", found["supportedEntities"], "shift,swapRequest",
			found["encryption"], map[string]any{"protocol": "sharedSecret", "secret": nil})
	})

	check("get", func() error {
		entity, err := one(request(abstractions.GET, *created.id, nil))
		if err != nil {
			return err
		}
		arrived("GET", collection+"/WFI_*", 200)
		return equal(*entity.displayName, "From Go", *entity.apiVersion, int32(1))
	})

	check("update", func() error {
		before := stored(contoso)
		entity, err := one(request(abstractions.PATCH, contoso, &integration{displayName: text("Renamed")}))
		if err != nil {
			return err
		}
		arrived("PATCH", collection+"/"+contoso, 200)
		found := stored(contoso)
		by, _ := found["lastModifiedBy"].(map[string]any)["application"].(map[string]any)
		return equal(*entity.displayName, "Renamed", found["supportedEntities"], before["supportedEntities"], by["id"], "any-app")
	})

	check("update of a nested object", func() error {
		change := &integration{encryption: &encryption{secret: text(strings.Repeat("t", 64))}}
		entity, err := one(request(abstractions.PATCH, contoso, change))
		if err != nil {
			return err
		}
		return equal(*entity.encryption.protocol, "sharedSecret")
	})

	check("read, modify, write", func() error {
		before := stored(contoso)
		entity, err := one(request(abstractions.GET, contoso, nil))
		if err != nil {
			return err
		}
		entity.displayName = text("Written back")
		if _, err = one(request(abstractions.PATCH, contoso, entity)); err != nil {
			return err
		}
		found := stored(contoso)
		return equal(found["displayName"], "Written back", found["supportedEntities"], before["supportedEntities"], found["encryption"], before["encryption"])
	})

	check("a retry after 429", func() error {
		entity, err := one(request(abstractions.GET, busy, nil))
		if err != nil {
			return err
		}
		arrived("GET", collection+"/"+busy, 429)
		arrived("GET", collection+"/"+busy, 200)
		return equal(*entity.displayName, "Northwind time clock")
	})

	check("batch", func() error {
		batch := graphcore.NewBatchRequest(adapter)
		read, _ := batch.AddBatchRequestStep(*request(abstractions.GET, contoso, nil))
		write, _ := batch.AddBatchRequestStep(*request(abstractions.PATCH, contoso, &integration{apiVersion: number(2)}))
		write.DependsOnItem(read)
		missing, _ := batch.AddBatchRequestStep(*request(abstractions.GET, "WFI_none", nil))
		answer, err := batch.Send(ctx, adapter)
		if err != nil {
			return err
		}
		arrived("POST", "/v1.0/$batch", 200)
		entity, err := graphcore.GetBatchResponseById[*integration](answer, *read.GetId(), newIntegration)
		if err != nil {
			return err
		}
		return equal(answer.GetStatusCodes(), map[string]int32{*read.GetId(): 200, *write.GetId(): 200, *missing.GetId(): 404},
			*entity.displayName, "Written back", stored(contoso)["apiVersion"], 2.0)
	})

	check("delete", func() error {
		arrived("DELETE", collection+"/"+*created.id, 204)
		return adapter.SendNoContent(ctx, request(abstractions.DELETE, *created.id, nil), errorMappings)
	})

	check("a typed error", func() error {
		_, err := one(request(abstractions.GET, *created.id, nil))
		arrived("GET", collection+"/"+*created.id, 404)
		var refused *graphError
		if !errors.As(err, &refused) {
			return fmt.Errorf("found %v, expected an error of Graph", err)
		}
		return equal(refused.GetStatusCode(), 404, refused.code, "NotFound")
	})

	resources()

	if failed {
		os.Exit(1)
	}
}
