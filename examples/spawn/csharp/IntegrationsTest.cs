using System.Net.Http.Json;
using System.Text.Json;
using Xunit;

[Collection("emulator")]
public sealed class IntegrationsTest(Emulator emulator)
{
    private const string Path = "/v1.0/teamwork/workforceIntegrations";
    private static readonly HttpClient Client = new();

    private async Task<int> Count(string test) =>
        (await Client.GetFromJsonAsync<JsonElement>(emulator.BaseUrl(test) + Path)).GetProperty("value").GetArrayLength();

    [Fact]
    public async Task OneCreates()
    {
        var created = await Client.PostAsJsonAsync(emulator.BaseUrl(nameof(OneCreates)) + Path, new { displayName = "Contoso" });
        created.EnsureSuccessStatusCode();
        Assert.Equal(5, await Count(nameof(OneCreates)));
    }

    [Fact]
    public async Task AnotherDoesNotSeeIt() => Assert.Equal(4, await Count(nameof(AnotherDoesNotSeeIt)));
}
