using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using WfiEmulator.Testing;

[TestClass]
public sealed class IntegrationsTest
{
    private const string Path = "v1.0/teamwork/workforceIntegrations";

    // An instance for each test and each row, so a world for each.
    private readonly World world = EmulatorSetUp.Emulator.NewWorld(nameof(IntegrationsTest));

    [TestMethod]
    [DataRow("a/b")]
    [DataRow("a-b")]
    [DataRow("Tätig")]
    [DataRow("Tötig")]
    public async Task EachRowHasItsOwnWorld(string name)
    {
        var created = await world.Client.PostAsJsonAsync(Path, new { displayName = name });
        created.EnsureSuccessStatusCode();
        Assert.AreEqual(5, await Count());
        await world.Verify(new() { Method = "POST", Body = new { displayName = name }, Status = "2xx" });
    }

    [TestMethod]
    public async Task AnotherDoesNotSeeIt() => Assert.AreEqual(4, await Count());

    private async Task<int> Count() => (await world.Client.GetFromJsonAsync<JsonObject>(Path))!["value"]!.AsArray().Count;
}
