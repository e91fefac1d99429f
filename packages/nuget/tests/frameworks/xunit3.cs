// What the sample uses of its packages, as their documentation declares it, for the compiler alone.
using System;
using System.Threading.Tasks;

namespace Xunit
{
    public interface IAsyncLifetime : IAsyncDisposable { ValueTask InitializeAsync(); }
    public interface ICollectionFixture<TFixture> where TFixture : class { }
    public interface IClassFixture<TFixture> where TFixture : class { }
    [AttributeUsage(AttributeTargets.Method)] public class FactAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method)] public class TheoryAttribute : FactAttribute { }
    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)] public sealed class InlineDataAttribute : Attribute { public InlineDataAttribute(params object[] data) { } }
    [AttributeUsage(AttributeTargets.Class)] public sealed class CollectionAttribute : Attribute { public CollectionAttribute(string name) { } }
    [AttributeUsage(AttributeTargets.Class)] public sealed class CollectionDefinitionAttribute : Attribute { public CollectionDefinitionAttribute(string name) { } }
    public static class Assert { public static void Equal<T>(T expected, T actual) { } public static void Contains(string expected, string actual) { } }
}
