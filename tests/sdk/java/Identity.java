// Sign-in by azure-identity, which wraps MSAL for Java: with name and password, on behalf of a user, as a managed identity.

import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.ManagedIdentityCredentialBuilder;
import com.azure.identity.OnBehalfOfCredentialBuilder;
import com.azure.identity.UsernamePasswordCredentialBuilder;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

class Identity {
    /** An API of one's own. */
    static final String API = "22222222-2222-2222-2222-222222222222";

    static String token(TokenCredential credential, String scope) {
        return credential.getToken(new TokenRequestContext().addScopes(scope)).block().getToken();
    }

    /** Checks that the claims of a token contain these pieces of text. */
    static void has(String token, String... pieces) {
        var claims = new String(Base64.getUrlDecoder().decode(token.split("\\.")[1]), StandardCharsets.UTF_8);
        for (String piece : pieces) {
            if (!claims.contains(piece)) {
                throw new AssertionError("found " + claims + ", expected it to have " + piece);
            }
        }
    }

    @SuppressWarnings("deprecation")
    static void run() {
        Suite.check("sign in with name and password, then on behalf of the user", () -> {
            var user = new UsernamePasswordCredentialBuilder()
                .tenantId("contoso").clientId("any-app").username("adele@contoso.com").password("any-password")
                .authorityHost(Graph.URL).disableInstanceDiscovery().build();
            var assertion = token(user, "api://" + API + "/Orders.Read");
            has(assertion, "\"aud\":\"api://" + API + "\"", "\"scp\":\"Orders.Read\"");
            var service = new OnBehalfOfCredentialBuilder()
                .tenantId("contoso").clientId(API).clientSecret("any-secret").userAssertion(assertion)
                .authorityHost(Graph.URL).disableInstanceDiscovery().build();
            has(token(service, "https://graph.microsoft.com/.default"), "\"upn\":\"adele@contoso.com\"", "\"appid\":\"" + API + "\"");
            Suite.arrived("GET", "/common/userrealm/adele*", 200);
        });

        Suite.check("sign in as a managed identity by environment", () -> {
            var identity = new ManagedIdentityCredentialBuilder().build();
            has(token(identity, "https://graph.microsoft.com/.default"), "\"appidacr\":\"2\"", "\"idtyp\":\"app\"");
            Suite.arrived("GET", "/msi/token*", 200);
        });
    }
}
