using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using WfiEmulator.Testing;
using Xunit;

[Collection("emulator")]
public sealed class IntegrationsTest
{
    private const string Path = "v1.0/teamwork/workforceIntegrations";
    private readonly World world;

    // An instance for each test and each row, so a world for each.
    public IntegrationsTest(EmulatorFixture fixture) => world = fixture.Emulator.NewWorld();

    [Fact]
    public async Task OneCreates()
    {
        var created = await world.Client.PostAsJsonAsync(Path, new { displayName = "Contoso" });
        created.EnsureSuccessStatusCode();
        Assert.Equal(5, await Count());
        await world.Verify(new() { Method = "POST", Body = new { displayName = "Contoso" }, Status = "2xx" });
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a-b")]
    [InlineData("Tätig")]
    [InlineData("Tötig")]
    public async Task EachRowHasItsOwnWorld(string name)
    {
        var created = await world.Client.PostAsJsonAsync(Path, new { displayName = name });
        created.EnsureSuccessStatusCode();
        Assert.Equal(5, await Count());
    }

    [Fact]
    public async Task AnotherDoesNotSeeIt()
    {
        await world.Faults(new FaultRule("throttled") { Method = "POST" });
        Assert.Equal(429, (int)(await world.Client.PostAsJsonAsync(Path, new { displayName = "Contoso" })).StatusCode);
        Assert.Equal(4, await Count());
    }

    private async Task<int> Count() => (await world.Client.GetFromJsonAsync<JsonObject>(Path))!["value"]!.AsArray().Count;
}
