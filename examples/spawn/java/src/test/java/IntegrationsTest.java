import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(Emulator.class)
class IntegrationsTest {
    private static final String PATH = "/v1.0/teamwork/workforceIntegrations";
    private final HttpClient client = HttpClient.newHttpClient();

    private World world;

    @BeforeEach
    void create(TestInfo test) {
        world = new World(test.getTestClass().orElseThrow().getSimpleName() + "." + test.getDisplayName());
    }

    private int count() throws Exception {
        HttpRequest list = HttpRequest.newBuilder(URI.create(world.url + PATH)).build();
        return client.send(list, BodyHandlers.ofString()).body().split("\"id\":\"WFI_|\"id\":\"0ce9b8e3").length - 1;
    }

    private void createOne() throws Exception {
        HttpRequest create = HttpRequest.newBuilder(URI.create(world.url + PATH))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString("{\"displayName\":\"Contoso\"}"))
            .build();
        assertEquals(201, client.send(create, BodyHandlers.ofString()).statusCode());
    }

    @Test
    void oneCreates() throws Exception {
        createOne();
        assertEquals(5, count());
    }

    @Test
    void anotherDoesNotSeeIt() throws Exception {
        assertEquals(4, count());
    }

    @RepeatedTest(value = 3, name = "the same name")
    void eachRepetitionHasItsOwnWorld() throws Exception {
        createOne();
        assertEquals(5, count());
    }

    static Stream<String> names() {
        return Stream.of("a/b", "a-b", "a b", "a b", "Tätig", "Tötig", "x".repeat(200));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("names")
    void eachCaseHasItsOwnWorld(String name) throws Exception {
        createOne();
        assertEquals(5, count());
    }

    @Nested
    class Early {
        @Test
        void ofAnEqualName() throws Exception {
            createOne();
            assertEquals(5, count());
        }
    }

    @Nested
    class Late {
        @Test
        void ofAnEqualName() throws Exception {
            assertEquals(4, count());
        }
    }

    @Test
    void theVerbs() throws Exception {
        world.faults("[\"throttled\"]");
        assertTrue(world.faults().contains("throttled"));
        world.faults("[]");
        createOne();
        world.expect("{\"method\": \"POST\", \"status\": \"201\", \"times\": 1}");
        AssertionError unmet = assertThrows(AssertionError.class, () -> world.expect("{\"method\": \"DELETE\"}"));
        assertTrue(unmet.getMessage().contains("DELETE"), unmet.getMessage());
        assertTrue(world.journal("method=POST").contains("Contoso"));
        assertTrue(world.exchanges().contains("HTTP 201"));
        world.state("{\"workforceIntegrations\": []}");
        assertEquals(0, count());
        world.behaviors("{\"unknown-property\": \"ignore\"}");
        world.clock("{\"now\": \"2030-01-01T00:00:00Z\", \"advance\": 90, \"running\": false}");
        assertTrue(world.clock().contains("2030-01-01T00:01:30Z"), world.clock());
        world.reset();
        assertEquals(4, count());
        assertTrue(world.state().contains("workforceIntegrations"));
        IllegalStateException refused = assertThrows(IllegalStateException.class, () -> world.faults("[\"unknown\"]"));
        assertTrue(refused.getMessage().startsWith("refused with 400"), refused.getMessage());
    }

    private void get(String target) throws Exception {
        client.send(HttpRequest.newBuilder(URI.create(world.url + target)).build(), BodyHandlers.discarding());
    }

    @Test
    void aCleanClientPasses() throws Exception {
        AssertionError idle = assertThrows(AssertionError.class, () -> world.assertCleanClient());
        assertTrue(idle.getMessage().startsWith("no requests to check"), idle.getMessage());
        // docs/report.md: begin
        get("/v1.0/me?$select=displayName");
        world.assertCleanClient("allow=no-token-cache", "warning");
        // docs/report.md: end
    }

    @Test
    void whatAClientDoesWrongFailsItsTest() throws Exception {
        get("/beta/me");
        String message = assertThrows(AssertionError.class, () -> world.assertCleanClient()).getMessage();
        assertTrue(message.startsWith("the client is not clean\n\nwarning: beta used where v1.0 has the operation [beta-used]\n"), message);
        for (String part : new String[] {"request 1 GET /beta/me\n", "better: use v1.0", "source: https://", " in 1 request to the world "}) {
            assertTrue(message.contains(part), message);
        }
        assertTrue(!message.contains("no-token"), message);
        AssertionError notes = assertThrows(AssertionError.class, () -> world.assertCleanClient("allow=beta-used", "note"));
        assertTrue(notes.getMessage().contains("[no-token]"), notes.getMessage());
        world.assertCleanClient("allow=beta-used", "warning");
        world.assertCleanClient("only=polling,early-retry", "warning");
        world.assertCleanClient("", "error");
        assertTrue(world.report("only=beta-used").contains("\"count\": 1"), world.report("only=beta-used"));
        assertThrows(IllegalStateException.class, () -> world.assertCleanClient("allow=beta", "warning"));
        IllegalStateException fatal = assertThrows(IllegalStateException.class, () -> world.assertCleanClient("", "fatal"));
        assertTrue(fatal.getMessage().contains("unknown severity 'fatal': expected error, warning, note"), fatal.getMessage());
    }

    private static int attempts;

    /** Fails once: Surefire repeats it. */
    @Test
    void aRerunHasItsOwnWorld() throws Exception {
        attempts++;
        createOne();
        assertEquals(5, count());
        assertEquals(2, attempts, "the first attempt fails");
    }
}
