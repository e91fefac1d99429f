// Sign-in by MSAL for Go itself: authorization code, refresh token, device code, client credentials, and its caches.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
)

// read gets an entity of Graph with a token.
func read(token string) error {
	request, err := http.NewRequest("GET", os.Getenv("GRAPH_URL")+collection+"/"+contoso, nil)
	if err != nil {
		return err
	}
	own(request)
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	arrived("GET", collection+"/"+contoso, 200)
	return equal(answer.StatusCode, 200)
}

// code signs a user in at an address, and returns the code for the client.
func code(address string) (string, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequest("GET", address, nil)
	if err != nil {
		return "", err
	}
	own(request)
	answer, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	location, err := answer.Location()
	if err != nil {
		return "", err
	}
	arrived("GET", "/*/oauth2/v2.0/authorize*", 302)
	return location.Query().Get("code"), nil
}

func msal() {
	authority := os.Getenv("GRAPH_URL") + "/contoso"
	scopes := []string{"https://graph.microsoft.com/WorkforceIntegration.ReadWrite.All"}
	redirect := "http://localhost/back"

	check("MSAL: client credentials, then the cache", func() error {
		secret, err := confidential.NewCredFromSecret("any-secret")
		if err != nil {
			return err
		}
		client, err := confidential.New(authority, "any-app", secret, confidential.WithInstanceDiscovery(false))
		if err != nil {
			return err
		}
		graph := []string{"https://graph.microsoft.com/.default"}
		if _, err := client.AcquireTokenSilent(ctx, graph); err == nil {
			return fmt.Errorf("found a token before the first one")
		}
		result, err := client.AcquireTokenByCredential(ctx, graph)
		if err != nil {
			return err
		}
		again, err := client.AcquireTokenByCredential(ctx, graph)
		if err != nil {
			return err
		}
		if err := equal(again.AccessToken, result.AccessToken, fmt.Sprint(again.Metadata.TokenSource), "1"); err != nil {
			return err
		}
		return read(result.AccessToken)
	})

	check("MSAL: authorization code, the cache, and sign-out", func() error {
		secret, err := confidential.NewCredFromSecret("any-secret")
		if err != nil {
			return err
		}
		client, err := confidential.New(authority, "any-app", secret, confidential.WithInstanceDiscovery(false))
		if err != nil {
			return err
		}
		address, err := client.AuthCodeURL(ctx, "any-app", redirect, scopes)
		if err != nil {
			return err
		}
		code, err := code(address)
		if err != nil {
			return err
		}
		result, err := client.AcquireTokenByAuthCode(ctx, code, redirect, scopes)
		if err != nil {
			return err
		}
		silent, err := client.AcquireTokenSilent(ctx, scopes, confidential.WithSilentAccount(result.Account))
		if err != nil {
			return err
		}
		if err := equal(silent.AccessToken, result.AccessToken, len(result.DeclinedScopes), 0); err != nil {
			return err
		}
		// Another resource takes the refresh token.
		other, err := client.AcquireTokenSilent(ctx, []string{"https://vault.azure.net/.default"}, confidential.WithSilentAccount(result.Account))
		if err != nil {
			return err
		}
		if other.AccessToken == result.AccessToken {
			return fmt.Errorf("found the token of another resource")
		}
		if err := client.RemoveAccount(ctx, result.Account); err != nil {
			return err
		}
		if _, err := client.AcquireTokenSilent(ctx, scopes, confidential.WithSilentAccount(result.Account)); err == nil {
			return fmt.Errorf("found a token after sign-out")
		}
		return read(result.AccessToken)
	})

	check("MSAL: device code, then the cache", func() error {
		client, err := public.New("any-app", public.WithAuthority(authority), public.WithInstanceDiscovery(false))
		if err != nil {
			return err
		}
		device, err := client.AcquireTokenByDeviceCode(context.Background(), scopes)
		if err != nil {
			return err
		}
		result, err := device.AuthenticationResult(ctx)
		if err != nil {
			return err
		}
		silent, err := client.AcquireTokenSilent(ctx, scopes, public.WithSilentAccount(result.Account))
		if err != nil {
			return err
		}
		arrived("POST", "/*/oauth2/v2.0/devicecode", 200)
		if err := equal(silent.AccessToken, result.AccessToken); err != nil {
			return err
		}
		return read(result.AccessToken)
	})

	arrived("GET", "/contoso/v2.0/.well-known/openid-configuration", 200)
	arrived("POST", "/*/oauth2/v2.0/token", 200)
}
