//! The choice of exchanges of a comparison, by method and by name.

use http::Method;

use super::rules::matches;

/// The exchanges to compare. Without methods and names, all of them.
#[derive(Clone, Debug, Default)]
pub struct ExchangeSelection {
    /// Methods of requests, any of them.
    pub methods: Vec<Method>,
    /// Parts of names, any of them; `*` matches any text.
    pub names: Vec<String>,
}

impl ExchangeSelection {
    /// Returns whether all exchanges are selected.
    pub(super) fn is_whole(&self) -> bool {
        self.methods.is_empty() && self.names.is_empty()
    }

    /// Returns whether an exchange is selected, with its name `file#number name`.
    pub(super) fn has(&self, method: &Method, id: &str) -> bool {
        let has_method = self.methods.is_empty() || self.methods.contains(method);
        let has_name = self.names.is_empty() || self.names.iter().any(|name| matches(&format!("*{name}*"), id));
        has_method && has_name
    }

    /// Describes the choice, as its flags.
    pub(super) fn describe(&self) -> String {
        let methods = self.methods.iter().map(|method| format!("--only {method}"));
        methods.chain(self.names.iter().map(|name| format!("--filter '{name}'"))).collect::<Vec<String>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_has_one_of_the_methods_and_one_of_the_names() {
        let selection = |methods: &[Method], names: &[&str]| ExchangeSelection {
            methods: methods.to_vec(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let id = "shifts.hurl#2 creates a shift";
        for (methods, names, expected) in [
            (&[][..], &[][..], true),
            (&[Method::GET], &[], false),
            (&[Method::GET, Method::POST], &[], true),
            (&[], &["a shift"], true),
            (&[], &["shifts.hurl#2"], true),
            (&[], &["creates*shift"], true),
            (&[], &["other", "shift"], true),
            (&[], &["shift*creates*again"], false),
            (&[Method::GET], &["a shift"], false),
        ] {
            assert_eq!(selection(methods, names).has(&Method::POST, id), expected, "{methods:?} {names:?}");
        }
        assert_eq!(selection(&[Method::GET], &["a b"]).describe(), "--only GET --filter 'a b'");
    }
}
