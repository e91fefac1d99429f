// Sign-in by azidentity, which wraps MSAL for Go: with name and password, on behalf of a user, as a managed identity, with a certificate.
package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// An API of one's own.
const api = "22222222-2222-2222-2222-222222222222"

// claimsOf returns the claims of a token for a scope.
func claimsOf(credential azcore.TokenCredential, scope string) (string, map[string]any, error) {
	claims := map[string]any{}
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return "", nil, err
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token.Token, ".")[1])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	return token.Token, claims, err
}

func identity() {
	client := azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: os.Getenv("GRAPH_URL")}}
	graph := "https://graph.microsoft.com/.default"

	check("sign in with name and password, then on behalf of the user", func() error {
		//lint:ignore SA1019 the emulator has the grant, and so has the library.
		user, err := azidentity.NewUsernamePasswordCredential("contoso", "any-app", "adele@contoso.com", "any-password",
			&azidentity.UsernamePasswordCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: true})
		if err != nil {
			return err
		}
		assertion, claims, err := claimsOf(user, "api://"+api+"/Orders.Read")
		if err != nil {
			return err
		}
		if err := equal(claims["aud"], "api://"+api, claims["scp"], "Orders.Read"); err != nil {
			return err
		}
		again, _, err := claimsOf(user, "api://"+api+"/Orders.Read")
		if err != nil {
			return err
		}
		service, err := azidentity.NewOnBehalfOfCredentialWithSecret("contoso", api, assertion, "any-secret",
			&azidentity.OnBehalfOfCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: true})
		if err != nil {
			return err
		}
		_, exchanged, err := claimsOf(service, graph)
		if err != nil {
			return err
		}
		arrived("GET", "/common/UserRealm/*@contoso.com*", 200)
		return equal(again, assertion, exchanged["upn"], "adele@contoso.com", exchanged["appid"], api)
	})

	check("answer a challenge after a revocation", func() error {
		//lint:ignore SA1019 the emulator has the grant, and so has the library.
		user, err := azidentity.NewUsernamePasswordCredential("contoso", "any-app", "tomas@contoso.com", "any-password",
			&azidentity.UsernamePasswordCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: true})
		if err != nil {
			return err
		}
		scopes := []string{"https://graph.microsoft.com/WorkforceIntegration.Read.All", "https://graph.microsoft.com/User.RevokeSessions.All"}
		pipeline := runtime.NewPipeline("suite", "1", runtime.PipelineOptions{
			PerRetry: []policy.Policy{runtime.NewBearerTokenPolicy(user, scopes, nil)},
		}, nil)
		for _, step := range []struct{ method, path string }{
			{"GET", collection}, {"POST", "/v1.0/me/revokeSignInSessions"}, {"GET", collection},
		} {
			if step.method == "POST" {
				time.Sleep(1100 * time.Millisecond)
			}
			request, err := runtime.NewRequest(ctx, step.method, os.Getenv("GRAPH_URL")+step.path)
			if err != nil {
				return err
			}
			answer, err := pipeline.Do(request)
			if err != nil {
				return err
			}
			answer.Body.Close()
			if err := equal(answer.StatusCode, 200); err != nil {
				return err
			}
		}
		arrived("POST", "/v1.0/me/revokeSignInSessions", 200)
		arrived("GET", collection, 200)
		arrived("GET", collection, 401)
		arrived("POST", "/*/oauth2/v2.0/token", 400)
		return nil
	})

	check("sign in as a managed identity by environment", func() error {
		os.Setenv("IDENTITY_ENDPOINT", os.Getenv("PLAIN_URL")+"/msi/token")
		os.Setenv("IDENTITY_HEADER", "any")
		defer os.Unsetenv("IDENTITY_ENDPOINT")
		defer os.Unsetenv("IDENTITY_HEADER")
		identity, err := azidentity.NewManagedIdentityCredential(nil)
		if err != nil {
			return err
		}
		_, claims, err := claimsOf(identity, graph)
		if err != nil {
			return err
		}
		arrived("GET", "/msi/token*", 200)
		return equal(claims["appidacr"], "2", claims["idtyp"], "app")
	})

	check("sign in with a certificate", func() error {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return err
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "suite"}, NotAfter: time.Now().Add(time.Hour)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			return err
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		credential, err := azidentity.NewClientCertificateCredential("contoso", "any-app", []*x509.Certificate{certificate}, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: true})
		if err != nil {
			return err
		}
		_, claims, err := claimsOf(credential, graph)
		if err != nil {
			return err
		}
		return equal(claims["appidacr"], "2")
	})
}
