import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.ProcessBuilder.Redirect;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Store.CloseableResource;

/** One emulator for all tests: {@code @ExtendWith(Emulator.class)}. A {@link World} is that of a test. */
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
}
