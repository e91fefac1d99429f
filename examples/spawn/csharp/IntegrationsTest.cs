using System.Net.Http.Json;
using System.Text.Json;
using Xunit;

[Collection("emulator")]
public sealed class IntegrationsTest(Emulator emulator)
{
    private const string Path = "/v1.0/teamwork/workforceIntegrations";
    private static readonly HttpClient Client = new();

    private static async Task<int> Count(string world) =>
        (await Client.GetFromJsonAsync<JsonElement>(world + Path)).GetProperty("value").GetArrayLength();

    [Fact]
    public async Task OneCreates()
    {
        var world = await emulator.World(nameof(OneCreates));
        var created = await Client.PostAsJsonAsync(world + Path, new { displayName = "Contoso" });
        created.EnsureSuccessStatusCode();
        Assert.Equal(5, await Count(world));
    }

    [Theory]
    [InlineData("a/b")]
    [InlineData("a-b")]
    [InlineData("a b")]
    public async Task EachCaseHasItsOwnWorld(string name)
    {
        var world = await emulator.World(name);
        var created = await Client.PostAsJsonAsync(world + Path, new { displayName = name });
        created.EnsureSuccessStatusCode();
        Assert.Equal(5, await Count(world));
    }

    [Fact]
    public async Task AnotherDoesNotSeeIt() => Assert.Equal(4, await Count(await emulator.World(nameof(AnotherDoesNotSeeIt))));
}
