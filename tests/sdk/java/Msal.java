// Sign-in by MSAL for Java itself: client credentials, authorization code, device code, on behalf of a user, and the cache of users.

import com.azure.core.credential.TokenCredential;
import com.azure.core.http.HttpMethod;
import com.azure.core.http.HttpPipelineBuilder;
import com.azure.core.http.HttpRequest;
import com.azure.core.http.policy.BearerTokenAuthenticationPolicy;
import com.azure.core.util.Context;
import com.azure.identity.UsernamePasswordCredentialBuilder;
import com.microsoft.aad.msal4j.AuthorizationCodeParameters;
import com.microsoft.aad.msal4j.AuthorizationRequestUrlParameters;
import com.microsoft.aad.msal4j.ClientCredentialFactory;
import com.microsoft.aad.msal4j.ClientCredentialParameters;
import com.microsoft.aad.msal4j.ConfidentialClientApplication;
import com.microsoft.aad.msal4j.DeviceCodeFlowParameters;
import com.microsoft.aad.msal4j.OnBehalfOfParameters;
import com.microsoft.aad.msal4j.PublicClientApplication;
import com.microsoft.aad.msal4j.ResponseMode;
import com.microsoft.aad.msal4j.SilentParameters;
import com.microsoft.aad.msal4j.UserAssertion;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Set;

class Msal {
    static final String AUTHORITY = Graph.URL + "/contoso/";
    static final Set<String> GRAPH = Set.of("https://graph.microsoft.com/.default");
    static final Set<String> SCOPES = Set.of("https://graph.microsoft.com/WorkforceIntegration.ReadWrite.All");
    static final String COLLECTION = "/v1.0/teamwork/workforceIntegrations";

    static ConfidentialClientApplication confidential(String id) throws Exception {
        return ConfidentialClientApplication.builder(id, ClientCredentialFactory.createFromSecret("any-secret"))
            .authority(AUTHORITY).instanceDiscovery(false).build();
    }

    /** Gets an address, and checks the status. */
    static java.net.http.HttpResponse<String> get(String address, String token, int status) throws Exception {
        var request = Suite.own(URI.create(address));
        if (token != null) {
            request.header("Authorization", "Bearer " + token);
        }
        var answer = HttpClient.newHttpClient().send(request.build(), BodyHandlers.ofString());
        is(answer.statusCode(), status);
        return answer;
    }

    static void is(Object found, Object expected) {
        if (!expected.equals(found)) {
            throw new AssertionError("found " + found + ", expected " + expected);
        }
    }

    static void run() {
        // At an address with a port, the library does not find the tokens of an application in its cache, and asks port 443 for fresh ones.
        Suite.check("MSAL: client credentials", () -> {
            var application = confidential("any-app");
            var first = application.acquireToken(ClientCredentialParameters.builder(GRAPH).build()).get();
            get(Graph.URL + COLLECTION, first.accessToken(), 200);
            Suite.arrived("GET", COLLECTION, 200);
            Suite.arrived("POST", "/*/oauth2/v2.0/token", 200);
        });

        Suite.check("MSAL: authorization code, the cache, and sign-out", () -> {
            var application = confidential("any-app");
            var redirect = "http://localhost/back";
            var address = application.getAuthorizationRequestUrl(AuthorizationRequestUrlParameters.builder(redirect, SCOPES).responseMode(ResponseMode.QUERY).build());
            var location = get(address.toString(), null, 302).headers().firstValue("location").get();
            var code = location.replaceAll(".*[?&]code=([^&]*).*", "$1");
            var result = application.acquireToken(AuthorizationCodeParameters.builder(code, new URI(redirect)).scopes(SCOPES).build()).get();
            var silent = application.acquireTokenSilently(SilentParameters.builder(SCOPES, result.account()).build()).get();
            is(silent.accessToken(), result.accessToken());
            application.removeAccount(result.account()).get();
            is(application.getAccounts().get().size(), 0);
            Suite.arrived("GET", "/*/oauth2/v2.0/authorize*", 302);
        });

        Suite.check("MSAL: device code, then the cache", () -> {
            var application = PublicClientApplication.builder("any-app").authority(AUTHORITY).instanceDiscovery(false).build();
            var result = application.acquireToken(DeviceCodeFlowParameters.builder(SCOPES, shown -> {}).build()).get();
            var silent = application.acquireTokenSilently(SilentParameters.builder(SCOPES, result.account()).build()).get();
            is(silent.accessToken(), result.accessToken());
            Suite.arrived("POST", "/*/oauth2/v2.0/devicecode", 200);
        });

        Suite.check("MSAL: on behalf of a user", () -> {
            var client = PublicClientApplication.builder("any-app").authority(AUTHORITY).instanceDiscovery(false).build();
            var orders = Set.of("api://" + Identity.API + "/Orders.Read");
            var called = client.acquireToken(DeviceCodeFlowParameters.builder(orders, shown -> {}).build()).get();
            var service = confidential(Identity.API);
            var parameters = OnBehalfOfParameters.builder(SCOPES, new UserAssertion(called.accessToken())).build();
            var first = service.acquireToken(parameters).get();
            get(Graph.URL + COLLECTION, first.accessToken(), 200);
        });

        Suite.check("azure-core answers a challenge by itself", () -> {
            @SuppressWarnings("deprecation")
            TokenCredential user = new UsernamePasswordCredentialBuilder()
                .tenantId("contoso").clientId("any-app").username("ife@contoso.com").password("any-password")
                .authorityHost(Graph.URL).disableInstanceDiscovery().build();
            var policy = new BearerTokenAuthenticationPolicy(
                user, "https://graph.microsoft.com/WorkforceIntegration.Read.All", "https://graph.microsoft.com/User.RevokeSessions.All");
            var pipeline = new HttpPipelineBuilder().policies(policy).build();
            is(pipeline.sendSync(new HttpRequest(HttpMethod.GET, Graph.URL + COLLECTION), Context.NONE).getStatusCode(), 200);
            Thread.sleep(1100);
            is(pipeline.sendSync(new HttpRequest(HttpMethod.POST, Graph.URL + "/v1.0/me/revokeSignInSessions").setBody(""), Context.NONE).getStatusCode(), 200);
            is(pipeline.sendSync(new HttpRequest(HttpMethod.GET, Graph.URL + COLLECTION), Context.NONE).getStatusCode(), 200);
            Suite.arrived("POST", "/v1.0/me/revokeSignInSessions", 200);
            Suite.arrived("GET", COLLECTION, 401);
            Suite.arrived("GET", "/common/userrealm/*", 200);
        });
    }
}
