// The Graph SDK for Java with its sign-in, as its documentation shows it: no address, no certificate, no proxy. `tests/run` runs it.

import com.azure.identity.ClientSecretCredentialBuilder;
import com.microsoft.graph.serviceclient.GraphServiceClient;

public class Unmodified {
    public static void main(String[] arguments) {
        var credential = new ClientSecretCredentialBuilder()
                .tenantId("6a8a9cb5-4c02-4f5e-9a4b-7c9b6a1f0d31")
                .clientId("0d6e0b2f-3f57-4f3c-8a39-0f4b8f7f2a11")
                .clientSecret("hush")
                .build();
        var client = new GraphServiceClient(credential, "https://graph.microsoft.com/.default");
        client.users().get().getValue().forEach(user -> System.out.println(user.getDisplayName()));
        // The SDK leaves threads behind.
        System.exit(0);
    }
}
