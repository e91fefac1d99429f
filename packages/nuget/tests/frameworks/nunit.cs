// What the sample uses of its packages, as their documentation declares it, for the compiler alone.
using System;
using System.IO;

namespace NUnit.Framework
{
    [AttributeUsage(AttributeTargets.Class)] public class SetUpFixtureAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method)] public class OneTimeSetUpAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method)] public class OneTimeTearDownAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method)] public class SetUpAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method)] public class TestAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)] public class TestCaseAttribute : Attribute { public TestCaseAttribute(object argument) { } }
    public class TestContext { public static TextWriter Progress => Console.Out; public static TestContext CurrentContext => new(); public TestAdapter Test => new(); public class TestAdapter { public string FullName => ""; } }
    public class EqualConstraint { }
    public static class Is { public static EqualConstraint EqualTo(object expected) => new(); }
    public static class Assert { public static void That<T>(T actual, EqualConstraint constraint) { } }
}
