using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Xunit;

/// <summary>One emulator for all tests of a collection: [Collection("emulator")] on the classes, and the emulator in their constructor.</summary>
public sealed class Emulator : IDisposable
{
    private static readonly HttpClient Client = new();
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

    /// <summary>Returns the base URL of a test's own world. The emulator completes the label, so that no two tests share one.</summary>
    public async Task<string> World(string label)
    {
        using var answer = await Client.PostAsJsonAsync($"{Url}/_emulator/worlds", new { label });
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("url").GetString()!;
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
    }
}

[CollectionDefinition("emulator")]
public sealed class EmulatorCollection : ICollectionFixture<Emulator> { }
