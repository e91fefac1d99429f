using System.Threading.Tasks;
using NUnit.Framework;
using WfiEmulator.Testing;

/// <summary>One emulator for all tests of the assembly, since the class is in no namespace.</summary>
[SetUpFixture]
public sealed class EmulatorSetUp
{
    internal static Emulator Emulator { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task Start() => Emulator = await Emulator.Start(line => TestContext.Progress.WriteLine(line));

    [OneTimeTearDown]
    public async Task Stop() => await Emulator.DisposeAsync();
}
