// The typed Graph SDK for Go with azidentity: not in CI, since it compiles for many minutes.
package main

// docs/clients.md: begin
import (
	"context"
	"fmt"
	"net/url"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	msgraphsdk "github.com/microsoftgraph/msgraph-sdk-go"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
)

func connect(graphURL string) (*msgraphsdk.GraphServiceClient, error) {
	options := &azidentity.ClientSecretCredentialOptions{
		ClientOptions:            azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: graphURL}},
		DisableInstanceDiscovery: true,
	}
	credential, err := azidentity.NewClientSecretCredential("contoso", "any-app", "any-secret", options)
	if err != nil {
		return nil, err
	}
	address, err := url.Parse(graphURL)
	if err != nil {
		return nil, err
	}
	scopes, hosts := []string{"https://graph.microsoft.com/.default"}, []string{address.Hostname()}
	provider, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential, scopes, hosts)
	if err != nil {
		return nil, err
	}
	adapter, err := msgraphsdk.NewGraphRequestAdapter(provider)
	if err != nil {
		return nil, err
	}
	client := msgraphsdk.NewGraphServiceClient(adapter)
	adapter.SetBaseUrl(graphURL + "/v1.0")
	return client, nil
}

func rename(client *msgraphsdk.GraphServiceClient, id string) (models.WorkforceIntegrationable, error) {
	name := "Renamed"
	entities := models.WorkforceIntegrationSupportedEntities(
		models.SHIFT_WORKFORCEINTEGRATIONSUPPORTEDENTITIES | models.OPENSHIFT_WORKFORCEINTEGRATIONSUPPORTEDENTITIES)
	change := models.NewWorkforceIntegration()
	change.SetDisplayName(&name)
	change.SetSupportedEntities(&entities)
	return client.Teamwork().WorkforceIntegrations().ByWorkforceIntegrationId(id).Patch(context.Background(), change, nil)
}

// docs/clients.md: end

const (
	collection = "/v1.0/teamwork/workforceIntegrations"
	contoso    = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d"
)

func update() error {
	client, err := connect(os.Getenv("GRAPH_URL"))
	if err != nil {
		return err
	}
	entity, err := rename(client, contoso)
	if err != nil {
		return err
	}
	if *entity.GetDisplayName() != "Renamed" || entity.GetSupportedEntities().String() != "shift,openShift" {
		return fmt.Errorf("found %s and %s", *entity.GetDisplayName(), entity.GetSupportedEntities())
	}
	return nil
}

func main() {
	if err := update(); err != nil {
		fmt.Println("not ok update:", err)
		os.Exit(1)
	}
	fmt.Println("ok update")
	fmt.Println("arrived GET /contoso/v2.0/.well-known/openid-configuration* 200")
	fmt.Println("arrived POST /*/oauth2/v2.0/token 200")
	fmt.Println("arrived PATCH", collection+"/"+contoso, 200)
}
