//! The language of the project: comments, messages and pages avoid words that read as translated or that have two meanings here.
//!
//! Comments are checked in all Rust sources, string literals in `src/` outside of tests, prose in the pages. Code spans, code blocks
//! and text in double quotes are left out: they hold names and quotations. CONTRIBUTING.md explains the rules to people.
//!
//! ```console
//! $ cargo test --test it language
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Words and phrases that no comment, message or page has, in any case.
const BANNED: &[&str] = &[
    "whoever",
    "whatever",
    "nobody",
    "somebody",
    "anybody",
    "everybody",
    "told",
    "tells",
    "stands",
    "struck",
    "strikes",
    "spoiled",
    "anew",
    "manner",
    "manners",
    "shelf",
    "founded",
    "is no",
    "are no",
    "is none",
    "are none",
    "has none",
    "besides",
    "inside of",
    "one's own",
    "lets through",
];

/// Words that make a banned phrase idiomatic where they follow it, as in `is no longer`.
const IDIOMS: &[&str] = &["longer", "more", "less", "larger", "greater"];

/// Words that no comment begins with: a noun phrase or a verb says the same in fewer words.
const BANNED_FIRST: &[&str] = &["what", "who", "whose", "where", "how"];

/// A tenant is a directory of Entra: a paragraph or message that has the word has one of these, in any case, or means the sandbox of
/// a test, which is a world.
const TENANT_CONTEXT: &[&str] = &[
    "entra",
    "directory",
    "directories",
    "tid",
    "token",
    "tokens",
    "issuer",
    "authority",
    "sign",
    "signs",
    "tenantid",
    "contoso",
    "--tenant-",
    "x-wfi-emulator-tenant",
    "x-ms-client-gcc-tenant",
    "/_tenant",
    "_emulator/tenants",
    "connector",
];

/// Files about Entra alone, where a tenant is always one of its directories.
const TENANT_FILES: &[&str] = &["src/entra/", "src/entra.rs", "src/policy/refusal/sign_in.rs", "src/world/fixture/directory"];

/// Texts that Graph, Entra or OData answer, and members of the control API that clients read: the file, and the literal. An empty text
/// allows all literals of the file.
const SERVICE_TEXTS: &[(&str, &str)] = &[
    ("src/policy/refusal.rs", ""),
    ("src/policy/refusal/sign_in.rs", ""),
    ("src/workloads/catalog/reports.rs", ""),
    ("src/edge/control/worlds.rs", "struck"),
];

/// A banned word, with its place.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    file: String,
    line: usize,
    word: String,
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: '{}' in: {}", self.file, self.line, self.word, self.text)
    }
}

/// A piece of text that people read, and the line on which it begins.
#[derive(Debug, PartialEq, Eq)]
struct Prose {
    line: usize,
    kind: ProseKind,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProseKind {
    Comment,
    Literal,
    Page,
}

/// A part of a Rust source.
enum Token<'s> {
    /// A comment, without its delimiters.
    Comment(&'s str),
    /// The content of a string literal, as written.
    Literal(&'s str),
    /// Any other character.
    Code(char),
}

/// Returns the parts of a Rust source, each with its line.
fn tokens(source: &str) -> Vec<(usize, Token<'_>)> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(character) = source[at..].chars().next() {
        let rest = &source[at..];
        let (length, token) = if rest.starts_with("//") {
            let length = rest.find('\n').unwrap_or(rest.len());
            (length, Token::Comment(rest[..length].trim_start_matches(['/', '!'])))
        } else if rest.starts_with("/*") {
            let length = block_comment_length(rest);
            (length, Token::Comment(rest[..length].trim_matches(['/', '*', '!'])))
        } else if let Some((opening, content, closing)) = literal_at(source, at) {
            (opening + content + closing, Token::Literal(&rest[opening..opening + content]))
        } else if let Some(length) = char_literal_length(rest) {
            (length, Token::Code('\''))
        } else {
            (character.len_utf8(), Token::Code(character))
        };
        found.push((line, token));
        line += rest[..length].matches('\n').count();
        at += length;
    }
    found
}

/// Returns the length of a block comment, which may hold others.
fn block_comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// Returns the lengths of the opening, the content and the closing of the string literal that begins here.
fn literal_at(source: &str, at: usize) -> Option<(usize, usize, usize)> {
    let rest = &source[at..];
    let continues_a_name = source[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_');
    let prefix = ["br", "cr", "b", "c", "r", ""].into_iter().find(|prefix| {
        let is_raw = prefix.ends_with('r');
        rest.strip_prefix(prefix)
            .is_some_and(|rest| if is_raw { rest.trim_start_matches('#').starts_with('"') } else { rest.starts_with('"') })
    })?;
    if !prefix.is_empty() && continues_a_name {
        return None;
    }
    if prefix.ends_with('r') {
        let hashes = rest[prefix.len()..].len() - rest[prefix.len()..].trim_start_matches('#').len();
        let opening = prefix.len() + hashes + 1;
        let end = format!("\"{}", "#".repeat(hashes));
        let content = rest[opening..].find(&end).unwrap_or(rest.len() - opening);
        return Some((opening, content, end.len().min(rest.len() - opening - content)));
    }
    let opening = prefix.len() + 1;
    let mut is_escaped = false;
    for (index, character) in rest[opening..].char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return Some((opening, index, 1)),
            _ => {}
        }
    }
    Some((opening, rest.len() - opening, 0))
}

/// Returns the length of the character literal that begins here. A lifetime is not one.
fn char_literal_length(rest: &str) -> Option<usize> {
    let content = rest.strip_prefix('\'')?;
    let first = content.chars().next()?;
    if first == '\\' {
        return content[2..].find('\'').map(|end| end + 4);
    }
    content[first.len_utf8()..].starts_with('\'').then_some(first.len_utf8() + 2)
}

/// Returns the comments of a Rust source, those on consecutive lines as one, and its string literals outside of `#[cfg(test)]`.
fn prose_of_source(source: &str) -> Vec<Prose> {
    let mut found: Vec<Prose> = Vec::new();
    let mut code = String::new();
    let mut last_comment_line = None;
    // The depth at which an item of tests began, while one is passed over.
    let (mut depth, mut test_item) = (0_usize, None);
    for (line, token) in tokens(source) {
        match token {
            Token::Comment(text) => {
                let continues = last_comment_line.is_some_and(|last| last + 1 == line) && code.trim().is_empty();
                match found.last_mut().filter(|last| continues && last.kind == ProseKind::Comment) {
                    Some(last) => last.text = format!("{}\n{}", last.text, text),
                    None => found.push(Prose { line, kind: ProseKind::Comment, text: text.to_owned() }),
                }
                last_comment_line = Some(line + text.matches('\n').count());
                code.clear();
            }
            Token::Literal(text) => {
                if test_item.is_none() {
                    found.push(Prose { line, kind: ProseKind::Literal, text: unescaped(text) });
                }
                code.push('"');
            }
            Token::Code(character) => {
                code.push(character);
                if code.ends_with("#[cfg(test)]") && test_item.is_none() {
                    test_item = Some(depth);
                }
                match character {
                    '{' => depth += 1,
                    '}' => {
                        depth = depth.saturating_sub(1);
                        test_item = test_item.filter(|outside| *outside != depth);
                    }
                    ';' => test_item = test_item.filter(|outside| *outside != depth),
                    _ => {}
                }
            }
        }
    }
    found
}

/// Returns the text of a string literal, as far as its words go.
fn unescaped(literal: &str) -> String {
    let mut text = String::new();
    let mut characters = literal.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                // A line that continues: its indentation is not part of the text.
                Some('\n') => while characters.next_if(|next| next.is_whitespace()).is_some() {},
                Some('n' | 'r' | 't') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}

/// Returns the paragraphs of a page, without code blocks.
fn prose_of_page(page: &str) -> Vec<Prose> {
    let mut found: Vec<Prose> = Vec::new();
    let (mut is_code, mut begins) = (false, true);
    for (index, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            begins = true;
            continue;
        }
        // Rows and items are paragraphs of their own.
        let is_own = line.starts_with(['|', '#']) || line.trim_start().starts_with("- ");
        if is_code || line.trim().is_empty() {
            begins = true;
            continue;
        }
        match found.last_mut().filter(|_| !begins && !is_own) {
            Some(last) => last.text = format!("{}\n{line}", last.text),
            None => found.push(Prose { line: index + 1, kind: ProseKind::Page, text: line.to_owned() }),
        }
        begins = line.starts_with(['|', '#']);
    }
    found
}

/// Returns a text with its code blocks, code spans and quotations blanked out, line by line as before.
fn without_quotations(text: &str, kind: ProseKind) -> String {
    let mut kept = String::new();
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
            kept.push_str("`\n");
        } else {
            kept.push_str(if is_code { "\n" } else { line });
        }
    }
    let quotes: &[char] = if kind == ProseKind::Literal { &['`'] } else { &['`', '"'] };
    for quote in quotes {
        let pieces: Vec<&str> = kept.split(*quote).collect();
        // An odd quote ends nothing: what follows it is prose.
        let is_odd = pieces.len().is_multiple_of(2);
        let last = pieces.len() - 1;
        let mut blanked = String::new();
        for (index, piece) in pieces.iter().enumerate() {
            if index % 2 == 1 && !(is_odd && index == last) {
                blanked.push('…');
                blanked.extend(piece.chars().filter(|character| *character == '\n'));
                blanked.push('…');
            } else {
                blanked.push_str(piece);
            }
        }
        kept = blanked;
    }
    kept
}

/// Returns the words of a text in lower case, each with the number of its line in the text, and whether only blanks are before it.
fn words(text: &str) -> Vec<(usize, String, bool)> {
    let mut found: Vec<(usize, String, bool)> = Vec::new();
    let (mut line, mut in_word, mut only_blanks) = (0, false, true);
    for character in text.chars() {
        if character.is_alphanumeric() || (in_word && matches!(character, '\'' | '’' | '_')) {
            let character = if character == '’' { '\'' } else { character.to_ascii_lowercase() };
            match found.last_mut().filter(|_| in_word) {
                Some((_, word, _)) => word.push(character),
                None => found.push((line, character.to_string(), only_blanks)),
            }
            (in_word, only_blanks) = (true, true);
        } else {
            in_word = false;
            only_blanks &= character.is_whitespace();
            line += usize::from(character == '\n');
        }
    }
    found
}

fn has_tenant_context(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let words = words(&lower);
    TENANT_CONTEXT.iter().any(|context| {
        if context.starts_with(|first: char| first.is_alphabetic()) && !context.contains(['-', '/']) {
            words.iter().any(|(_, word, _)| word == context)
        } else {
            lower.contains(context)
        }
    })
}

/// Returns the banned words of a piece of prose, each with the number of its line in it.
fn banned(file: &str, prose: &Prose) -> Vec<(usize, &'static str)> {
    let text = without_quotations(&prose.text, prose.kind);
    let words = words(&text);
    let is_message = prose.kind != ProseKind::Literal || prose.text.contains(' ');
    let is_about_entra = || TENANT_FILES.iter().any(|path| file.starts_with(path)) || has_tenant_context(&prose.text);
    let is_ambiguous = is_message && !is_about_entra();
    let mut found = Vec::new();
    for (index, (line, word, _)) in words.iter().enumerate() {
        for phrase in BANNED {
            let (first, second) = phrase.split_once(' ').map_or((*phrase, None), |(first, second)| (first, Some(second)));
            let follows = |offset: usize| {
                words.get(index + offset).filter(|(_, _, only_blanks)| *only_blanks).map(|(_, word, _)| word.as_str())
            };
            let is_banned = word == first
                && second.is_none_or(|second| follows(1) == Some(second))
                && !(second == Some("no") && follows(2).is_some_and(|next| IDIOMS.contains(&next)));
            if is_banned {
                found.push((*line, *phrase));
            }
        }
        if matches!(word.as_str(), "tenant" | "tenants") && is_ambiguous {
            found.push((*line, "tenant"));
        }
    }
    let first = words.first().filter(|(_, _, only_blanks)| *only_blanks && prose.kind == ProseKind::Comment);
    if let Some(word) = first.and_then(|(_, word, _)| BANNED_FIRST.iter().find(|banned| *banned == word)) {
        found.push((0, word));
    }
    found
}

/// Returns the banned words of a file, whose path decides which of its texts are checked.
fn findings(file: &str, text: &str) -> Vec<Finding> {
    let prose = match Path::new(file).extension().and_then(|extension| extension.to_str()) {
        Some("rs") => prose_of_source(text),
        _ => prose_of_page(text),
    };
    let has_messages = file.starts_with("src/") && !file.ends_with("/tests.rs");
    let is_checked = |prose: &&Prose| {
        let is_quoted = || SERVICE_TEXTS.iter().any(|(path, text)| *path == file && prose.text.contains(text));
        prose.kind != ProseKind::Literal || (has_messages && !is_quoted())
    };
    let mut found = Vec::new();
    for prose in prose.iter().filter(is_checked) {
        for (line, word) in banned(file, prose) {
            let excerpt = prose.text.lines().nth(line).unwrap_or_default().trim().to_owned();
            found.push(Finding { file: file.to_owned(), line: prose.line + line, word: word.to_owned(), text: excerpt });
        }
    }
    found
}

/// Adds the files below a folder that have an extension.
fn collect(folder: &Path, extension: &str, is_deep: bool, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            if is_deep && !path.ends_with("target") && !path.ends_with("node_modules") {
                collect(&path, extension, is_deep, found);
            }
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

#[test]
fn no_comment_message_or_page_has_a_banned_word() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "fuzz", "examples"] {
        collect(&root.join(folder), "rs", true, &mut files);
        collect(&root.join(folder), "md", true, &mut files);
    }
    collect(&root.join("docs"), "md", false, &mut files);
    collect(root, "md", false, &mut files);
    files.sort();
    assert!(files.len() > 150, "found {} files", files.len());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for path in files {
        let file = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
        for finding in findings(&file, &std::fs::read_to_string(&path).unwrap()) {
            *counts.entry(finding.file.clone()).or_default() += 1;
            lines.push(finding.to_string());
        }
    }
    let counts: Vec<String> = counts.iter().map(|(file, count)| format!("{count:5} {file}")).collect();
    assert!(lines.is_empty(), "{}\n\n{}\n{:5} in all", lines.join("\n"), counts.join("\n"), lines.len());
}

/// Returns the line and the word of each finding in a made-up file.
fn found(file: &str, text: &str) -> Vec<String> {
    findings(file, text).into_iter().map(|finding| format!("{}:{}", finding.line, finding.word)).collect()
}

#[test]
fn a_banned_word_in_a_comment_is_found() {
    assert_eq!(found("src/a.rs", "/// Returns the entity.\n/// Nobody else has it.\nfn f() {}\n"), ["2:nobody"]);
    assert_eq!(found("tests/it/a.rs", "fn f() {\n    f(); // told twice\n}\n"), ["2:told"]);
    assert_eq!(found("benches/a.rs", "/* one\n   two is no\n   three */"), ["2:is no"]);
    assert_eq!(found("fuzz/src/lib.rs", "//! Stands\n"), ["1:stands"]);
    assert_eq!(found("src/a.rs", "/// What a client sends.\nstruct A;\n"), ["1:what"]);
    assert_eq!(found("src/a.rs", "/// Says\n/// what it is.\nstruct A;\n\n// How it is done.\n"), ["5:how"]);
    assert_eq!(found("src/a.rs", "//! Each tenant has a journal.\n"), ["1:tenant"]);
}

#[test]
fn a_banned_word_in_a_message_is_found() {
    assert_eq!(found("src/a.rs", "fn f() -> String {\n    format!(\"'{x}' is no name\")\n}\n"), ["2:is no"]);
    assert_eq!(found("src/a.rs", "const A: &str = r#\"a \"name\"\nthat stands twice\"#;"), ["2:stands"]);
    assert_eq!(found("src/a.rs", "const A: &str = \"one \\\n    besides\";"), ["1:besides"]);
    assert_eq!(found("src/a.rs", "#[cfg(test)]\nmod tests { const A: &str = \"told\"; }\nconst B: &str = \"told\";"), ["3:told"]);
    assert_eq!(found("src/a.rs", "const A: &str = \"there are 3 tenants already\";"), ["1:tenant"]);
}

#[test]
fn a_banned_word_in_a_page_is_found() {
    assert_eq!(found("README.md", "# Title\n\nText that\nspans whatever lines.\n"), ["4:whatever"]);
    assert_eq!(found("docs/a.md", "| what | is none |\n"), ["1:is none"]);
    assert_eq!(found("CHANGELOG.md", "- One's own key.\n- Started Anew.\n"), ["1:one's own", "2:anew"]);
    assert_eq!(found("docs/a.md", "The default tenant is reset.\n\nThe tenant of Entra stays.\n"), ["1:tenant"]);
}

#[test]
fn names_quotations_and_code_are_left_alone() {
    for text in [
        "fn told() { stands(); let nobody = 'n'; }",
        "/// Returns `nobody`, see [`crate::told`].\nfn f() {}",
        "// The service says \"There is no such\n// entity\" and means it.\n",
        "//! ```\n//! told();\n//! ```\n",
        "/// The lock is no longer held.\nfn f<'a>(x: &'a str) -> char { '\"' }",
        "/// Returns what is left.\nfn f() {}",
        "const A: &str = \"is-no\"; const B: [&str; 2] = [\"is\", \"no\"];",
        "const A: &str = \"/_tenant/\"; const B: &str = \"tenant\";",
        "// The tenant that the token names (`tid`).\n",
        "#[cfg(test)]\nmod tests {\n    const A: &str = \"told\";\n}\n",
    ] {
        assert_eq!(found("src/a.rs", text), Vec::<String>::new(), "{text}");
    }
    assert_eq!(found("src/policy/refusal.rs", "static A: &str = \"There is no such property.\";"), Vec::<String>::new());
    assert_eq!(found("tests/it/a.rs", "const A: &str = \"nobody\";"), Vec::<String>::new());
    assert_eq!(found("src/world/journal/tests.rs", "const A: &str = \"nobody\";"), Vec::<String>::new());
    assert_eq!(found("README.md", "```console\n$ told\n```\n\nThe flag `--told`, and \"nobody\".\n"), Vec::<String>::new());
}
