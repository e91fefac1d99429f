// What the sample uses of its packages, as their documentation declares it, for the compiler alone.
using System;

namespace Microsoft.VisualStudio.TestTools.UnitTesting
{
    [AttributeUsage(AttributeTargets.Class)] public class TestClassAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method)] public class TestMethodAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)] public class DataRowAttribute : Attribute { public DataRowAttribute(string data) { } }
    [AttributeUsage(AttributeTargets.Method)] public class AssemblyInitializeAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method)] public class AssemblyCleanupAttribute : Attribute { }
    public abstract class TestContext { }
    public static class Assert { public static void AreEqual<T>(T expected, T actual) { } }
}
