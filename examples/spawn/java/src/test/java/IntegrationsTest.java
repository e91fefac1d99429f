import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Emulator.class)
class IntegrationsTest {
    private static final String PATH = "/v1.0/teamwork/workforceIntegrations";
    private final HttpClient client = HttpClient.newHttpClient();

    private int count(TestInfo test) throws Exception {
        HttpRequest list = HttpRequest.newBuilder(URI.create(Emulator.baseUrl(test) + PATH)).build();
        return client.send(list, BodyHandlers.ofString()).body().split("\"id\":\"WFI_|\"id\":\"0ce9b8e3").length - 1;
    }

    @Test
    void oneCreates(TestInfo test) throws Exception {
        HttpRequest create = HttpRequest.newBuilder(URI.create(Emulator.baseUrl(test) + PATH))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString("{\"displayName\":\"Contoso\"}"))
            .build();
        assertEquals(201, client.send(create, BodyHandlers.ofString()).statusCode());
        assertEquals(5, count(test));
    }

    @Test
    void anotherDoesNotSeeIt(TestInfo test) throws Exception {
        assertEquals(4, count(test));
    }
}
