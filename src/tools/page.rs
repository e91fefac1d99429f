//! Pages of a list in recorded exchanges: the link to the next one, and the requests that follow it.

use percent_encoding::percent_decode_str;

use crate::text::exchange::{RecordedRequest, RecordedResponse};
use crate::text::json::{self, Json};

/// A page of a list that is followed by another one.
struct Page {
    /// The number of its entities.
    size: usize,
    link: String,
}

impl Page {
    /// Returns the page in an answer; `None` if it is not a page, and for the last one.
    fn of(response: &RecordedResponse) -> Option<Page> {
        // Most bodies have no link, and reading them takes longer than searching.
        memchr::memmem::find(&response.body, b"nextLink")?;
        let Ok(Json::Object(members)) = json::parse(&response.body) else { return None };
        let member = |name: &str| members.iter().find_map(|(other, value)| (other == name).then_some(value));
        match (member("@odata.nextLink"), member("value")) {
            (Some(Json::String(link)), Some(Json::Array(elements))) => Some(Page { size: elements.len(), link: decoded(link) }),
            _ => None,
        }
    }

    /// Returns whether a request with this target asks for the next page: by the link, or by its token among other options.
    fn leads_to(&self, target: &str) -> bool {
        let token = |text| split_token(text).map(|(_, token, _)| token).filter(|token: &&str| !token.is_empty());
        // The target lacks the address of the service, or begins with another one.
        self.link.ends_with(target) || token(&self.link).is_some_and(|wanted| token(target) == Some(wanted))
    }

    /// Returns whether both pages are of one list.
    fn is_of_list(&self, other: &Page) -> bool {
        match (split_token(&self.link), split_token(&other.link)) {
            (Some((before, _, after)), Some((other_before, _, other_after))) => (before, after) == (other_before, other_after),
            _ => self.link == other.link,
        }
    }
}

/// The pages of a recording whose next one is not recorded, each with its place.
pub(super) struct OpenPages<P> {
    pages: Vec<(P, Page)>,
}

/// Maximum number of open pages; further ones are not found.
const OPEN_LIMIT: usize = 1000;

impl<P> OpenPages<P> {
    pub(super) fn new() -> OpenPages<P> {
        OpenPages { pages: Vec::new() }
    }

    /// Adds an exchange, which may ask for the next page of an earlier one. Returns the number of entities on its page, if another
    /// follows.
    pub(super) fn add(&mut self, place: P, request: &RecordedRequest, response: &RecordedResponse) -> Option<usize> {
        let target = decoded(&request.target);
        if let Some(at) = self.pages.iter().position(|(_, page)| page.leads_to(&target)) {
            let (_, followed) = self.pages.swap_remove(at);
            // The list may have been begun several times, and followed once.
            self.pages.retain(|(_, page)| !page.is_of_list(&followed));
        }
        let page = Page::of(response)?;
        let size = page.size;
        if self.pages.len() < OPEN_LIMIT {
            self.pages.push((place, page));
        }
        Some(size)
    }

    /// Returns the places of the pages whose next one is not recorded.
    pub(super) fn into_places(self) -> impl Iterator<Item = P> {
        self.pages.into_iter().map(|(place, _)| place)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Splits a link to a page at its token.
fn split_token(link: &str) -> Option<(&str, &str, &str)> {
    const NAME: &str = "$skiptoken=";
    let start = link.find(NAME)? + NAME.len();
    let end = link[start..].find('&').map_or(link.len(), |length| start + length);
    Some((&link[..start], &link[start..end], &link[end..]))
}

/// Returns whether the client has left the size of a page to the service.
pub(super) fn leaves_size_to_service(request: &RecordedRequest) -> bool {
    let has_top = request
        .target
        .split_once('?')
        .is_some_and(|(_, query)| decoded(query).split('&').any(|option| option.trim_start_matches('$').starts_with("top=")));
    let prefers = |(name, value): &(String, String)| {
        name.eq_ignore_ascii_case("prefer") && value.to_ascii_lowercase().contains("maxpagesize")
    };
    !has_top && !request.headers.iter().any(prefers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, StatusCode};

    fn request(target: &str) -> RecordedRequest {
        RecordedRequest { method: Method::GET, target: target.to_owned(), headers: Vec::new(), body: bytes::Bytes::new() }
    }

    fn page(link: &str) -> RecordedResponse {
        let body = format!(r#"{{"@odata.nextLink":"{link}","value":[1,2]}}"#);
        RecordedResponse { status: StatusCode::OK, headers: Vec::new(), body: body.into() }
    }

    #[test]
    fn the_request_for_the_next_page_is_recognized() {
        let first = Page::of(&page("https://graph.microsoft.com/v1.0/users?$select=id&$skiptoken=aGk%3D")).unwrap();
        assert_eq!(first.size, 2);
        for (target, expected) in [
            ("/v1.0/users?$select=id&$skiptoken=aGk%3D", true),
            ("/v1.0/users?%24select=id&%24skiptoken=aGk=", true),
            ("/v1.0/users?$skiptoken=aGk%3D&$select=id", true),
            ("/v1.0/http://127.0.0.1:9341/v1.0/users?$select=id&$skiptoken=aGk%3D", true),
            ("/v1.0/users?$select=id", false),
            ("/v1.0/users", false),
        ] {
            assert_eq!(first.leads_to(&decoded(target)), expected, "{target}");
        }
        let skipping = Page::of(&page("https://graph.microsoft.com/v1.0/me/messages?$skip=10")).unwrap();
        assert!(skipping.leads_to("/v1.0/me/messages?$skip=10"));
        for body in [r#"{"value":[]}"#, r#"{"@odata.nextLink":7,"value":[]}"#, r#"{"@odata.nextLink":"a"}"#, "nextLink"] {
            assert!(Page::of(&RecordedResponse { body: body.into(), ..page("") }).is_none(), "{body}");
        }
    }

    #[test]
    fn a_list_that_is_followed_once_is_not_open() {
        let link = |token: &str| format!("https://graph.microsoft.com/v1.0/users?$skiptoken={token}");
        let last = RecordedResponse { body: r#"{"value":[1]}"#.into(), ..page("") };
        let mut open = OpenPages::new();
        assert_eq!(open.add(1, &request("/v1.0/users"), &page(&link("a"))), Some(2));
        open.add(2, &request("/v1.0/groups"), &page("https://graph.microsoft.com/v1.0/groups?$skiptoken=a2"));
        open.add(3, &request("/v1.0/users"), &page(&link("b")));
        assert_eq!(open.add(4, &request("/v1.0/users?$skiptoken=b"), &last), None);
        assert_eq!(open.into_places().collect::<Vec<i32>>(), [2]);
    }

    #[test]
    fn an_option_or_a_preference_chooses_the_size() {
        for (target, expected) in
            [("/v1.0/users", true), ("/v1.0/users?$select=top", true), ("/v1.0/users?$count=true&%24top=2", false)]
        {
            assert_eq!(leaves_size_to_service(&request(target)), expected, "{target}");
        }
        let mut preferring = request("/v1.0/users");
        preferring.headers.push(("Prefer".to_owned(), "odata.maxpagesize=2".to_owned()));
        assert!(!leaves_size_to_service(&preferring));
    }
}
