// What the sample uses of its packages, as their documentation declares it, for the compiler alone.
using System;
using System.Runtime.CompilerServices;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.ApplicationModel
{
    public interface IResource { }
    public interface IResourceWithEndpoints : IResource { }
    public interface IResourceWithEnvironment : IResource { }
    public interface IResourceWithWaitSupport : IResource { }
    public interface IResourceBuilder<out T> where T : IResource { }
    public class ExecutableResource : IResourceWithEndpoints, IResourceWithEnvironment, IResourceWithWaitSupport { }
    public class ProjectResource : IResourceWithEndpoints, IResourceWithEnvironment, IResourceWithWaitSupport { }
    public class EndpointReference { }
    public class ReferenceExpression
    {
        public static ReferenceExpression Create(in ExpressionInterpolatedStringHandler handler) => new();
        [InterpolatedStringHandler]
        public ref struct ExpressionInterpolatedStringHandler
        {
            public ExpressionInterpolatedStringHandler(int literalLength, int formattedCount) { }
            public void AppendLiteral(string value) { }
            public void AppendFormatted(EndpointReference value) { }
        }
    }
}

namespace Aspire.Hosting
{
    public interface IDistributedApplicationBuilder { DistributedApplication Build(); }
    public class DistributedApplication
    {
        public static IDistributedApplicationBuilder CreateBuilder(string[] args) => throw new NotSupportedException();
        public void Run() { }
    }
    public static class Extensions
    {
        public static IResourceBuilder<ExecutableResource> AddExecutable(this IDistributedApplicationBuilder builder, string name, string command, string workingDirectory, params string[] args) => throw new NotSupportedException();
        public static IResourceBuilder<ProjectResource> AddProject(this IDistributedApplicationBuilder builder, string name, string projectPath) => throw new NotSupportedException();
        public static IResourceBuilder<T> WithHttpEndpoint<T>(this IResourceBuilder<T> builder, int? port = null, int? targetPort = null, string name = null, string env = null, bool isProxied = true) where T : IResourceWithEndpoints => builder;
        public static IResourceBuilder<T> WithHttpHealthCheck<T>(this IResourceBuilder<T> builder, string path = null, int? statusCode = null, string endpointName = null) where T : IResourceWithEndpoints => builder;
        public static EndpointReference GetEndpoint<T>(this IResourceBuilder<T> builder, string name) where T : IResourceWithEndpoints => new();
        public static IResourceBuilder<T> WithEnvironment<T>(this IResourceBuilder<T> builder, string name, ReferenceExpression value) where T : IResourceWithEnvironment => builder;
        public static IResourceBuilder<T> WaitFor<T>(this IResourceBuilder<T> builder, IResourceBuilder<IResource> dependency) where T : IResourceWithWaitSupport => builder;
    }
}
