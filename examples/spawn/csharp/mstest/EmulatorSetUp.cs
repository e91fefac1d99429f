using System.Threading.Tasks;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using WfiEmulator.Testing;

/// <summary>One emulator for all tests of the assembly.</summary>
[TestClass]
public static class EmulatorSetUp
{
    internal static Emulator Emulator { get; private set; } = null!;

    [AssemblyInitialize]
    public static async Task Start(TestContext context) => Emulator = await Emulator.Start();

    [AssemblyCleanup]
    public static async Task Stop() => await Emulator.DisposeAsync();
}
