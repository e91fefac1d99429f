import static org.junit.jupiter.api.Assertions.assertEquals;

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

    private String base;

    @BeforeEach
    void world(TestInfo test) throws Exception {
        base = Emulator.world(test.getTestClass().orElseThrow().getSimpleName() + "." + test.getDisplayName());
    }

    private int count() throws Exception {
        HttpRequest list = HttpRequest.newBuilder(URI.create(base + PATH)).build();
        return client.send(list, BodyHandlers.ofString()).body().split("\"id\":\"WFI_|\"id\":\"0ce9b8e3").length - 1;
    }

    private void create() throws Exception {
        HttpRequest create = HttpRequest.newBuilder(URI.create(base + PATH))
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString("{\"displayName\":\"Contoso\"}"))
            .build();
        assertEquals(201, client.send(create, BodyHandlers.ofString()).statusCode());
    }

    @Test
    void oneCreates() throws Exception {
        create();
        assertEquals(5, count());
    }

    @Test
    void anotherDoesNotSeeIt() throws Exception {
        assertEquals(4, count());
    }

    @RepeatedTest(value = 3, name = "the same name")
    void eachRepetitionHasItsOwnWorld() throws Exception {
        create();
        assertEquals(5, count());
    }

    static Stream<String> names() {
        return Stream.of("a/b", "a-b", "a b", "a b", "Tätig", "Tötig", "x".repeat(200));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("names")
    void eachCaseHasItsOwnWorld(String name) throws Exception {
        create();
        assertEquals(5, count());
    }

    @Nested
    class Early {
        @Test
        void ofAnEqualName() throws Exception {
            create();
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

    private static int attempts;

    /** Fails once: Surefire repeats it. */
    @Test
    void aRerunHasItsOwnWorld() throws Exception {
        attempts++;
        create();
        assertEquals(5, count());
        assertEquals(2, attempts, "the first attempt fails");
    }
}
