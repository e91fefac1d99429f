using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

/// <summary>One emulator for all tests of a collection: [Collection("emulator")] on the classes, and the emulator in their constructor.</summary>
public sealed class Emulator : IDisposable
{
    private readonly Process process;
    public string Url { get; }

    public Emulator()
    {
        var program = Environment.GetEnvironmentVariable("WFI_EMULATOR") ?? "wfi-emulator";
        // The pipe to its standard input is what ties its life to ours. The one line that it prints is the base URL.
        var start = new ProcessStartInfo(program, "--port 0 --exit-with-parent --log off") { RedirectStandardInput = true, RedirectStandardOutput = true };
        process = Process.Start(start) ?? throw new InvalidOperationException($"{program} does not start");
        Url = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{program} has ended");
    }

    /// <summary>Returns the base URL of a test's own tenant; tests of two classes need two names.</summary>
    public string BaseUrl(string test) => $"{Url}/_world/{Regex.Replace(test, "[^A-Za-z0-9._~-]", "-")}";

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
    }
}

[CollectionDefinition("emulator")]
public sealed class EmulatorCollection : ICollectionFixture<Emulator> { }
