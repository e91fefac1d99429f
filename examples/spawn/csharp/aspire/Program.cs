using System;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;

var builder = DistributedApplication.CreateBuilder(args);
// That of the tool: dotnet tool install -g wfi-emulator.
var program = Environment.GetEnvironmentVariable("WFI_EMULATOR") ?? "wfi-emulator";
var graph = builder.AddExecutable("graph", program, ".", "--log", "info")
    .WithHttpEndpoint(env: "WFI_EMULATOR_PORT")
    .WithHttpHealthCheck("/_emulator/ready");
var url = graph.GetEndpoint("http");
builder.AddProject("app", "../webapp/WebApp.csproj")
    .WithEnvironment("Graph__BaseUrl", ReferenceExpression.Create($"{url}/v1.0"))
    .WaitFor(graph);
builder.Build().Run();
