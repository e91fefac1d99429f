//! The URLs of a batch and of its requests.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::edm::schema::Version;
use crate::odata::error::Error;
use crate::policy::behavior::BatchUrls;
use crate::policy::refusal;

/// Returns the version of a path to `$batch`; `None` for any other path.
pub(crate) fn version_of(path: &str) -> Option<Version> {
    // `/v1.0/%24batch/` is the longest form; nearly all other paths are longer.
    if path.len() > 15 {
        return None;
    }
    let path = percent_decode_str(path).decode_utf8_lossy();
    let (version, name) = path.strip_prefix('/')?.split_once('/')?;
    let is_batch = name.strip_suffix('/').unwrap_or(name).eq_ignore_ascii_case("$batch");
    if is_batch { Version::from_segment(version) } else { None }
}

/// Resolves the URL of a request against the version of its batch, to path and query.
///
/// It may be relative to the version, with or without a leading slash, as documented; begin with the version itself; or be absolute
/// with any host, as msgraph-sdk-python-core sends it. Characters that are invalid in URLs are escaped.
pub(crate) fn resolve(url: &str, outer: Version, urls: BatchUrls) -> Result<String, Error> {
    const INVALID: &AsciiSet =
        &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'{').add(b'}').add(b'|').add(b'\\').add(b'^');
    let url = Cow::from(utf8_percent_encode(url.trim_ascii(), INVALID));
    let absolute =
        url.split_once("://").filter(|(scheme, _)| ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)));
    let path = match absolute {
        Some((_, rest)) => rest.find(['/', '?', '#']).map_or("", |at| &rest[at..]),
        None => &url,
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let first = path.split(['/', '?', '#']).next().unwrap_or_default();
    if urls == BatchUrls::Relative {
        if absolute.is_some() {
            return Err(Error::new(&refusal::BATCH_ABSOLUTE, &[]).with_detail("an absolute url in a batch".to_owned()));
        }
        if Version::from_segment(first).is_some() {
            let detail = "a url with a version in a batch".to_owned();
            return Err(Error::new(&refusal::BATCH_URL_VERSION, &[first]).with_detail(detail));
        }
    }
    match Version::from_segment(first) {
        Some(version) if version != outer => {
            let detail = format!("wrong version {}: the batch was sent to {}", version.segment(), outer.segment());
            Err(Error::new(&refusal::BATCH_VERSION, &[]).with_detail(detail))
        }
        None if absolute.is_none() => Ok(["/", outer.segment(), "/", path].concat()),
        _ => Ok(["/", path].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_resolved_against_the_version() {
        let path = |url: &str| resolve(url, Version::V1, BatchUrls::Any).map_err(|error| error.refusal.name);
        for url in ["a/b?$x=1", "/a/b?$x=1", "/v1.0/a/b?$x=1", "V1.0/a/b?$x=1", "HTTPS://graph.microsoft.com/v1.0/a/b?$x=1"] {
            assert_eq!(path(url).map(|path| path.to_ascii_lowercase()), Ok("/v1.0/a/b?$x=1".to_owned()), "{url}");
        }
        assert_eq!(path("http://[::1]:80/v1.0?a"), Ok("/v1.0?a".to_owned()));
        assert_eq!(path("https://host"), Ok("/".to_owned()));
        assert_eq!(path("https://host/users"), Ok("/users".to_owned()), "an absolute address names its version");
        assert_eq!(path("//host/a"), Ok("/v1.0//host/a".to_owned()));
        assert_eq!(path("ftp://host/a"), Ok("/v1.0/ftp://host/a".to_owned()));
        assert_eq!(path("?a=http://b"), Ok("/v1.0/?a=http://b".to_owned()));
        assert_eq!(path("a?$filter=b eq 'ü\"'"), Ok("/v1.0/a?$filter=b%20eq%20'%C3%BC%22'".to_owned()));
        for url in ["/beta/a", "https://graph.microsoft.com/beta/a", "Beta?a"] {
            assert_eq!(path(url), Err("batch-version"), "{url}");
        }
    }

    #[test]
    fn only_relative_urls_are_taken_if_so_chosen() {
        let path = |url: &str| resolve(url, Version::V1, BatchUrls::Relative).map_err(|error| error.refusal.name);
        assert_eq!(path("/a/b"), Ok("/v1.0/a/b".to_owned()));
        assert_eq!(path("a"), Ok("/v1.0/a".to_owned()));
        assert_eq!(path("/v1.0/a"), Err("batch-url-version"));
        assert_eq!(path("https://graph.microsoft.com/v1.0/a"), Err("batch-absolute-url"));
    }

    #[test]
    fn the_batch_is_named_in_any_case() {
        for path in ["/v1.0/$batch", "/v1.0/%24batch/", "/V1.0/$BATCH"] {
            assert_eq!(version_of(path), Some(Version::V1), "{path}");
        }
        assert_eq!(version_of("/beta/$batch"), Some(Version::Beta));
        for path in ["/$batch", "/v2.0/$batch", "/v1.0/$batch/a", "/v1.0/batch", "v1.0/$batch", "/v1.0//$batch", ""] {
            assert_eq!(version_of(path), None, "{path}");
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn urls_never_panic_and_become_paths(url in "\\PC{0,40}") {
            if let Ok(path) = resolve(&url, Version::Beta, BatchUrls::Any) {
                prop_assert!(path.starts_with('/') && path.is_ascii(), "{}", path);
            }
            let _ = version_of(&url);
        }
    }
}
