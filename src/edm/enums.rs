//! Enum values as text, in requests and in answers.

use crate::edm::schema::EnumType;
use crate::policy::behavior::{EmptyFlags, FlagLists};

/// The accepted syntax of enum values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlagSyntax {
    /// The behavior `flag-lists`.
    pub lists: FlagLists,
    /// The behavior `empty-flags`.
    pub empty: EmptyFlags,
}

impl FlagSyntax {
    /// The syntax of fixtures, which may hold any client's values.
    pub(crate) const LENIENT: FlagSyntax = FlagSyntax { lists: FlagLists::AnyCase, empty: EmptyFlags::None };
}

/// Parses a value of an enum; `None` if it is invalid.
///
/// Members of a flags enum are separated by commas with optional white space; a number selects the members of its bits.
pub(crate) fn parse(enumeration: &EnumType, text: &str, syntax: FlagSyntax) -> Option<i64> {
    if !enumeration.is_flags {
        return member(enumeration, text.trim(), syntax.lists == FlagLists::AnyCase, true);
    }
    if text.trim().is_empty() {
        return (syntax.empty == EmptyFlags::None).then_some(0);
    }
    let any_case = syntax.lists == FlagLists::AnyCase;
    if !text.bytes().any(|byte| byte == b',') {
        return member(enumeration, text.trim(), any_case, true);
    }
    let mut number = 0;
    for name in text.split(',') {
        // The older library accepts the schema's spelling only for a single member; lists go to .NET's Enum.Parse, which knows the
        // names of the code, with an uppercase first letter.
        number |= member(enumeration, name.trim(), any_case, false)?;
    }
    Some(number)
}

fn member(enumeration: &EnumType, text: &str, any_case: bool, schema_spelling: bool) -> Option<i64> {
    if let Ok(number) = text.parse::<i64>() {
        return is_value(enumeration, number).then_some(number);
    }
    let matches = |name: &str| {
        if any_case {
            return name.eq_ignore_ascii_case(text);
        }
        (schema_spelling && name == text) || is_pascal_of(name, text)
    };
    enumeration.members.iter().find(|(name, _)| matches(name)).map(|(_, number)| *number)
}

/// Whether a number is a combination of members.
fn is_value(enumeration: &EnumType, number: i64) -> bool {
    if enumeration.is_flags {
        let known = enumeration.members.iter().fold(0, |bits, (_, member)| bits | member);
        return number >= 0 && number & !known == 0;
    }
    enumeration.members.iter().any(|(_, member)| *member == number)
}

/// Whether a text is a member's name with its first letter in uppercase.
fn is_pascal_of(name: &str, text: &str) -> bool {
    // Only letters of ASCII have another case here, so equal names have equal lengths.
    match (name.as_bytes(), text.as_bytes()) {
        ([expected, name @ ..], [first, text @ ..]) => *first == expected.to_ascii_uppercase() && name == text,
        _ => false,
    }
}

/// Whether a number includes the sentinel, the member that represents those unknown to a client.
pub(crate) fn has_sentinel(enumeration: &EnumType, number: i64) -> bool {
    enumeration.sentinel.is_some_and(|sentinel| if enumeration.is_flags { number & sentinel != 0 } else { number == sentinel })
}

/// Whether a number includes members above the sentinel, which clients see only on request.
pub(crate) fn has_hidden(enumeration: &EnumType, number: i64) -> bool {
    enumeration.sentinel.is_some_and(|sentinel| if enumeration.is_flags { number >= sentinel << 1 } else { number > sentinel })
}

/// Returns a number with all members above the sentinel replaced by one sentinel.
pub(crate) fn masked(enumeration: &EnumType, number: i64) -> i64 {
    match enumeration.sentinel {
        Some(sentinel) if has_hidden(enumeration, number) => {
            if enumeration.is_flags {
                (number & (sentinel - 1)) | sentinel
            } else {
                sentinel
            }
        }
        _ => number,
    }
}

/// Writes a number as the names of its members, in ascending order, without quotes.
///
/// Unless `show_hidden`, all members above the sentinel become one sentinel. A number with bits that have no member, possible only
/// after a change of the schema, is written as a number.
pub(crate) fn write(enumeration: &EnumType, number: i64, show_hidden: bool, out: &mut Vec<u8>) {
    let number = if show_hidden { number } else { masked(enumeration, number) };
    if let Some((name, _)) = enumeration.members.iter().find(|(_, member)| *member == number) {
        out.extend_from_slice(name.as_bytes());
        return;
    }
    if !enumeration.is_flags || !is_value(enumeration, number) {
        out.extend_from_slice(number.to_string().as_bytes());
        return;
    }
    // As .NET does: from the highest member down, each takes its bits, so that a member of several bits comes in place of theirs.
    let (mut rest, mut names) = (number, Vec::new());
    for (name, member) in enumeration.members.iter().rev() {
        if *member != 0 && rest & member == *member {
            rest &= !member;
            names.push(name);
        }
    }
    if rest != 0 {
        // The bits are parts of members that have others, too.
        out.extend_from_slice(number.to_string().as_bytes());
        return;
    }
    let mut separator: &[u8] = b"";
    for name in names.into_iter().rev() {
        out.extend_from_slice(separator);
        out.extend_from_slice(name.as_bytes());
        separator = b",";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edm::schema::Version;
    use proptest::prelude::*;

    fn with_enum<T>(name: &str, test: impl FnOnce(&EnumType) -> T) -> T {
        let schema = crate::workloads::schema();
        let model = schema.model(Version::V1);
        let Some(crate::edm::schema::NamedType::Enum(id)) = model.resolve(&format!("microsoft.graph.{name}")) else {
            panic!("{name} is not an enum")
        };
        test(model.enumeration(id))
    }

    fn text_of(enumeration: &EnumType, number: i64, show_hidden: bool) -> String {
        let mut out = Vec::new();
        write(enumeration, number, show_hidden, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lists_are_parsed_in_any_case_with_spaces_and_numbers() {
        with_enum("workforceIntegrationSupportedEntities", |enumeration| {
            let read = |text| parse(enumeration, text, FlagSyntax::LENIENT);
            assert_eq!(read("shift"), Some(1));
            assert_eq!(read(" Shift , SWAPREQUEST,8"), Some(11));
            assert_eq!(read("3"), Some(3));
            assert_eq!(read("none,shift"), Some(1));
            assert_eq!(read("timeOff"), Some(8192));
            assert_eq!(read(""), Some(0));
            for text in ["shift,", ",", "shifts", "shift swapRequest", "4", "-1", "99999999999999999999", "shift;swapRequest"] {
                assert_eq!(read(text), None, "{text}");
            }
        });
    }

    #[test]
    fn the_older_library_requires_uppercase_first_letters_in_lists() {
        with_enum("workforceIntegrationSupportedEntities", |enumeration| {
            let older = FlagSyntax { lists: FlagLists::PascalOnly, empty: EmptyFlags::Reject };
            let read = |text| parse(enumeration, text, older);
            assert_eq!(read("Shift, SwapRequest,8"), Some(11));
            assert_eq!(read("shift"), Some(1));
            assert_eq!(read("Shift"), Some(1));
            for text in ["shift,swapRequest", "Shift,swapRequest", "SHIFT", "", "Shift,Swaprequest"] {
                assert_eq!(read(text), None, "{text}");
            }
        });
    }

    #[test]
    fn a_plain_enum_has_one_member() {
        with_enum("workforceIntegrationEncryptionProtocol", |enumeration| {
            let read = |text| parse(enumeration, text, FlagSyntax::LENIENT);
            assert_eq!(read("SharedSecret"), Some(0));
            assert_eq!(read("0"), Some(0));
            for text in ["", "sharedSecret,sharedSecret", "2", "shared"] {
                assert_eq!(read(text), None, "{text}");
            }
            let older = FlagSyntax { lists: FlagLists::PascalOnly, empty: EmptyFlags::Reject };
            assert_eq!(parse(enumeration, "SharedSecret", older), Some(0));
            assert_eq!(parse(enumeration, "sharedSecret", older), Some(0));
            assert_eq!(parse(enumeration, "SHAREDSECRET", older), None);
        });
    }

    #[test]
    fn members_above_the_sentinel_become_one_sentinel() {
        with_enum("workforceIntegrationSupportedEntities", |enumeration| {
            let number = 1 | 2 | 2048 | 16384;
            assert_eq!(text_of(enumeration, number, false), "shift,swapRequest,unknownFutureValue");
            assert_eq!(text_of(enumeration, number, true), "shift,swapRequest,timeCard,timeOffRequest");
            assert_eq!(text_of(enumeration, 2048, false), "unknownFutureValue");
            assert_eq!(text_of(enumeration, 0, false), "none");
            assert!(has_hidden(enumeration, number) && !has_sentinel(enumeration, number));
            assert!(has_sentinel(enumeration, 1024 | 1) && !has_hidden(enumeration, 1024 | 1));
        });
    }

    #[test]
    fn members_of_several_bits_come_in_place_of_theirs() {
        let members = [("none", 0), ("read", 1), ("write", 2), ("all", 3), ("share", 4), ("both", 24)];
        let enumeration = EnumType {
            name: "access".into(),
            full_name: "shop.access".into(),
            is_flags: true,
            members: members.map(|(name, number)| (name.into(), number)).into(),
            sentinel: None,
        };
        for (number, expected) in [
            (0, "none"),
            (1, "read"),
            (3, "all"),
            (5, "read,share"),
            (7, "all,share"),
            (6, "write,share"),
            (31, "all,share,both"),
            (9, "9"),
        ] {
            assert_eq!(text_of(&enumeration, number, true), expected);
            assert_eq!(parse(&enumeration, expected, FlagSyntax::LENIENT), Some(number), "{expected}");
        }
    }

    proptest! {
        #![proptest_config(crate::property_tests())]

        #[test]
        fn every_written_value_parses(bits in proptest::collection::vec(0_usize..12, 0..12)) {
            with_enum("workforceIntegrationSupportedEntities", |enumeration| {
                let number = bits.iter().fold(0, |number, bit| number | enumeration.members[*bit].1);
                assert_eq!(parse(enumeration, &text_of(enumeration, number, true), FlagSyntax::LENIENT), Some(number));
            });
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
            with_enum("workforceIntegrationSupportedEntities", |enumeration| {
                let _ = parse(enumeration, &text, FlagSyntax::LENIENT);
            });
        }
    }
}
