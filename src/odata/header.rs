//! Values of response headers that are always the same.

/// The content type of an answer in the format that everybody gets.
pub static MINIMAL_JSON: &str =
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";

/// The content type of errors.
pub static PLAIN_JSON: &str = "application/json";

/// `Vary`
pub static VARY: &str = "Accept-Encoding";

/// `Strict-Transport-Security`
pub static TRANSPORT_SECURITY: &str = "max-age=31536000";

/// `OData-Version`
pub static ODATA_VERSION: &str = "4.0";

/// `x-ms-ags-diagnostic`: says in the service's own form that no data center has answered.
pub static DIAGNOSTIC: &str =
    r#"{"ServerInfo":{"DataCenter":"Local","Slice":"E","Ring":"0","ScaleUnit":"000","RoleInstance":"WFI-EMULATOR"}}"#;

/// The values above, for those who keep a great many answers.
pub static COMMON: [&str; 6] = [DIAGNOSTIC, MINIMAL_JSON, TRANSPORT_SECURITY, VARY, ODATA_VERSION, PLAIN_JSON];
