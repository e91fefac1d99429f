// The core of the Graph SDK for Go with its sign-in, as its documentation shows it: no address, no certificate, no proxy. `tests/run` runs it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
)

func main() {
	credential, err := azidentity.NewClientSecretCredential(
		"6a8a9cb5-4c02-4f5e-9a4b-7c9b6a1f0d31", "0d6e0b2f-3f57-4f3c-8a39-0f4b8f7f2a11", "hush", nil)
	if err != nil {
		log.Fatal(err)
	}
	provider, err := authentication.NewAzureIdentityAuthenticationProviderWithScopes(
		credential, []string{"https://graph.microsoft.com/.default"})
	if err != nil {
		log.Fatal(err)
	}
	adapter, err := graphcore.NewGraphRequestAdapterBase(provider, graphcore.GraphClientOptions{GraphServiceVersion: "v1.0"})
	if err != nil {
		log.Fatal(err)
	}
	// As the typed SDK, which takes many minutes to compile, does it.
	adapter.SetBaseUrl("https://graph.microsoft.com/v1.0")
	request := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(
		abstractions.GET, "{+baseurl}/users", map[string]string{})
	answer, err := adapter.SendPrimitive(context.Background(), request, "[]byte", nil)
	if err != nil {
		log.Fatal(err)
	}
	var users struct {
		Value []struct{ DisplayName string }
	}
	if err := json.Unmarshal(answer.([]byte), &users); err != nil {
		log.Fatal(err)
	}
	for _, user := range users.Value {
		fmt.Println(user.DisplayName)
	}
}
