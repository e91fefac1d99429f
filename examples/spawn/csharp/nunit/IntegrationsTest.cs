using System.Net.Http.Json;
using System.Text.Json.Nodes;
using System.Threading.Tasks;
using NUnit.Framework;
using WfiEmulator.Testing;

public sealed class IntegrationsTest
{
    private const string Path = "v1.0/teamwork/workforceIntegrations";
    private World world = null!;

    // The full name has the arguments of a row.
    [SetUp]
    public void NewWorld() => world = EmulatorSetUp.Emulator.NewWorld(TestContext.CurrentContext.Test.FullName);

    [TestCase("a/b")]
    [TestCase("a-b")]
    [TestCase("Tätig")]
    [TestCase("Tötig")]
    public async Task EachRowHasItsOwnWorld(string name)
    {
        var created = await world.Client.PostAsJsonAsync(Path, new { displayName = name });
        created.EnsureSuccessStatusCode();
        Assert.That(await Count(), Is.EqualTo(5));
        await world.Verify(new() { Method = "POST", Body = new { displayName = name }, Status = "2xx" });
    }

    [Test]
    public async Task AnotherDoesNotSeeIt() => Assert.That(await Count(), Is.EqualTo(4));

    private async Task<int> Count() => (await world.Client.GetFromJsonAsync<JsonObject>(Path))!["value"]!.AsArray().Count;
}
