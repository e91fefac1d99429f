//! Sites by the addresses of their pages: `sites/root`, `sites/contoso.sharepoint.com`, `sites/contoso.sharepoint.com:/teams/hr:/lists`
//! (learn.microsoft.com/graph/api/site-get and site-getbypath).

use std::borrow::Cow;
use std::cell::RefCell;

use percent_encoding::percent_decode_str;

use super::Walk;
use super::segments::{next_segment, not_emulated};
use crate::edm::schema::SiteRules;
use crate::edm::value::{Complex, Value};
use crate::odata::error::Error;

/// The segment that names the root site.
const ROOT: &str = "root";

/// The function that finds a site by its path.
const BY_PATH: &str = "getByPath";

impl<'s> Walk<'s, '_> {
    /// Returns the key of the site that a segment and the path behind it name; the segment itself if it is a key, or without such a site.
    pub(super) fn site_key(
        &self,
        segment: Cow<'s, str>,
        has_path: bool,
        segments: &mut impl Iterator<Item = Cow<'s, str>>,
    ) -> Result<Cow<'s, str>, Error> {
        let Some(rules) = self.structured().rare().site.filter(|_| !self.has_links) else { return Ok(segment) };
        // SDKs encode the whole address as a key.
        let (host, inner) = match segment.split_once(":/") {
            Some((host, path)) => (host, Some(path)),
            None => (&*segment, None),
        };
        let mut path: Vec<String> = inner.into_iter().flat_map(|path| path.split('/')).map(str::to_owned).collect();
        if has_path {
            while let Some(name) = next_segment(segments)? {
                let (name, is_last) = name.strip_suffix(':').map_or((&*name, false), |name| (name, true));
                path.push(name.to_owned());
                if is_last {
                    break;
                }
            }
        }
        path.retain(|name| !name.is_empty());
        let is_root = host.eq_ignore_ascii_case(ROOT);
        let is_address = has_path || inner.is_some() || is_root || host.contains('.') && !host.contains(',');
        if !is_address || path.is_empty() && self.lookup.has(&self.collection, &segment) {
            return Ok(segment);
        }
        let root_host = RefCell::new(None);
        let root = is_root.then(|| {
            self.lookup.first(&self.collection, |site| {
                let page = self.page(rules, site).filter(|(_, of_path)| of_path.is_empty() && self.is_root(rules, site));
                *root_host.borrow_mut() = page.map(|(host, _)| host.to_owned());
                root_host.borrow().is_some()
            })
        });
        // Without a site that says so, any host may be that of the root.
        let root_host = root_host.into_inner();
        let wanted = if is_root { root_host.as_deref() } else { Some(host) };
        let found = root.flatten().filter(|_| path.is_empty()).or_else(|| {
            self.lookup.first(&self.collection, |site| match self.page(rules, site) {
                Some((of_host, of_path)) => {
                    wanted.is_none_or(|wanted| of_host.eq_ignore_ascii_case(wanted)) && is_same(&of_path, &path)
                }
                None => false,
            })
        });
        // The site of a group is its root, wherever the pages are.
        let found = found.or_else(|| {
            let is_contained = self.collection.holder.is_some() && is_root && path.is_empty();
            is_contained.then(|| self.lookup.first(&self.collection, |site| self.is_root(rules, site))).flatten()
        });
        let address = || if path.is_empty() { host.to_owned() } else { format!("{host}:/{}", path.join("/")) };
        Ok(Cow::Owned(found.unwrap_or_else(address)))
    }

    /// Returns the key of the site at a path of the host of the path's site, if the segment is a call of `getByPath`. Clients leave the
    /// slashes in its argument as they are, or encode them.
    pub(super) fn site_by_path(
        &self,
        segment: &str,
        segments: &mut impl Iterator<Item = Cow<'s, str>>,
    ) -> Result<Option<Cow<'s, str>>, Error> {
        let Some(rules) = self.structured().rare().site else { return Ok(None) };
        let (Some((name, argument)), Some(key)) = (segment.split_once('('), &self.key) else { return Ok(None) };
        if !name.rsplit('.').next().is_some_and(|name| name.eq_ignore_ascii_case(BY_PATH)) {
            return Ok(None);
        }
        let mut argument = argument.to_owned();
        while !argument.ends_with("')") {
            let next = segments.next().ok_or_else(|| not_emulated(segment))?;
            argument.push('/');
            argument.push_str(&next);
        }
        let text = argument.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("path"));
        let text = text.and_then(|(_, text)| text.trim().strip_prefix('\'')?.strip_suffix("')"));
        let path = text.ok_or_else(|| not_emulated(segment))?.replace("\'\'", "'");
        let site = self.lookup.entity(&self.collection, key);
        let host = site.as_deref().and_then(|site| self.page(rules, &site.properties)).map(|(host, _)| host);
        let host = host.unwrap_or_else(|| key.split_once(":/").map_or(key, |(host, _)| host));
        let address = Cow::Owned(format!("{host}:/{}", path.trim_start_matches('/')));
        self.site_key(address, false, &mut std::iter::empty()).map(Some)
    }

    fn value<'e>(&self, name: &str, site: &'e Complex) -> Option<&'e Value> {
        let structured = self.structured();
        structured.property(name).map(|index| site.get(structured.properties[index].slot))
    }

    /// Returns the host and the names of the path of a site's page.
    fn page<'e>(&self, rules: &SiteRules, site: &'e Complex) -> Option<(&'e str, Vec<String>)> {
        let Some(Value::String(url)) = self.value(rules.url, site) else { return None };
        let (_, place) = url.split_once("://")?;
        let mut names = place.split('/');
        let host = names.next()?;
        let decoded = |name: &str| percent_decode_str(name).decode_utf8_lossy().into_owned();
        Some((host, names.filter(|name| !name.is_empty()).map(decoded).collect()))
    }

    fn is_root(&self, rules: &SiteRules, site: &Complex) -> bool {
        self.value(rules.root, site).is_some_and(|value| *value != Value::Null)
    }
}

/// Whether two paths are the same in any case.
fn is_same(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.to_lowercase() == other.to_lowercase())
}
