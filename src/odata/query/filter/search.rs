//! `$search` as collections of the directory take it: clauses in double quotes, joined by `AND` and `OR` (concepts/query-parameters of
//! microsoft-graph-docs, "Using $search on directory object collections").

use super::Expression;
use super::evaluate::Node;
use super::messages;
use super::problem::{Cause, FilterProblem};
use super::terms::SearchTerm;
use super::types::BOOLEAN;
use crate::edm::primitive::Primitive;
use crate::edm::schema::SearchRules;
use crate::edm::schema::{ItemType, PropertyType};
use crate::odata::query::Scope;
use crate::odata::query::path::{self, PathProblem, PropertyPath};

const MAX_DEPTH: usize = 100;
const MAX_CLAUSES: usize = 100;

/// A parser of one search.
struct SearchParser<'t, 'm> {
    text: &'t str,
    at: usize,
    scope: Scope<'m>,
    rules: &'t SearchRules,
    clauses: usize,
}

/// Parses a search as a condition.
pub(super) fn read<'m>(text: &str, scope: Scope<'m>, rules: &SearchRules) -> Result<Expression<'m>, FilterProblem> {
    let mut parser = SearchParser { text, at: 0, scope, rules, clauses: 0 };
    let node = parser.alternatives(0)?;
    if !parser.rest().is_empty() {
        return Err(parser.unexpected("AND, OR or the end"));
    }
    Ok(Expression { node, kind: BOOLEAN })
}

impl<'m> SearchParser<'_, 'm> {
    /// Skips white space, and returns what follows.
    fn rest(&mut self) -> &str {
        let rest = &self.text[self.at..];
        let trimmed = rest.trim_start();
        self.at += rest.len() - trimmed.len();
        trimmed
    }

    /// Skips a word, if it follows.
    fn skip(&mut self, word: &str) -> bool {
        let is_next = self.rest().strip_prefix(word).is_some_and(|after| {
            !word.ends_with(char::is_alphabetic)
                || after.is_empty()
                || after.starts_with(|next: char| next.is_whitespace() || matches!(next, '"' | '('))
        });
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn unexpected(&self, expected: &str) -> FilterProblem {
        let found = self.text[self.at..].chars().next().map_or("the end".to_owned(), |next| format!("{next:?}"));
        let message = messages::syntax(self.text, self.at);
        FilterProblem::syntax(self.at, format!("found {found}, expected {expected}"), message)
    }

    fn alternatives(&mut self, depth: usize) -> Result<Node<'m>, FilterProblem> {
        let first = self.conjunction(depth)?;
        let mut parts = vec![first];
        while self.skip("OR") {
            parts.push(self.conjunction(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Or(parts) })
    }

    fn conjunction(&mut self, depth: usize) -> Result<Node<'m>, FilterProblem> {
        let first = self.part(depth)?;
        let mut parts = vec![first];
        while self.skip("AND") {
            parts.push(self.part(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::And(parts) })
    }

    fn part(&mut self, depth: usize) -> Result<Node<'m>, FilterProblem> {
        if self.skip("(") {
            if depth == MAX_DEPTH {
                let detail = format!("nested too deeply (limit {MAX_DEPTH})");
                return Err(FilterProblem::syntax(self.at, detail, messages::TOO_DEEP));
            }
            let inner = self.alternatives(depth + 1)?;
            return if self.skip(")") { Ok(inner) } else { Err(self.unexpected("a closing parenthesis")) };
        }
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            let detail = format!("too many clauses (limit {MAX_CLAUSES})");
            return Err(FilterProblem::syntax(self.at, detail, messages::TOO_DEEP));
        }
        let is_quoted = self.rest().starts_with('"');
        let at = self.at;
        let clause = if is_quoted { self.quoted()? } else { self.word()? };
        self.clause(&clause, at)
    }

    /// Reads a clause between double quotes, in which a backslash precedes double quotes and backslashes.
    fn quoted(&mut self) -> Result<String, FilterProblem> {
        let mut clause = String::new();
        let mut characters = self.text[self.at + 1..].char_indices();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at += offset + 2;
                    return Ok(clause);
                }
                '\\' => clause.extend(characters.next().map(|(_, escaped)| escaped)),
                other => clause.push(other),
            }
        }
        let message = messages::unterminated_string(self.text, self.text.len());
        Err(FilterProblem::syntax(self.at, "unterminated clause", message))
    }

    /// Reads a single word without quotes, where a clause needs no name.
    fn word(&mut self) -> Result<String, FilterProblem> {
        let rest = &self.text[self.at..];
        let length = rest.find(|next: char| next.is_whitespace() || matches!(next, '"' | '(' | ')' | ':')).unwrap_or(rest.len());
        let word = &rest[..length];
        if self.rules.unnamed.is_empty() || word.is_empty() || matches!(word, "AND" | "OR" | "NOT") {
            return Err(self.unexpected("a clause in double quotes"));
        }
        self.at += length;
        Ok(word.to_owned())
    }

    fn clause(&self, clause: &str, at: usize) -> Result<Node<'m>, FilterProblem> {
        match clause.split_once(':') {
            Some((name, text)) if !self.rules.unnamed.is_empty() && !name.split('/').all(path::is_identifier) => {
                // A text with a colon, such as an address.
                let _ = text;
                self.unnamed(clause, at)
            }
            Some((name, text)) => {
                let path = self.property(name.trim(), at)?;
                Ok(self.term(path, text.trim()))
            }
            None => self.unnamed(clause, at),
        }
    }

    fn unnamed(&self, text: &str, at: usize) -> Result<Node<'m>, FilterProblem> {
        if self.rules.unnamed.is_empty() {
            let message = messages::syntax(self.text, at);
            return Err(FilterProblem::syntax(at, "expected a clause \"property:text\"", message));
        }
        let nodes = self.rules.unnamed.iter().map(|name| Ok(self.term(self.property(name, at)?, text.trim())));
        Ok(Node::Or(nodes.collect::<Result<_, FilterProblem>>()?))
    }

    fn term(&self, path: PropertyPath, text: &str) -> Node<'m> {
        let is_by_words = self.rules.by_words.iter().any(|name| name.eq_ignore_ascii_case(&path.text));
        let term = if is_by_words { SearchTerm::words(text) } else { SearchTerm::beginning(text) };
        Node::Search(Box::new((path, term)))
    }

    fn property(&self, name: &str, at: usize) -> Result<PropertyPath, FilterProblem> {
        let path = path::resolve(self.scope, name).map_err(|problem| match problem {
            PathProblem::Unknown(error) => FilterProblem { at, cause: Cause::UnknownProperty(error.into()) },
            PathProblem::Cast(_) | PathProblem::Malformed => {
                FilterProblem::syntax(at, format!("invalid property path {name:?}"), messages::syntax(self.text, at))
            }
        })?;
        if path.is_write_only {
            return Err(FilterProblem { at, cause: Cause::WriteOnly(path.text) });
        }
        match path.kind {
            Some(
                PropertyType::Primitive(Primitive::String) | PropertyType::Collection(ItemType::Primitive(Primitive::String)),
            ) => Ok(path),
            _ => Err(FilterProblem::syntax(at, format!("{name:?} is not a text"), messages::syntax(self.text, at))),
        }
    }
}
