using System.Net.Http;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.Extensions.DependencyInjection;
using WfiEmulator.Testing;
using Xunit;

/// <summary>An emulator for the class. The app under test has the address of a world in its configuration.</summary>
public sealed class EmulatorFixture : IAsyncLifetime
{
    internal Emulator Emulator { get; private set; } = null!;

    public async Task InitializeAsync() => Emulator = await Emulator.Start();

    public async Task DisposeAsync() => await Emulator.DisposeAsync();
}

public sealed class AppTest : IClassFixture<EmulatorFixture>
{
    private readonly World world;
    private readonly WebApplicationFactory<Program> app;

    public AppTest(EmulatorFixture fixture)
    {
        world = fixture.Emulator.NewWorld();
        app = new WebApplicationFactory<Program>().WithWebHostBuilder(builder =>
        {
            builder.UseSetting("Graph:BaseUrl", world.GraphUrl);
            // The proxies of the environment have no part in it.
            builder.ConfigureServices(services => services.ConfigureHttpClientDefaults(
                client => client.ConfigurePrimaryHttpMessageHandler(() => fixture.Emulator.NewHandler())));
        });
    }

    [Fact]
    public async Task ListsIntegrations()
    {
        await world.State(new { workforceIntegrations = new[] { new { id = "WFI_1", displayName = "Contoso" } } });
        using var client = app.CreateClient();
        Assert.Contains("Contoso", await client.GetStringAsync("/integrations"));
        await world.Verify(new() { Method = "GET", Path = "/v1.0/teamwork/workforceIntegrations", Status = "200" });
    }
}
