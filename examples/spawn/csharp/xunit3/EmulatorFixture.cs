using System.Threading.Tasks;
using WfiEmulator.Testing;
using Xunit;

/// <summary>One emulator for all test classes of the collection.</summary>
public sealed class EmulatorFixture : IAsyncLifetime
{
    internal Emulator Emulator { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Emulator = await Emulator.Start();

    public ValueTask DisposeAsync() => Emulator.DisposeAsync();
}

[CollectionDefinition("emulator")]
public sealed class EmulatorCollection : ICollectionFixture<EmulatorFixture>
{
}
