#nullable enable
// Does with the helper what tests do with it, against the program. Without a test framework: none comes without an SDK.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using WfiEmulator.Testing;

internal static class HelperTest
{
    private const string Path = "v1.0/teamwork/workforceIntegrations";
    private static readonly List<(string Name, Func<Task> Body)> Tests = new();
    private static Emulator emulator = null!;

    public static async Task<int> Main(string[] arguments)
    {
        if (arguments.FirstOrDefault() == "crash") return await Crash();
        // The process that is to crash must not run the tests, which start it.
        if (Environment.GetEnvironmentVariable("HELPER_TEST_CHILD") is not null) return 3;
        Add("names are apart", NamesAreApart);
        Add("a label is that of the caller", LabelOfTheCaller);
        Add("requests are expected", RequestsAreExpected);
        Add("expectations have all their forms", ExpectationsHaveAllForms);
        Add("the journal is typed", JournalIsTyped);
        Add("a clean client passes", CleanClientPasses);
        Add("what a client does wrong fails its test", UncleanClientFails);
        Add("faults belong to one world", FaultsBelongToOneWorld);
        Add("state, clock, and behaviors", StateClockAndBehaviors);
        Add("a seed makes IDs equal, and a fork has the state of another world", SeedAndFork);
        Add("a refusal has its status and message", RefusalHasItsMessage);
        Add("no proxy of the environment gets between", NoProxy);
        Add("log lines reach the action, also one that fails", LogLines);
        Add("the reason of a failed start is in the exception", FailedStart);
        Add("a program that is missing, or another one, is named", OtherPrograms);
        Add("TLS is trusted inside the process, with Azure.Identity too", TlsIsTrusted);
        Add("the program is found below runtimes and beside, and made executable", ProgramIsFound);
        Add("the emulator ends when it is disposed of", EndsWhenDisposed);
        Add("the emulator ends with the process", EndsWithTheProcess);
        await using (emulator = await Emulator.Start())
        {
            var failed = 0;
            foreach (var (name, body) in Tests)
            {
                try
                {
                    await body();
                    Console.WriteLine($"ok {name}");
                }
                catch (Exception problem)
                {
                    failed++;
                    Console.WriteLine($"not ok {name}: {problem}");
                }
            }
            Console.WriteLine($"{Tests.Count - failed} passed, {failed} failed");
            return failed == 0 ? 0 : 1;
        }
    }

    private static void Add(string name, Func<Task> body) => Tests.Add((name, body));

    private static void Equal<T>(T expected, T found)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, found)) throw new InvalidOperationException($"expected {expected}, found {found}");
    }

    private static void Contains(string part, string text)
    {
        if (!text.Contains(part, StringComparison.Ordinal)) throw new InvalidOperationException($"expected '{part}' in: {text}");
    }

    private static async Task<T> Throws<T>(Func<Task> body) where T : Exception
    {
        try
        {
            await body();
        }
        catch (T problem)
        {
            return problem;
        }
        throw new InvalidOperationException($"expected a {typeof(T).Name}");
    }

    private static async Task<JsonArray> List(World world) => (await world.Client.GetFromJsonAsync<JsonObject>(Path))!["value"]!.AsArray();

    private static async Task<string> Create(World world, string name)
    {
        using var answer = await world.Client.PostAsJsonAsync(Path, new { displayName = name });
        Equal(HttpStatusCode.Created, answer.StatusCode);
        return (string)(await answer.Content.ReadFromJsonAsync<JsonObject>())!["id"]!;
    }

    private static async Task NamesAreApart()
    {
        var names = new HashSet<string>();
        var labels = new[] { "a/b", "a-b", "a b", "a b", "Suite.Same", "Suite.Same", "Tätig", "Tötig", new string('x', 128), new string('x', 128), "", "…" };
        foreach (var label in labels)
        {
            var world = emulator.NewWorld(label);
            Equal(true, names.Add(world.Name));
            await Create(world, "Contoso");
            Equal(5, (await List(world)).Count);
        }
        var many = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Task.Run(() => emulator.NewWorld("row").Name)));
        Equal(100, many.Distinct().Count());
    }

    private sealed class Fixture
    {
        public World World { get; } = emulator.NewWorld();

        public World Constructed { get; }

        public Fixture() => Constructed = emulator.NewWorld();
    }

    private static Task LabelOfTheCaller()
    {
        Equal(true, emulator.NewWorld().Name.StartsWith("HelperTest.LabelOfTheCaller-", StringComparison.Ordinal));
        Equal(true, new Fixture().Constructed.Name.StartsWith("HelperTest-", StringComparison.Ordinal));
        Equal(true, new Fixture().World.Name.StartsWith("HelperTest.World-", StringComparison.Ordinal));
        Equal(true, emulator.NewWorld(file: @"C:\suite\RenameTest.cs", member: ".ctor").Name.StartsWith("RenameTest-", StringComparison.Ordinal));
        return Task.CompletedTask;
    }

    private static async Task RequestsAreExpected()
    {
        var world = emulator.NewWorld();
        await Create(world, "Contoso");
        await world.Verify(new() { Method = "POST", Body = new { displayName = "Contoso" }, Status = "2xx" });
        var problem = await Throws<UnmetExpectationException>(() => world.Verify(new() { Method = "PATCH" }));
        Contains("expected exactly 1 PATCH", problem.Message);
        Contains("\"displayName\": \"Contoso\"", await world.Exchanges());
    }

    private static async Task ExpectationsHaveAllForms()
    {
        var world = emulator.NewWorld();
        var since = DateTimeOffset.UtcNow.AddMinutes(-1);
        var id = await Create(world, "Renamed");
        await Create(world, "Other");
        (await world.Client.GetAsync($"{Path}?$filter=displayName eq 'Other'")).Dispose();
        (await world.Client.DeleteAsync($"{Path}/{id}")).Dispose();
        await world.Verify(new()
        {
            Method = "POST", Path = $"/{Path}", Status = "201", Since = since, Until = since.AddHours(1), Times = 2,
            Headers = new Dictionary<string, object> { ["If-Match"] = Condition.Absent, ["Content-Type"] = Condition.Like("application/json*") },
            Answer = new { isActive = true },
        });
        await world.Verify(new() { Body = new { displayName = Condition.Like("Ren*") } });
        await world.Verify(new() { Query = new Dictionary<string, string> { ["$filter"] = "displayName eq 'Other'" } });
        await world.Verify(new() { Methods = new[] { "POST", "PUT" }, Times = Times.AtLeast(2) });
        await world.Verify(new() { Methods = new[] { "POST", "PUT" }, Times = Times.Between(1, 2) });
        await world.Verify(new() { Id = id, Method = "DELETE", Times = Times.AtMost(1) });
        await world.Verify(new() { Method = "PATCH", Times = Times.Never });
        await world.Verify(new() { To = "connector", Times = 0 });
        await world.Verify(new() { Body = new { url = (string?)null }, Times = 0 });
        await world.Verify(new() { Within = TimeSpan.FromSeconds(0.5), InOrder = new Expectation[] { new() { Method = "POST" }, new() { Method = "DELETE", Id = id } } });
        await Throws<UnmetExpectationException>(() => world.Verify(new() { Method = "POST", Times = Times.AtMost(1) }));
        await Throws<UnmetExpectationException>(() => world.Verify(new() { InOrder = new Expectation[] { new() { Method = "DELETE" }, new() { Method = "POST" } } }));
    }

    private static async Task JournalIsTyped()
    {
        var world = emulator.NewWorld();
        var before = DateTimeOffset.UtcNow.AddMinutes(-1);
        await Create(world, "Contoso");
        (await world.Client.GetAsync($"{Path}/none?$select=id")).Dispose();
        var entries = await world.Journal();
        Equal("1: POST /v1.0/teamwork/workforceIntegrations 201", entries[0].ToString());
        Equal(true, entries[0].At > before && entries[0].At < before.AddHours(1));
        Equal("Contoso", (string)entries[0].Request.Body!["displayName"]!);
        Equal("application/json; charset=utf-8", entries[0].Request.Header("Content-Type"));
        Equal("Contoso", (string)entries[0].After!["displayName"]!);
        Equal(null, entries[0].Before);
        Equal(404, entries[1].Status);
        Equal("/v1.0/teamwork/workforceIntegrations/none", entries[1].Path);
        Equal(true, entries[1].RefusedBy is not null);
        Equal(true, entries[1].Response!.Body!["error"] is not null);
        Equal(1, (await world.Journal(method: "GET", status: "4xx")).Single().Number - 1);
        Equal(1, (await world.Journal(after: 1)).Count);
        Equal(1, (await world.Journal(limit: 1, since: before, until: before.AddHours(1), path: "/v1.0/teamwork/**")).Count);
    }

    private static async Task CleanClientPasses()
    {
        var world = emulator.NewWorld();
        Contains("no requests to check", (await Throws<UncleanClientException>(() => world.AssertCleanClient())).Message);
        // docs/report.md: begin
        (await world.Client.GetAsync("v1.0/me?$select=displayName")).Dispose();
        await world.AssertCleanClient(allow: new[] { "no-token-cache" }, failOn: Severity.Warning);
        // docs/report.md: end
        var report = await world.Report();
        Equal((1L, 0L), (report.Requests, report.Dropped));
        Equal("GET /v1.0/me", (string)report.Json["permissions"]!["operations"]![0]!["operation"]!);
    }

    private static async Task UncleanClientFails()
    {
        var world = emulator.NewWorld();
        (await world.Client.GetAsync("beta/me")).Dispose();
        var message = (await Throws<UncleanClientException>(() => world.AssertCleanClient())).Message;
        Equal(true, message.StartsWith("the client is not clean\n\nwarning: beta used where v1.0 has the operation [beta-used]\n", StringComparison.Ordinal));
        foreach (var part in new[] { "\n    request 1 GET /beta/me\n", "\n    better: use v1.0", "\n    source: https://", $"in 1 request to the world {world.Name}" }) Contains(part, message);
        Equal(false, message.Contains("no-token", StringComparison.Ordinal));
        var notes = await Throws<UncleanClientException>(() => world.AssertCleanClient(allow: new[] { "beta-used" }, failOn: Severity.Note));
        Contains("note: request without a token [no-token]", notes.Message);
        await world.AssertCleanClient(allow: new[] { "beta-used" });
        await world.AssertCleanClient(only: new[] { "polling", "early-retry" });
        await world.AssertCleanClient(failOn: Severity.Error);
        Equal(0, (await world.Report(severity: Severity.Error)).Findings.Count);
        var finding = (await world.Report(only: new[] { "beta-used" })).Findings.Single();
        Equal(("beta-used", Severity.Warning, 1L, 1L), (finding.Rule, finding.Severity, finding.Count, finding.Requests[0]));
        Contains("\"version\": \"2.1.0\"", await world.ReportText("sarif"));
        Contains("unknown rule 'beta'", (await Throws<ControlException>(() => world.AssertCleanClient(allow: new[] { "beta" }))).Message);
    }

    private static async Task FaultsBelongToOneWorld()
    {
        var world = emulator.NewWorld();
        var rules = await world.Faults(new FaultRule("throttled") { Method = "GET", Nth = 2, Name = "second" }, "service-unavailable");
        Equal("second", rules[0].Name);
        Equal(HttpStatusCode.ServiceUnavailable, (await world.Client.GetAsync(Path)).StatusCode);
        Equal(HttpStatusCode.TooManyRequests, (await world.Client.GetAsync(Path)).StatusCode);
        Equal(200, (int)(await emulator.DefaultWorld.Client.GetAsync(Path)).StatusCode);
        Equal((2L, 1L), ((await world.Faults())[0].Seen, (await world.Faults())[0].Struck));
        Equal("second", (await world.Journal(status: "429")).Single().Faults);
        await world.Faults(new FaultRule(new { answer = new { status = 409, code = "conflict", message = "busy" } }) { Path = "/v1.0/teamwork/**", Count = 1 });
        Equal(HttpStatusCode.Conflict, (await world.Client.GetAsync(Path)).StatusCode);
        Equal(4, (await world.Faults("published-limits")).Count);
        Equal(0, (await world.Faults(Array.Empty<FaultRule>())).Count);
        await world.Faults("throttled");
        await world.Reset();
        Equal(0, (await world.Faults()).Count);
    }

    private static async Task StateClockAndBehaviors()
    {
        var world = emulator.NewWorld();
        var state = await world.State(new { workforceIntegrations = new[] { new { id = "WFI_1", displayName = "One" } } });
        Equal("One", (string)state["teamwork"]!["workforceIntegrations"]![0]!["displayName"]!);
        Equal("WFI_1", (string)(await List(world))[0]!["id"]!);
        var start = new DateTimeOffset(2026, 1, 1, 2, 0, 0, TimeSpan.FromHours(2));
        var clock = await world.Clock(now: start, advance: TimeSpan.FromHours(1), running: false);
        Equal((start.AddHours(1), false), (clock.Now, clock.IsRunning));
        Equal(clock, await world.Clock());
        var behaviors = await world.Behaviors(("update-response", "no-content"));
        Equal("no-content", behaviors["update-response"]);
        using var answer = await world.Client.PatchAsJsonAsync($"{Path}/WFI_1", new { displayName = "Two" });
        Equal(HttpStatusCode.NoContent, answer.StatusCode);
    }

    private static async Task SeedAndFork()
    {
        Equal(await Create(emulator.NewWorld(seed: 1), "A"), await Create(emulator.NewWorld(seed: 1), "A"));
        var original = emulator.NewWorld();
        await Create(original, "Forked");
        var fork = emulator.NewWorld(fork: original.Name);
        Equal(5, (await List(fork)).Count);
    }

    private static async Task RefusalHasItsMessage()
    {
        var world = emulator.NewWorld();
        var problem = await Throws<ControlException>(() => world.Behaviors(("no-such", "x")));
        Equal(400, problem.Status);
        Contains("no-such", problem.Message);
        await world.Drop();
        Equal(404, (await Throws<ControlException>(world.Drop)).Status);
        Equal(true, (await Throws<ControlException>(() => Task.FromResult(emulator.NewWorld(fork: "no-such-world")))).Status >= 400);
    }

    private static async Task NoProxy()
    {
        // Nothing listens there.
        Contains("127.0.0.1:1", Environment.GetEnvironmentVariable("HTTP_PROXY") ?? "");
        using var proxied = new HttpClient();
        await Throws<HttpRequestException>(() => proxied.GetAsync($"{emulator.Url}/v1.0/me"));
        using var direct = new HttpClient(emulator.NewHandler());
        Equal(HttpStatusCode.OK, (await direct.GetAsync($"{emulator.Url}/v1.0/me")).StatusCode);
    }

    private static async Task LogLines()
    {
        var lines = new List<string>();
        var arrived = new TaskCompletionSource();
        await using var logged = await Emulator.Start(_ => throw new InvalidOperationException("no test is active"));
        logged.Log = line =>
        {
            lines.Add(line);
            if (line.Contains("GET /v1.0/me 200", StringComparison.Ordinal)) arrived.TrySetResult();
        };
        (await logged.DefaultWorld.Client.GetAsync("v1.0/me")).Dispose();
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await using var debug = await Emulator.Start(_ => { }, "--log=debug", "--port", "0");
    }

    private static async Task FailedStart()
    {
        var problem = await Throws<EmulatorException>(() => Emulator.Start("--fixtures", "no-such-file.json"));
        Contains("has ended with status 2", problem.Message);
        Contains("no-such-file.json", problem.Message);
    }

    private static async Task OtherPrograms()
    {
        var program = Environment.GetEnvironmentVariable("WFI_EMULATOR");
        try
        {
            Environment.SetEnvironmentVariable("WFI_EMULATOR", "/no/such/program");
            Contains("/no/such/program", (await Throws<EmulatorException>(() => Emulator.Start())).Message);
            Environment.SetEnvironmentVariable("WFI_EMULATOR", "/bin/echo");
            Contains("unexpected first line of /bin/echo: --ready json", (await Throws<EmulatorException>(() => Emulator.Start())).Message);
        }
        finally
        {
            Environment.SetEnvironmentVariable("WFI_EMULATOR", program);
        }
    }

    private static async Task TlsIsTrusted()
    {
        await using var secure = await Emulator.Start("--tls", "--ca-dir", AppContext.BaseDirectory + "ca");
        Equal(true, secure.Url.StartsWith("https://", StringComparison.Ordinal));
        var world = secure.NewWorld();
        Equal(4, (await List(world)).Count);
        using var distrustful = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        await Throws<HttpRequestException>(() => distrustful.GetAsync($"{secure.Url}/v1.0/me"));
        var options = new ClientSecretCredentialOptions
        {
            AuthorityHost = new Uri(secure.Url), DisableInstanceDiscovery = true, Transport = new HttpClientTransport(new HttpClient(secure.NewHandler())),
        };
        var credential = new ClientSecretCredential("contoso", "any-app", "any-secret", options);
        var token = await credential.GetTokenAsync(new TokenRequestContext(new[] { "https://graph.microsoft.com/.default" }), default);
        Equal(3, token.Token.Split('.').Length);
    }

    private static async Task ProgramIsFound()
    {
        var program = Environment.GetEnvironmentVariable("WFI_EMULATOR")!;
        var below = System.IO.Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "wfi-emulator");
        var beside = System.IO.Path.Combine(AppContext.BaseDirectory, "wfi-emulator");
        var path = Environment.GetEnvironmentVariable("PATH");
        try
        {
            Environment.SetEnvironmentVariable("WFI_EMULATOR", null);
            Environment.SetEnvironmentVariable("PATH", AppContext.BaseDirectory + "none");
            Contains("set WFI_EMULATOR", (await Throws<EmulatorException>(() => Emulator.Start())).Message);
            File.Copy(program, beside);
            Equal(beside, ProgramFile.Find());
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(below)!);
            File.Copy(program, below);
            File.SetUnixFileMode(below, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Equal(below, ProgramFile.Find());
            await using var started = await Emulator.Start();
            Equal(4, (await List(started.NewWorld())).Count);
        }
        finally
        {
            Environment.SetEnvironmentVariable("WFI_EMULATOR", program);
            Environment.SetEnvironmentVariable("PATH", path);
            File.Delete(beside);
            File.Delete(below);
        }
    }

    private static async Task EndsWhenDisposed()
    {
        var first = await Emulator.Start();
        await first.DisposeAsync();
        await first.DisposeAsync();
        await Throws<HttpRequestException>(() => new HttpClient(emulator.NewHandler()).GetAsync($"{first.Url}/v1.0/me"));
        var second = await Emulator.Start();
        second.Dispose();
        second.Dispose();
        await Throws<HttpRequestException>(() => new HttpClient(emulator.NewHandler()).GetAsync($"{second.Url}/v1.0/me"));
    }

    private static async Task<int> Crash()
    {
        var started = await Emulator.Start();
        Console.WriteLine(started.Url);
        Process.GetCurrentProcess().Kill();
        return 0;
    }

    private static async Task EndsWithTheProcess()
    {
        // The command that runs this program, for another process that dies with an emulator.
        var start = new ProcessStartInfo("/bin/sh", new[] { "-c", Environment.GetEnvironmentVariable("HELPER_TEST")! + " crash" }) { RedirectStandardOutput = true };
        start.Environment["HELPER_TEST_CHILD"] = "1";
        using var child = Process.Start(start)!;
        var url = await child.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("the other process has not started an emulator");
        await child.WaitForExitAsync();
        using var client = new HttpClient(emulator.NewHandler());
        var limit = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                (await client.GetAsync($"{url}/v1.0/me")).Dispose();
            }
            catch (HttpRequestException)
            {
                return;
            }
            Equal(true, limit.Elapsed < TimeSpan.FromSeconds(30));
            await Task.Delay(20);
        }
    }
}
