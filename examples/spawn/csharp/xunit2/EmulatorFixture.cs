using System.Threading.Tasks;
using WfiEmulator.Testing;
using Xunit;

/// <summary>One emulator for all test classes of the collection.</summary>
public sealed class EmulatorFixture : IAsyncLifetime
{
    internal Emulator Emulator { get; private set; } = null!;

    public async Task InitializeAsync() => Emulator = await Emulator.Start();

    public async Task DisposeAsync() => await Emulator.DisposeAsync();
}

[CollectionDefinition("emulator")]
public sealed class EmulatorCollection : ICollectionFixture<EmulatorFixture>
{
}
