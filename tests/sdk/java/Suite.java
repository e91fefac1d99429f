// The Graph SDK for Java with azure-identity.

import com.azure.core.credential.TokenRequestContext;
import com.microsoft.graph.core.content.BatchRequestContent;
import com.microsoft.graph.core.tasks.PageIterator;
import com.microsoft.graph.models.EligibilityFilteringEnabledEntities;
import com.microsoft.graph.models.WorkforceIntegration;
import com.microsoft.graph.models.WorkforceIntegrationCollectionResponse;
import com.microsoft.graph.models.WorkforceIntegrationEncryption;
import com.microsoft.graph.models.WorkforceIntegrationEncryptionProtocol;
import com.microsoft.graph.models.WorkforceIntegrationSupportedEntities;
import com.microsoft.graph.models.odataerrors.ODataError;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;

public class Suite {
    static final String COLLECTION = "/v1.0/teamwork/workforceIntegrations";

    /** An entity of the built-in fixtures. */
    static final String CONTOSO = "WFI_05227533-379e-4a0a-9d17-afe306a1e10d";

    /** An entity whose first update gets 429, by faults.json. */
    static final String BUSY = "0ce9b8e3-b8e3-0ce9-e3b8-e90ce3b8e90c";

    static boolean failed = false;

    interface Body {
        void run() throws Exception;
    }

    /** Prints the result of a check, and continues with the next one. */
    static void check(String name, Body body) {
        try {
            body.run();
            System.out.println("ok " + name);
        } catch (Exception | AssertionError error) {
            error.printStackTrace();
            System.out.println("not ok " + name + ": " + String.valueOf(error).replace('\n', ' '));
            failed = true;
        }
    }

    /** Declares a request that the emulator's log must contain; `*` matches any text. */
    static void arrived(String method, String path, int status) {
        System.out.println("arrived " + method + " " + path + " " + status);
    }

    static void equal(Object found, Object expected) {
        if (!Objects.equals(found, expected)) {
            throw new AssertionError("found " + found + ", expected " + expected);
        }
    }

    /** Marks a request of the suite itself: the findings of the report are to be those of the SDK. */
    static HttpRequest.Builder own(URI uri) {
        return HttpRequest.newBuilder(uri).header("User-Agent", "wfi-emulator-suite").header("client-request-id", UUID.randomUUID().toString());
    }

    /** Checks that an entity read over plain HTTP, without the SDK, contains these pieces of text. */
    static void stored(String id, String... pieces) throws Exception {
        var uri = URI.create(System.getenv("PLAIN_URL") + COLLECTION + "/" + id);
        var answer = HttpClient.newHttpClient().send(own(uri).build(), HttpResponse.BodyHandlers.ofString());
        for (String piece : pieces) {
            if (!answer.body().contains(piece)) {
                throw new AssertionError("found " + answer.body() + ", expected it to have " + piece);
            }
        }
    }

    public static void main(String[] arguments) {
        if (arguments.length > 0 && arguments[0].equals("identity")) {
            Identity.run();
            Msal.run();
            System.exit(failed ? 1 : 0);
        }
        var client = Graph.client();
        var integrations = client.teamwork().workforceIntegrations();
        var contoso = integrations.byWorkforceIntegrationId(CONTOSO);
        var created = new WorkforceIntegration[1];

        check("sign in", () -> {
            var token = Graph.CREDENTIAL.getToken(new TokenRequestContext().addScopes(Graph.SCOPES)).block().getToken();
            equal(token.split("\\.").length, 3);
            arrived("POST", "/*/oauth2/v2.0/token", 200);
        });

        check("list with paging", () -> {
            var first = integrations.get();
            equal(first.getValue().size(), 2);
            var names = new ArrayList<String>();
            new PageIterator.Builder<WorkforceIntegration, WorkforceIntegrationCollectionResponse>()
                .client(client)
                .collectionPage(first)
                .collectionPageFactory(WorkforceIntegrationCollectionResponse::createFromDiscriminatorValue)
                .processPageItemCallback(item -> names.add(item.getDisplayName()))
                .build()
                .iterate();
            equal(names, List.of("Contoso Workforce", "Display Name value", "Northwind time clock", "Tailwind pilot (switched off)"));
            arrived("GET", COLLECTION, 200);
            arrived("GET", COLLECTION + "?*skiptoken=*", 200);
        });

        check("query options", () -> {
            var answer = integrations.get(request -> {
                request.queryParameters.filter = "isActive eq false";
                request.queryParameters.select = new String[] {"displayName"};
                request.queryParameters.count = true;
            });
            equal(answer.getValue().size(), 1);
            equal(answer.getValue().get(0).getUrl(), null);
            equal(answer.getOdataCount(), 1L);
            arrived("GET", COLLECTION + "?*filter=isActive*", 200);
        });

        check("count", () -> {
            equal(integrations.count().get(), 4);
            arrived("GET", COLLECTION + "/$count", 200);
        });

        check("create", () -> {
            var body = new WorkforceIntegration();
            body.setDisplayName("From Java");
            body.setApiVersion(1);
            body.setIsActive(true);
            body.setUrl("https://contoso.com/shifts/");
            body.setSupportedEntities(EnumSet.of(WorkforceIntegrationSupportedEntities.Shift, WorkforceIntegrationSupportedEntities.SwapRequest));
            body.setEligibilityFilteringEnabledEntities(EnumSet.of(EligibilityFilteringEnabledEntities.SwapRequest));
            var encryption = new WorkforceIntegrationEncryption();
            encryption.setProtocol(WorkforceIntegrationEncryptionProtocol.SharedSecret);
            encryption.setSecret("s".repeat(64));
            body.setEncryption(encryption);
            created[0] = integrations.post(body);
            equal(created[0].getSupportedEntities(), body.getSupportedEntities());
            equal(created[0].getEncryption().getProtocol(), WorkforceIntegrationEncryptionProtocol.SharedSecret);
            stored(created[0].getId(), "\"supportedEntities\":\"shift,swapRequest\"", "\"eligibilityFilteringEnabledEntities\":\"swapRequest\"");
            arrived("POST", COLLECTION, 201);
        });

        check("get", () -> {
            var entity = integrations.byWorkforceIntegrationId(created[0].getId()).get();
            equal(entity.getDisplayName(), "From Java");
            equal(entity.getLastModifiedDateTime(), created[0].getLastModifiedDateTime());
            arrived("GET", COLLECTION + "/WFI_*", 200);
        });

        check("update", () -> {
            equal(Graph.rename(client, CONTOSO).getDisplayName(), "Renamed");
            stored(CONTOSO, "\"displayName\":\"Renamed\"", "\"supportedEntities\":\"shift,openShift\"", "\"apiVersion\":1", "any-app");
            arrived("PATCH", COLLECTION + "/" + CONTOSO, 200);
        });

        check("update of a nested object", () -> {
            var change = new WorkforceIntegration();
            change.setEncryption(new WorkforceIntegrationEncryption());
            change.getEncryption().setSecret("t".repeat(64));
            equal(contoso.patch(change).getEncryption().getProtocol(), WorkforceIntegrationEncryptionProtocol.SharedSecret);
            stored(CONTOSO, "\"encryption\":{\"protocol\":\"sharedSecret\",\"secret\":null}", "\"displayName\":\"Renamed\"");
        });

        check("read, modify, write", () -> {
            var entity = contoso.get();
            entity.setDisplayName("Written back");
            contoso.patch(entity);
            stored(CONTOSO, "\"displayName\":\"Written back\"", "\"supportedEntities\":\"shift,openShift\"", "\"isActive\":true", "\"apiVersion\":1");
        });

        check("a retry after 429", () -> {
            var change = new WorkforceIntegration();
            change.setApiVersion(3);
            equal(integrations.byWorkforceIntegrationId(BUSY).patch(change).getApiVersion(), 3);
            arrived("PATCH", COLLECTION + "/" + BUSY, 429);
            arrived("PATCH", COLLECTION + "/" + BUSY, 200);
        });

        check("batch", () -> {
            var content = new BatchRequestContent(client);
            var change = new WorkforceIntegration();
            change.setApiVersion(2);
            var read = content.addBatchRequestStep(contoso.toGetRequestInformation());
            var write = content.addBatchRequestStep(contoso.toPatchRequestInformation(change));
            var missing = content.addBatchRequestStep(integrations.byWorkforceIntegrationId("WFI_none").toGetRequestInformation());
            var answer = client.getBatchRequestBuilder().post(content, null);
            equal(answer.getResponsesStatusCode(), Map.of(read, 200, write, 200, missing, 404));
            var entity = answer.getResponseById(read, WorkforceIntegration::createFromDiscriminatorValue);
            equal(entity.getDisplayName(), "Written back");
            stored(CONTOSO, "\"apiVersion\":2");
            arrived("POST", "/v1.0/$batch", 200);
        });

        check("delete", () -> {
            integrations.byWorkforceIntegrationId(created[0].getId()).delete();
            arrived("DELETE", COLLECTION + "/" + created[0].getId(), 204);
        });

        check("a typed error", () -> {
            try {
                integrations.byWorkforceIntegrationId(created[0].getId()).get();
            } catch (ODataError error) {
                equal(error.getResponseStatusCode(), 404);
                equal(error.getError().getCode(), "NotFound");
                arrived("GET", COLLECTION + "/" + created[0].getId(), 404);
                return;
            }
            throw new AssertionError("the deleted entity was answered");
        });

        Resources.run();

        // The HTTP client of the identity library keeps threads that would outlive the suite.
        System.exit(failed ? 1 : 0);
    }
}
