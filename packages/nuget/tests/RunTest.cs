#nullable enable
// A program with the public addresses in it, run by `wfi-emulator run`: Graph with an HttpClient, and a sign-in with Azure.Identity.
using System;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Threading.Tasks;
using Azure.Core;
using Azure.Identity;

internal static class RunTest
{
    public static async Task<int> Main()
    {
        var credential = new ClientSecretCredential("contoso", "any-app", "any-secret");
        var token = await credential.GetTokenAsync(new TokenRequestContext(new[] { "https://graph.microsoft.com/.default" }), default);
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token.Token);
        var text = await client.GetStringAsync("https://graph.microsoft.com/v1.0/teamwork/workforceIntegrations");
        if (!text.Contains("https://graph.microsoft.com/v1.0/$metadata", StringComparison.Ordinal)) throw new InvalidOperationException(text);
        try
        {
            await client.GetStringAsync("https://example.com/");
        }
        catch (HttpRequestException problem)
        {
            Console.WriteLine($"ok a program with the public addresses; another host: {problem.Message}");
            return 0;
        }
        throw new InvalidOperationException("another host has answered");
    }
}
