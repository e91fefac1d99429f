import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A test's own world: its own entities, faults, journal, and clock. Bodies and answers are JSON texts, for the library of your choice. */
public final class World {
    /** The base URL, without a version. */
    public final String url;

    /** The base URL of v1.0. */
    public final String graphUrl;

    private static final HttpClient CLIENT = HttpClient.newHttpClient();
    private final String path;

    /** Creates a world. The emulator completes the label, so that no two tests share one. */
    public World(String label) {
        String control = Emulator.url + "/_emulator/worlds";
        String made = send("POST", control, "{\"label\":\"" + label.replaceAll("[^A-Za-z0-9 ._-]", "-") + "\"}");
        url = member("url", made);
        graphUrl = url + "/v1.0";
        path = control + "/" + URLEncoder.encode(member("name", made), StandardCharsets.UTF_8);
    }

    /** Returns the fault rules in force, with their counts. */
    public String faults() {
        return send("GET", path + "/faults", null);
    }

    /** Replaces the fault rules by a list of objects and of names of ready-made ones. An empty list clears them. */
    public void faults(String rules) {
        send("PUT", path + "/faults", rules);
    }

    /** Fails unless the journal has the requests that are expected, for example {@code {"method": "PATCH", "times": 1}}. */
    public void expect(String expectation) {
        String verdict = send("POST", path + "/journal/verify", expectation);
        if (!Pattern.compile("\"holds\"\\s*:\\s*true").matcher(verdict).find()) throw new AssertionError(member("text", verdict));
    }

    /** Returns the requests of the world, or those that match options such as {@code method=PATCH&status=2xx}. */
    public String journal(String query) {
        return send("GET", path + "/journal?" + query, null);
    }

    /** Returns the journal as the text of exchanges, for snapshots. */
    public String exchanges() {
        return send("GET", path + "/journal?format=exchange", null);
    }

    /** Returns what clients do wrong in the world: {@code format=text&allow=no-select&only=…}, in JSON unless there is a format. */
    public String report(String query) {
        return send("GET", path + "/report?" + query, null);
    }

    /** Fails with the errors and warnings of the report, if there are any, and if the world has got no requests. */
    public void assertCleanClient() {
        assertCleanClient("", "warning");
    }

    /**
     * Fails with the findings of a severity or a worse one ({@code error}, {@code warning}, {@code note}), if there are any, and if the world
     * has got no requests. The query is that of the report: {@code allow=polling,n-plus-one}.
     */
    public void assertCleanClient(String query, String failOn) {
        String selection = "severity=" + failOn + "&" + query;
        String found = report(selection);
        boolean isIdle = Pattern.compile("^ {2}\"requests\": 0,$", Pattern.MULTILINE).matcher(found).find();
        boolean isClean = Pattern.compile("^ {2}\"findings\": \\[],$", Pattern.MULTILINE).matcher(found).find();
        if (isClean && !isIdle) return;
        String text = report("format=text&" + selection).strip();
        throw new AssertionError((isClean ? "no requests to check\n" : "the client is not clean\n\n") + text);
    }

    /** Returns the entities of the world, in a member for each collection. */
    public String state() {
        return send("GET", path + "/state", null);
    }

    /** Replaces the collections that the replacement has. */
    public void state(String replacement) {
        send("PUT", path + "/state", replacement);
    }

    /** Sets behaviors, for example {@code {"unknown-property": "ignore"}}. */
    public void behaviors(String changes) {
        send("PATCH", path + "/behaviors", changes);
    }

    /** Returns the clock. */
    public String clock() {
        return send("GET", path + "/clock", null);
    }

    /** Sets, advances by seconds, freezes, or starts the clock: {@code {"now": "2030-01-01T00:00:00Z", "advance": 90, "running": false}}. */
    public void clock(String change) {
        send("PUT", path + "/clock", change);
    }

    /** Restores the initial state, and clears faults and journal. */
    public void reset() {
        send("POST", path + "/reset", null);
    }

    private static String send(String method, String url, String body) {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url))
            .method(method, body == null ? BodyPublishers.noBody() : BodyPublishers.ofString(body))
            .header("Content-Type", "application/json")
            .build();
        try {
            HttpResponse<String> answer = CLIENT.send(request, BodyHandlers.ofString());
            if (answer.statusCode() >= 300) throw new IllegalStateException("refused with " + answer.statusCode() + ": " + answer.body());
            return answer.body();
        } catch (IOException | InterruptedException problem) {
            throw new IllegalStateException(problem);
        }
    }

    /** Returns a text in an answer of the control API. */
    private static String member(String name, String json) {
        Matcher found = Pattern.compile("\"" + name + "\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(json);
        if (!found.find()) throw new IllegalStateException("no " + name + " in " + json);
        Matcher escapes = Pattern.compile("\\\\(?:u([0-9a-fA-F]{4})|(.))").matcher(found.group(1));
        return escapes.replaceAll(escape -> Matcher.quoteReplacement(
            escape.group(1) != null ? String.valueOf((char) Integer.parseInt(escape.group(1), 16)) : plain(escape.group(2))));
    }

    private static String plain(String escaped) {
        return switch (escaped) {
            case "n" -> "\n";
            case "r" -> "\r";
            case "t" -> "\t";
            case "b" -> "\b";
            case "f" -> "\f";
            default -> escaped;
        };
    }
}
