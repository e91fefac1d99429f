//! The refusals of Entra, by AADSTS number.
//!
//! Sources of the texts are the documentation, recordings of libraries, and issues in which users print what they got. `{EmailHidden}` is
//! the service's own word.

use crate::policy::grade::Grade;
use crate::policy::refusal::{ErrorCode, Layer, Refusal};

/// Returns whether the answer has an `error_uri` (recorded in Azure/azure-sdk-for-go, calvinchengx/entra-emulator, and in the mocks of
/// AzureAD/microsoft-authentication-library-for-dotnet: without for these).
pub(crate) fn has_error_uri(number: u32) -> bool {
    !matches!(number, 54_005 | 70_003 | 70_011 | 70_043 | 700_038 | 1_002_012)
}

/// Returns the `suberror` (recorded in Azure/azure-sdk-for-js and -python; issues of the libraries).
pub(crate) fn suberror(number: u32) -> Option<&'static str> {
    match number {
        50_034 | 50_173 | 700_082 => Some("bad_token"),
        50_055 => Some("user_password_expired"),
        50_076 => Some("basic_action"),
        70_043 => Some("token_expired"),
        53_000 | 53_003 => Some("message_only"),
        65_001 => Some("consent_required"),
        _ => None,
    }
}

refusals! {
    /// The refusals of Entra.
    SIGN_IN_REFUSALS;
    /// A missing parameter.
    ENTRA_MISSING_PARAMETER "entra-missing-parameter" 400 InvalidRequest Layer::Entra(900_144),
        "The request body must contain the following parameter: '{0}'.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes (the number; the text as seen in issues)";
    /// An unsupported method on an endpoint.
    ENTRA_METHOD "entra-method" 400 InvalidRequest Layer::Entra(900_561),
        "The endpoint only accepts {0} requests. Received a {1} request.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes (the number; the text as seen in issues)";
    /// An invalid tenant in the path.
    ENTRA_TENANT "entra-tenant" 400 InvalidRequest Layer::Entra(900_023),
        "Specified tenant identifier '{0}' is neither a valid DNS name, nor a valid external domain.",
        Medium "Azure/azure-sdk-for-go sdk/azidentity/TROUBLESHOOTING.md";
    /// A tenant that the directory does not list, at the token endpoint.
    ENTRA_UNKNOWN_TENANT "entra-unknown-tenant" 400 InvalidRequest Layer::Entra(90_002),
        "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
        Strong "Azure/azure-sdk-for-js sdk/identity/identity/recordings (environmentcredential, 2023)";
    /// The same, in metadata.
    ENTRA_UNKNOWN_TENANT_METADATA "entra-unknown-tenant-metadata" 400 InvalidTenant Layer::Entra(90_002),
        "Tenant '{0}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.",
        Strong "Azure/azure-sdk-for-js sdk/identity/identity/recordings (environmentcredential, 2023)";
    /// A host that is not one of the service, in instance discovery.
    ENTRA_INSTANCE "entra-instance" 400 InvalidInstance Layer::Entra(50_049),
        "Unknown or invalid instance.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// A password at a shared address.
    ENTRA_SHARED_PASSWORD "entra-shared-password" 400 InvalidRequest Layer::Entra(90_010),
        "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint.",
        Medium "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023); of 2018";
    /// An unknown application.
    ENTRA_UNKNOWN_APPLICATION "entra-unknown-application" 400 UnauthorizedClient Layer::Entra(700_016),
        "Application with identifier '{0}' was not found in the directory '{1}'. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023)";
    /// A wrong client secret.
    ENTRA_WRONG_SECRET "entra-wrong-secret" 401 InvalidClient Layer::Entra(7_000_215),
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{0}'.",
        Strong "thobach/MMM-MicrosoftToDo#33; microsoftgraph/msgraph-cli#383";
    /// A client secret after its end.
    ENTRA_EXPIRED_SECRET "entra-expired-secret" 401 InvalidClient Layer::Entra(7_000_222),
        "The provided client secret keys for app '{0}' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// A missing client secret or assertion.
    ENTRA_NO_SECRET "entra-no-secret" 401 InvalidClient Layer::Entra(7_000_218),
        "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        Strong "secureworks/TokenMan#1";
    /// The same, with client credentials.
    ENTRA_NO_SECRET_FOR_ITSELF "entra-no-secret-for-itself" 401 InvalidClient Layer::Entra(7_000_216),
        "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes (the number); public issues (the text)";
    /// A secret of a public client.
    ENTRA_PUBLIC_SECRET "entra-public-secret" 401 InvalidClient Layer::Entra(700_025),
        "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes (the number); public issues (the text)";
    /// An assertion that is not a JWT.
    ENTRA_ASSERTION "entra-assertion" 400 InvalidRequest Layer::Entra(50_027),
        "JWT token is invalid or malformed.",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023)";
    /// A missing scope of client credentials, or a missing claim of an assertion.
    ENTRA_ASSERTION_FIELD "entra-assertion-field" 400 InvalidRequest Layer::Entra(90_014),
        "The required field '{0}' is missing from the credential. Ensure that you have all the necessary parameters for the login request.",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023)";
    /// An assertion whose header names no key.
    ENTRA_ASSERTION_KEY_ID "entra-assertion-key-id" 401 InvalidClient Layer::Entra(5_002_723),
        "Invalid JWT token. No certificate SHA-1 thumbprint, certificate SHA-256 thumbprint, nor keyId specified in token header.",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023)";
    /// An assertion with an unsupported algorithm.
    ENTRA_ASSERTION_ALGORITHM "entra-assertion-algorithm" 401 InvalidClient Layer::Entra(5_002_738),
        "Invalid JWT token. '{0}' is not a supported signature algorithm. Supported signing algorithms are: 'RS256,RS384,RS512'",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023); PS256 by learn.microsoft.com/entra/identity-platform/certificate-credentials";
    /// An assertion under an unknown key, or with a wrong signature.
    ENTRA_ASSERTION_KEY "entra-assertion-key" 401 InvalidClient Layer::Entra(700_027),
        "Client assertion contains an invalid signature. [Reason - The key was not found., Thumbprint of key used by client: '{0}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{1}'. Review the documentation at https://docs.microsoft.com/en-us/graph/deployments to determine the corresponding service endpoint and https://docs.microsoft.com/en-us/graph/api/application-get?view=graph-rest-1.0&tabs=http to build a query request URL, such as 'https://graph.microsoft.com/beta/applications/{1}'].",
        Strong "Azure/azure-sdk-for-net Azure.Identity SessionRecords (IncorrectCertificate, 2022)";
    /// An assertion outside of its time.
    ENTRA_ASSERTION_TIME "entra-assertion-time" 401 InvalidClient Layer::Entra(700_024),
        "Client assertion is not within its valid time range. Current time: {0}, assertion valid from {1}, expiry time of assertion {2}. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023)";
    /// An assertion of another client.
    ENTRA_ASSERTION_CLIENT "entra-assertion-client" 401 InvalidClient Layer::Entra(700_021),
        "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023)";
    /// An assertion for another audience.
    ENTRA_ASSERTION_AUDIENCE "entra-assertion-audience" 401 InvalidClient Layer::Entra(700_023),
        "Client assertion audience claim does not match Realm issuer. Review the documentation at https://docs.microsoft.com/azure/active-directory/develop/active-directory-certificate-credentials .",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes (the number; the text as seen in issues)";
    /// A federated assertion of an unknown issuer.
    ENTRA_FEDERATED_ISSUER "entra-federated-issuer" 401 InvalidClient Layer::Entra(700_211),
        "No matching federated identity record found for presented assertion issuer '{0}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
        Strong "public issues of 2025";
    /// A federated assertion for another audience.
    ENTRA_FEDERATED_AUDIENCE "entra-federated-audience" 401 InvalidClient Layer::Entra(700_212),
        "No matching federated identity record found for presented assertion audience '{0}'. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// A federated assertion of another subject.
    ENTRA_FEDERATED_SUBJECT "entra-federated-subject" 401 InvalidClient Layer::Entra(700_213),
        "No matching federated identity record found for presented assertion subject '{0}'. Check your federated identity credential Subject, Audience and Issuer against the presented assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation",
        Strong "public issues of 2026";
    /// An unsupported grant type.
    ENTRA_UNSUPPORTED_GRANT "entra-unsupported-grant" 400 UnsupportedGrantType Layer::Entra(70_003),
        "The app requested an unsupported grant type '{0}'.",
        Strong "calvinchengx/entra-emulator e2e/differential (captured in 2026)";
    /// An unsupported response type of `authorize`.
    ENTRA_UNSUPPORTED_RESPONSE "entra-unsupported-response" 400 UnsupportedResponseType Layer::Entra(70_005),
        "The app requested an unsupported response type '{0}' when requesting a token.",
        Weak "learn.microsoft.com/entra/identity-platform/reference-error-codes (number and meaning; the words are a guess)";
    /// A response mode in which no token is sent.
    ENTRA_RESPONSE_MODE "entra-response-mode" 400 InvalidRequest Layer::Entra(70_007),
        "'{0}' is not a supported value of 'response_mode' when requesting a token.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// An access token from `authorize`, which the directory does not allow.
    ENTRA_TOKEN_NOT_ENABLED "entra-token-not-enabled" 400 UnsupportedResponseType Layer::Entra(700_051),
        "response_type 'token' is not enabled for the application.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; a redirect captured in 2024";
    /// An id token from `authorize`, which the directory does not allow.
    ENTRA_ID_TOKEN_NOT_ENABLED "entra-id-token-not-enabled" 400 UnsupportedResponseType Layer::Entra(700_054),
        "response_type 'id_token' is not enabled for the application.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; a redirect captured in 2024";
    /// A code challenge of another size than that of its method.
    ENTRA_CHALLENGE_SIZE "entra-challenge-size" 400 InvalidRequest Layer::Entra(501_491),
        "Invalid size of Code_Challenge parameter.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2026";
    /// An unknown `prompt`.
    ENTRA_PROMPT "entra-prompt" 400 InvalidRequest Layer::Entra(90_023),
        "Unsupported 'prompt' value.",
        Weak "learn.microsoft.com/entra/identity-platform/reference-error-codes (the number; the text as seen in issues)";
    /// An application's scope that does not end in `/.default`.
    ENTRA_NOT_DEFAULT "entra-not-default" 400 InvalidScope Layer::Entra(1_002_012),
        "The provided value for scope {0} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023)";
    /// Scopes of two resources in one grant.
    ENTRA_SCOPE_OF_RESOURCES "entra-scope-of-resources" 400 InvalidRequest Layer::Entra(28_000),
        "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope {0} is not valid.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues (the error is a guess)";
    /// `.default` together with another scope.
    ENTRA_SCOPE_LIMIT "entra-scope-limit" 400 InvalidScope Layer::Entra(70_011),
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid. static scope limit exceeded.",
        Strong "public issues of 2024 to 2026";
    /// A scope of neither form.
    ENTRA_SCOPE_FORMAT "entra-scope-format" 400 InvalidScope Layer::Entra(70_011),
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid. The scope format is invalid. Scope must be in a valid URI form <https://example/scope> or a valid Guid <guid/scope>.",
        Strong "public issues of 2025";
    /// The same, with client credentials.
    ENTRA_SCOPE_OF_APPLICATION "entra-scope-of-application" 400 InvalidScope Layer::Entra(70_011),
        "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope {0} is not valid.",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023)";
    /// A code for a resource, redeemed without a scope.
    ENTRA_NO_SCOPE_OF_CODE "entra-no-scope-of-code" 400 InvalidRequest Layer::Entra(28_003),
        "Provided value for the input parameter scope cannot be empty when requesting an access token using the provided authorization code. Please specify a valid scope.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; issues of Spring's samples";
    /// A refresh token without a scope of a resource.
    ENTRA_TOKEN_FOR_ITSELF "entra-token-for-itself" 400 InvalidRequest Layer::Entra(90_009),
        "Application '{0}'({1}) is requesting a token for itself. This scenario is supported only if resource is specified using the GUID based App Identifier.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// A resource that the directory does not describe.
    ENTRA_UNKNOWN_RESOURCE "entra-unknown-resource" 400 InvalidResource Layer::Entra(500_011),
        "The resource principal named {0} was not found in the tenant named {1}. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might have sent your authentication request to the wrong tenant.",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (bodies of 2023); calvinchengx/entra-emulator e2e/differential";
    /// A scope that its resource does not expose.
    ENTRA_UNKNOWN_SCOPE "entra-unknown-scope" 400 InvalidClient Layer::Entra(650_053),
        "The application '{0}' asked for scope '{1}' that doesn't exist on the resource '{2}'. Contact the app vendor.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2024 to 2026";
    /// A permission without consent.
    ENTRA_CONSENT "entra-consent" 400 InvalidGrant Layer::Entra(65_001),
        "The user or administrator has not consented to use the application with ID '{0}' named '{1}'. Send an interactive authorization request for this user and resource.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// The same, at `authorize`.
    ENTRA_CONSENT_AT_SIGN_IN "entra-consent-at-sign-in" 400 ConsentRequired Layer::Entra(65_001),
        "The user or administrator has not consented to use the application with ID '{0}' named '{1}'. Send an interactive authorization request for this user and resource.",
        Medium "learn.microsoft.com/entra/identity-platform/v2-oauth2-implicit-grant-flow (the error of a silent request)";
    /// A user who declines.
    ENTRA_DECLINED "entra-declined" 400 AccessDenied Layer::Entra(65_004),
        "User declined to consent to access the app.",
        Strong "learn.microsoft.com/entra/identity-platform/v2-admin-consent; captured redirects of 2022";
    /// An unregistered redirect URI.
    ENTRA_REDIRECT "entra-redirect" 400 InvalidRequest Layer::Entra(50_011),
        "The redirect URI '{0}' specified in the request does not match the redirect URIs configured for the application '{1}'. Make sure the redirect URI sent in the request matches one added to your application in the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how to troubleshoot this.",
        Strong "learn.microsoft.com/troubleshoot/entra/entra-id/app-integration/error-code-aadsts50011-redirect-uri-mismatch (a page)";
    /// No redirect URI in the request or in the directory.
    ENTRA_NO_REDIRECT "entra-no-redirect" 400 InvalidRequest Layer::Entra(500_113),
        "No reply address is registered for the application.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes (a page)";
    /// An unknown user.
    ENTRA_UNKNOWN_USER "entra-unknown-user" 400 InvalidGrant Layer::Entra(50_034),
        "The user account {EmailHidden} does not exist in the {1} directory. To sign into this application, the account must be added to the directory.",
        Strong "Azure/azure-sdk-for-js sdk/identity/identity/recordings";
    /// A wrong password.
    ENTRA_WRONG_PASSWORD "entra-wrong-password" 400 InvalidGrant Layer::Entra(50_126),
        "Error validating credentials due to invalid username or password.",
        Strong "Azure/azure-sdk-for-go sdk/azidentity/testdata/recordings (2022)";
    /// A password that has expired.
    ENTRA_PASSWORD_EXPIRED "entra-password-expired" 400 InvalidGrant Layer::Entra(50_055),
        "The password is expired.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2019";
    /// A disabled user.
    ENTRA_DISABLED_USER "entra-disabled-user" 400 InvalidGrant Layer::Entra(50_057),
        "The user account is disabled.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// A silent sign-in without a user.
    ENTRA_NOT_SIGNED_IN "entra-not-signed-in" 400 LoginRequired Layer::Entra(50_058),
        "A silent sign-in request was sent but no user is signed in. The cookies used to represent the user's session were not sent in the request to Azure AD. This can happen if the user is using Internet Explorer or Edge, and the web app sending the silent sign-in request is in different IE security zone than the Azure AD endpoint (login.microsoftonline.com).",
        Strong "captured redirects of 2019 and 2022";
    /// A user who is not assigned to the application.
    ENTRA_NOT_ASSIGNED "entra-not-assigned" 400 InvalidGrant Layer::Entra(50_105),
        "Your administrator has configured the application {0} ('{1}') to block users unless they are specifically granted ('assigned') access to the application. The signed in user '{EmailHidden}' is blocked because they are not a direct member of a group with access, nor had access directly assigned by an administrator. Please contact your administrator to assign access to this application.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// Conditional access: a second factor.
    ENTRA_MFA "entra-mfa" 400 InvalidGrant Layer::Entra(50_076),
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '{0}'.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2020 to 2024";
    /// Conditional access: a compliant device.
    ENTRA_DEVICE_STATE "entra-device-state" 400 InvalidGrant Layer::Entra(53_000),
        "Device is not in required device state: {0}. Conditional Access policy requires a compliant device, and the device is not compliant. The user must enroll their device with an approved MDM provider like Intune.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// Conditional access: no access.
    ENTRA_BLOCKED "entra-blocked" 400 InvalidGrant Layer::Entra(53_003),
        "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2023 to 2025";
    /// A refresh token from before a revocation.
    ENTRA_REVOKED "entra-revoked" 400 InvalidGrant Layer::Entra(50_173),
        "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password. The grant was issued on '{0}' and the TokensValidFrom date (before which tokens are not valid) for this user is '{1}'.",
        Strong "Azure/azure-sdk-for-js and azure-sdk-for-python recordings (2021)";
    /// A malformed code or refresh token.
    ENTRA_GRANT "entra-grant" 400 InvalidGrant Layer::Entra(9_002_313),
        "Invalid request. Request is malformed or invalid.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; measured in 2026";
    /// A refresh token of another client; a code for another redirect URI.
    ENTRA_FOREIGN_GRANT "entra-foreign-grant" 400 InvalidGrant Layer::Entra(70_000),
        "Provided grant is invalid or malformed.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2025";
    /// An expired code.
    ENTRA_EXPIRED "entra-expired" 400 InvalidGrant Layer::Entra(70_008),
        "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// An expired refresh token.
    ENTRA_REFRESH_EXPIRED "entra-refresh-expired" 400 InvalidGrant Layer::Entra(700_082),
        "The refresh token has expired due to inactivity.\u{a0}The token was issued on {0} and was inactive for 90.00:00:00.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2023";
    /// An expired refresh token of a single-page application.
    ENTRA_SPA_REFRESH_EXPIRED "entra-spa-refresh-expired" 400 InvalidGrant Layer::Entra(700_084),
        "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which cannot be extended. It is now expired and a new sign in request must be sent by the SPA to the sign in page. The token was issued on {0}.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2026";
    /// A code for the second time.
    ENTRA_CODE_REDEEMED "entra-code-redeemed" 400 InvalidGrant Layer::Entra(54_005),
        "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.",
        Strong "Azure/azure-sdk-for-go sdk/azidentity/testdata/recordings (2021)";
    /// A code verifier that does not match the challenge.
    ENTRA_VERIFIER "entra-verifier" 400 InvalidGrant Layer::Entra(501_481),
        "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2022 and 2026";
    /// A code of a single-page application from elsewhere.
    ENTRA_SPA_ONLY "entra-spa-only" 400 InvalidRequest Layer::Entra(9_002_327),
        "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// A code of another kind of application from a browser.
    ENTRA_NOT_SPA "entra-not-spa" 400 InvalidRequest Layer::Entra(9_002_326),
        "Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request origin: '{0}'.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// On behalf of a user: a token that is not the emulator's.
    ENTRA_OBO_SIGNATURE "entra-obo-signature" 400 InvalidGrant Layer::Entra(50_013),
        "Assertion failed signature validation. [Reason - The key was not found., Thumbprint of key used by client: '{0}'].",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// On behalf of a user: a token for another application.
    ENTRA_OBO_AUDIENCE "entra-obo-audience" 400 InvalidGrant Layer::Entra(500_131),
        "Assertion audience does not match the Client app presenting the assertion. The audience in the assertion was '{0}' and the expected audience is '{1}' or one of the Application Uris of this application with App ID '{1}'({2}). The downstream client must request a token for the expected audience (the application which made the OBO request) and this application should use that token as the assertion.",
        Strong "public issues of 2026";
    /// On behalf of a user: an expired token.
    ENTRA_OBO_TIME "entra-obo-time" 400 InvalidGrant Layer::Entra(500_133),
        "Assertion is not within its valid time range. Ensure that the access token is not expired before using it for user assertion, or request a new token. Current time: {0}, expiry time of assertion {1}.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// On behalf of a user: an id token.
    ENTRA_OBO_ID_TOKEN "entra-obo-id-token" 400 InvalidRequest Layer::Entra(240_002),
        "Input id_token cannot be used as 'urn:ietf:params:oauth:grant-type:jwt-bearer' grant.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues (the error is a guess)";
    /// On behalf of a user: a token without a user.
    ENTRA_OBO_APPLICATION "entra-obo-application" 400 InvalidRequest Layer::Entra(7_000_114),
        "Application '{0}' is not allowed to make application on-behalf-of calls.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes (the number; the text as seen in issues)";
    /// The code of a device that waits for its user.
    ENTRA_DEVICE_PENDING "entra-device-pending" 400 AuthorizationPending Layer::Entra(70_016),
        "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
        Strong "Azure/azure-sdk-for-go sdk/azidentity/testdata/recordings (2023)";
    /// The code of a device, declined.
    ENTRA_DEVICE_DECLINED "entra-device-declined" 400 AuthorizationDeclined Layer::Entra(70_018),
        "OAuth 2.0 device flow error. The user has declined the authorization.",
        None "learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code (the error; number and text are a guess)";
    /// An unknown code of a device.
    ENTRA_DEVICE_CODE "entra-device-code" 400 BadVerificationCode Layer::Entra(70_018),
        "OAuth 2.0 device flow error. The device code is not valid.",
        Weak "learn.microsoft.com/entra/identity-platform/v2-oauth2-device-code (the error), reference-error-codes (the number)";
    /// The code of a device after its end.
    ENTRA_DEVICE_EXPIRED "entra-device-expired" 400 ExpiredToken Layer::Entra(70_020),
        "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
        Strong "public issues of 2022";
    /// A device that asks more often than its interval allows.
    ENTRA_DEVICE_SLOW_DOWN "entra-device-slow-down" 400 SlowDown Layer::Entra(70_016),
        "OAuth 2.0 device flow error. The interval between requests is too short.",
        None "RFC 8628, 3.5 (the error); AzureAD/microsoft-authentication-library-for-go waits on it";
    /// By the control API: an id of zeros.
    ENTRA_INVALID_APPLICATION_ID "entra-invalid-application-id" 400 UnauthorizedClient Layer::Entra(700_038),
        "{0} is not a valid application identifier.",
        Strong "calvinchengx/entra-emulator e2e/differential (captured in 2026)";
    /// By the control API: an application that is not installed.
    ENTRA_NO_PRINCIPAL "entra-no-principal" 401 InvalidClient Layer::Entra(7_000_229),
        "The client application {0} is missing service principal in the tenant {1}.",
        Medium "public issues of 2026";
    /// A disabled application.
    ENTRA_DISABLED_APPLICATION "entra-disabled-application" 400 UnauthorizedClient Layer::Entra(7_000_112),
        "Application '{0}'({1}) is disabled.",
        Medium "learn.microsoft.com/troubleshoot/entra (the text)";
    /// By the control API: no tenant in the request.
    ENTRA_NO_TENANT "entra-no-tenant" 400 InvalidRequest Layer::Entra(50_059),
        "No tenant-identifying information found in either the request or implied by any provided credentials.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// By the control API: a shared address for an application of one tenant.
    ENTRA_SINGLE_TENANT "entra-single-tenant" 400 InvalidRequest Layer::Entra(50_194),
        "Application '{0}'({0}) is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such applications created after '10/15/2018'. Use a tenant-specific endpoint or configure the application to be multi-tenant.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues of 2022";
    /// By the control API: personal accounts.
    ENTRA_NOT_PERSONAL "entra-not-personal" 400 InvalidRequest Layer::Entra(9_002_332),
        "Application '{0}' ({0}) is configured for use by Azure Active Directory users only. Please do not use the /consumers endpoint to serve this request.",
        Strong "public issues of 2026";
    /// By the control API: a sign-in that is too old.
    ENTRA_SIGN_IN_FREQUENCY "entra-sign-in-frequency" 400 InvalidGrant Layer::Entra(70_043),
        "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access. The token was issued on {0} and the maximum allowed lifetime for this request is 3600.",
        Strong "public issues of 2022 and 2026";
    /// By the control API: a client that repeats itself.
    ENTRA_LOOP "entra-loop" 400 InvalidGrant Layer::Entra(50_196),
        "The server terminated an operation because it encountered a loop while processing a request.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// By the control API: a locked account.
    ENTRA_LOCKED_USER "entra-locked-user" 400 InvalidGrant Layer::Entra(50_053),
        "You've tried to sign in too many times with an incorrect user ID or password.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// By the control API: a user without a password.
    ENTRA_NO_PASSWORD "entra-no-password" 400 InvalidGrant Layer::Entra(50_056),
        "Invalid or null password: password does not exist in the directory for this user.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// By the control API: a user of another tenant.
    ENTRA_FOREIGN_USER "entra-foreign-user" 400 InvalidGrant Layer::Entra(50_020),
        "User account '{EmailHidden}' from identity provider 'live.com' does not exist in tenant '{1}' and cannot access the application '{0}'({0}) in that tenant. The account needs to be added as an external user in the tenant first. Sign out and sign in again with a different Azure Active Directory user account.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues";
    /// By the control API: a second factor that is not set up.
    ENTRA_MFA_ENROLLMENT "entra-mfa-enrollment" 400 InteractionRequired Layer::Entra(50_079),
        "Due to a configuration change made by your administrator, or because you moved to a new location, you must enroll in multi-factor authentication to access '{0}'.",
        Strong "learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow";
    /// By the control API: several sessions.
    ENTRA_SEVERAL_SESSIONS "entra-several-sessions" 400 InteractionRequired Layer::Entra(16_000),
        "Either multiple user identities are available for the current request or selected account is not supported for the scenario.",
        Strong "AzureAD/microsoft-authentication-library-for-js (documentation)";
    /// By the control API: a resource that is not installed.
    ENTRA_SERVICE_NOT_INSTALLED "entra-service-not-installed" 400 InvalidClient Layer::Entra(650_052),
        "The app is trying to access a service '{0}'({0}) that your organization '{1}' lacks a service principal for. Contact your IT Admin to review the configuration of your service subscriptions or consent to the application in order to create the required service principal.",
        Strong "learn.microsoft.com/troubleshoot/entra; public issues";
    /// A resource that the application does not require.
    ENTRA_RESOURCE_NOT_REQUIRED "entra-resource-not-required" 400 InvalidResource Layer::Entra(650_057),
        "Invalid resource. The client has requested access to a resource which is not listed in the requested permissions in the client's application registration. Client app ID: {0}({1}). Resource value from request: {2}. Resource app ID: {3}. List of valid resources from app registration: {4}.",
        Strong "public issues of 2025";
    /// By the control API: an application of Microsoft.
    ENTRA_FIRST_PARTY "entra-first-party" 400 InvalidRequest Layer::Entra(65_002),
        "Consent between first party application '{0}' and first party resource '00000003-0000-0000-c000-000000000000' must be configured via preauthorization - applications owned and operated by Microsoft must get approval from the API owner before requesting tokens for that API.",
        Strong "Azure/azure-cli (tests, 2026)";
    /// By the control API: a permission that an administrator must consent to.
    ENTRA_ADMINISTRATOR_ONLY "entra-administrator-only" 400 AccessDenied Layer::Entra(90_094),
        "The grant requires admin permission.",
        Strong "learn.microsoft.com/entra/identity-platform/reference-error-codes; public issues (a page)";
    /// By the control API: a client that asks too often.
    ENTRA_THROTTLED "entra-throttled" 429 TooManyRequests Layer::EntraText, "Too Many Requests",
        Strong "AzureAD/microsoft-authentication-library-for-dotnet#2855";
    /// By the control API: an outage.
    ENTRA_UNAVAILABLE "entra-unavailable" 503 TemporarilyUnavailable Layer::Entra(90_033), "A transient error has occurred. Please try again.",
        Medium "learn.microsoft.com/entra/identity-platform/reference-error-codes";
    /// Managed identity: no header `Metadata`.
    IDENTITY_NO_METADATA "identity-no-metadata" 400 InvalidRequest Layer::Machine, "Required metadata header not specified",
        Strong "Azure/azure-sdk-for-go sdk/azidentity/testdata/recordings (2021); Azure/azure-sdk-for-python (2022)";
    /// Managed identity: no resource.
    IDENTITY_NO_RESOURCE "identity-no-resource" 400 InvalidRequest Layer::Machine, "Required query variable 'resource' is missing",
        Medium "learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token";
    /// Managed identity: one that the directory does not describe.
    IDENTITY_NOT_FOUND "identity-not-found" 400 InvalidRequest Layer::Machine, "Identity not found",
        Strong "learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token; AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs";
    /// Managed identity, Azure Arc: without the content of the key file.
    IDENTITY_ARC "identity-arc" 401 UnauthorizedClient Layer::Arc, "Missing Basic Authorization header",
        Strong "Azure/azure-sdk-for-net Azure.Identity SessionRecords (ManagedIdentityCredentialArcLiveTests, 2020)";
    /// Managed identity, App Service: no header `X-IDENTITY-HEADER`.
    IDENTITY_NO_HEADER "identity-no-header" 400 InvalidRequest Layer::AppService, "The header X-IDENTITY-HEADER is missing.",
        None "AzureAD/microsoft-authentication-library-for-dotnet MockHelpers.cs (the form; status and text are a guess)";
    /// Managed identity, Service Fabric: no header `secret`.
    IDENTITY_NO_SECRET "identity-no-secret" 400 InvalidRequest Layer::ServiceFabric("SecretHeaderNotFound"), "Secret is not found in the request headers.",
        Medium "learn.microsoft.com/azure/service-fabric/how-to-managed-identity-service-fabric-app-code";
}
