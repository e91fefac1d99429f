import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Store.CloseableResource;

/** One emulator for all tests: {@code @ExtendWith(Emulator.class)}. */
public final class Emulator implements BeforeAllCallback {
    static String url;

    @Override
    public void beforeAll(ExtensionContext context) {
        context.getRoot().getStore(ExtensionContext.Namespace.GLOBAL).getOrComputeIfAbsent("wfi-emulator", key -> start());
    }

    private static CloseableResource start() {
        try {
            String program = System.getenv().getOrDefault("WFI_EMULATOR", "wfi-emulator");
            // The pipe to its standard input is what ties its life to ours. The one line that it prints is the base URL.
            Process process = new ProcessBuilder(program, "--port", "0", "--exit-with-parent", "--log", "off").redirectError(Redirect.INHERIT).start();
            url = new BufferedReader(new InputStreamReader(process.getInputStream())).readLine();
            if (url == null) throw new IllegalStateException(program + " has ended with status " + process.waitFor());
            return () -> { process.getOutputStream().close(); process.waitFor(); };
        } catch (java.io.IOException | InterruptedException problem) {
            throw new IllegalStateException(problem);
        }
    }

    /** Returns the base URL of a test's own world. The emulator completes the label, so that no two tests share one. */
    static String world(String label) throws Exception {
        String body = "{\"label\":\"" + label.replaceAll("[^A-Za-z0-9 ._-]", "-") + "\"}";
        HttpRequest create = HttpRequest.newBuilder(URI.create(url + "/_emulator/worlds")).POST(BodyPublishers.ofString(body)).build();
        String answer = HttpClient.newHttpClient().send(create, BodyHandlers.ofString()).body();
        Matcher found = Pattern.compile("\"url\"\\s*:\\s*\"([^\"]+)\"").matcher(answer);
        if (!found.find()) throw new IllegalStateException(answer);
        return found.group(1);
    }
}
