// The configuration of the Graph SDK for Java for the emulator.

// docs/clients.md: begin
import com.azure.identity.ClientSecretCredential;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.microsoft.graph.core.authentication.AzureIdentityAuthenticationProvider;
import com.microsoft.graph.models.WorkforceIntegration;
import com.microsoft.graph.models.WorkforceIntegrationSupportedEntities;
import com.microsoft.graph.serviceclient.GraphServiceClient;
import java.net.URI;
import java.util.EnumSet;

class Graph {
    static final String URL = System.getenv("GRAPH_URL");
    static final String[] SCOPES = {"https://graph.microsoft.com/.default"};
    static final ClientSecretCredential CREDENTIAL = new ClientSecretCredentialBuilder()
        .tenantId("contoso").clientId("any-app").clientSecret("any-secret")
        .authorityHost(URL).disableInstanceDiscovery().build();

    static GraphServiceClient client() {
        String[] hosts = {URI.create(URL).getHost()};
        var client = new GraphServiceClient(new AzureIdentityAuthenticationProvider(CREDENTIAL, hosts, SCOPES));
        client.getRequestAdapter().setBaseUrl(URL + "/v1.0");
        return client;
    }

    static WorkforceIntegration rename(GraphServiceClient client, String id) {
        var change = new WorkforceIntegration();
        change.setDisplayName("Renamed");
        change.setSupportedEntities(EnumSet.of(WorkforceIntegrationSupportedEntities.Shift, WorkforceIntegrationSupportedEntities.OpenShift));
        return client.teamwork().workforceIntegrations().byWorkforceIntegrationId(id).patch(change);
    }
}
// docs/clients.md: end
