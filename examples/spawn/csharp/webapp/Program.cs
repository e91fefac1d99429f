using System;
using System.Net.Http;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

var builder = WebApplication.CreateBuilder(args);
// In production https://graph.microsoft.com/v1.0, in tests a world of the emulator. A base address keeps its last segment only with a slash.
var graph = builder.Configuration["Graph:BaseUrl"] ?? "https://graph.microsoft.com/v1.0";
builder.Services.AddHttpClient("graph", client => client.BaseAddress = new Uri(graph.TrimEnd('/') + "/"));
var app = builder.Build();
app.MapGet("/integrations", (IHttpClientFactory clients) =>
    clients.CreateClient("graph").GetStringAsync("teamwork/workforceIntegrations?$select=displayName"));
app.Run();

/// <summary>Named by the tests.</summary>
public partial class Program
{
}
