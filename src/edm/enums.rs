//! Enum values as text: what a request may send, and what an answer shows.

use crate::edm::schema::EnumType;
use crate::policy::behavior::{EmptyFlags, FlagLists};

/// What decides how the text of a flags list is read.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// The row `flag-lists`.
    pub lists: FlagLists,
    /// The row `empty-flags`.
    pub empty: EmptyFlags,
}

impl Reading {
    /// How fixtures are read: leniently, since they may hold what any client sent.
    pub const LENIENT: Reading = Reading { lists: FlagLists::AnyCase, empty: EmptyFlags::None };
}

/// Returns the number of a text, or nothing if it is no value of the enum.
///
/// Members are separated by commas, with white space around them; a number stands for the members whose bits it has.
pub fn parse(enumeration: &EnumType, text: &str, reading: Reading) -> Option<i64> {
    if !enumeration.is_flags {
        return member(enumeration, text.trim(), reading.lists == FlagLists::AnyCase, true);
    }
    if text.trim().is_empty() {
        return (reading.empty == EmptyFlags::None).then_some(0);
    }
    let any_case = reading.lists == FlagLists::AnyCase;
    let is_list = text.contains(',');
    let mut number = 0;
    for name in text.split(',') {
        // The older library knows the schema's spelling only for a value that is one member; lists go to .NET's Enum.Parse,
        // whose names are those of the code, with an uppercase first letter.
        number |= member(enumeration, name.trim(), any_case, !is_list)?;
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

/// Whether a number stands for members of the enum and nothing else.
fn is_value(enumeration: &EnumType, number: i64) -> bool {
    if enumeration.is_flags {
        let known = enumeration.members.iter().fold(0, |bits, (_, member)| bits | member);
        return number >= 0 && number & !known == 0;
    }
    enumeration.members.iter().any(|(_, member)| *member == number)
}

/// Whether a text is a member's name with its first letter in uppercase.
fn is_pascal_of(name: &str, text: &str) -> bool {
    let (mut name, mut text) = (name.chars(), text.chars());
    let (Some(first), Some(given)) = (name.next(), text.next()) else { return false };
    given == first.to_ascii_uppercase() && name.as_str() == text.as_str()
}

/// Whether a number has the member that stands for those which clients do not know.
pub fn has_sentinel(enumeration: &EnumType, number: i64) -> bool {
    enumeration.sentinel.is_some_and(|sentinel| if enumeration.is_flags { number & sentinel != 0 } else { number == sentinel })
}

/// Whether a number has members above the sentinel, which clients see only when they ask for them.
pub fn has_hidden(enumeration: &EnumType, number: i64) -> bool {
    enumeration.sentinel.is_some_and(|sentinel| if enumeration.is_flags { number >= sentinel << 1 } else { number > sentinel })
}

/// Returns a number with all members above the sentinel replaced by one sentinel.
pub fn masked(enumeration: &EnumType, number: i64) -> i64 {
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
/// Unless they are to be shown, all members above the sentinel become one sentinel. Bits without a member, which only a schema
/// change can leave behind, are written as a number.
pub fn write(enumeration: &EnumType, number: i64, show_hidden: bool, out: &mut Vec<u8>) {
    let number = if show_hidden { number } else { masked(enumeration, number) };
    if let Some((name, _)) = enumeration.members.iter().find(|(_, member)| *member == number) {
        out.extend_from_slice(name.as_bytes());
        return;
    }
    if !enumeration.is_flags || !is_value(enumeration, number) {
        out.extend_from_slice(number.to_string().as_bytes());
        return;
    }
    let mut separator: &[u8] = b"";
    for (name, _) in enumeration.members.iter().filter(|(_, member)| *member != 0 && number & member == *member) {
        out.extend_from_slice(separator);
        out.extend_from_slice(name.as_bytes());
        separator = b",";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edm::schema::{Schema, Version};
    use proptest::prelude::*;

    fn with_enum<T>(name: &str, test: impl FnOnce(&EnumType) -> T) -> T {
        let schema = Schema::shipped();
        let model = schema.model(Version::V1);
        let Some(crate::edm::schema::NamedType::Enum(id)) = model.resolve(&format!("microsoft.graph.{name}")) else {
            panic!("{name} is no enum")
        };
        test(model.enumeration(id))
    }

    fn shown(enumeration: &EnumType, number: i64, show_hidden: bool) -> String {
        let mut out = Vec::new();
        write(enumeration, number, show_hidden, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lists_are_read_in_any_case_with_spaces_and_numbers() {
        with_enum("workforceIntegrationSupportedEntities", |enumeration| {
            let read = |text| parse(enumeration, text, Reading::LENIENT);
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
    fn the_older_library_wants_uppercase_first_letters_in_lists() {
        with_enum("workforceIntegrationSupportedEntities", |enumeration| {
            let older = Reading { lists: FlagLists::PascalOnly, empty: EmptyFlags::Reject };
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
    fn a_plain_enum_takes_one_member() {
        with_enum("workforceIntegrationEncryptionProtocol", |enumeration| {
            let read = |text| parse(enumeration, text, Reading::LENIENT);
            assert_eq!(read("SharedSecret"), Some(0));
            assert_eq!(read("0"), Some(0));
            for text in ["", "sharedSecret,sharedSecret", "2", "shared"] {
                assert_eq!(read(text), None, "{text}");
            }
            let older = Reading { lists: FlagLists::PascalOnly, empty: EmptyFlags::Reject };
            assert_eq!(parse(enumeration, "SharedSecret", older), Some(0));
            assert_eq!(parse(enumeration, "sharedSecret", older), Some(0));
            assert_eq!(parse(enumeration, "SHAREDSECRET", older), None);
        });
    }

    #[test]
    fn members_above_the_sentinel_become_one_sentinel() {
        with_enum("workforceIntegrationSupportedEntities", |enumeration| {
            let number = 1 | 2 | 2048 | 16384;
            assert_eq!(shown(enumeration, number, false), "shift,swapRequest,unknownFutureValue");
            assert_eq!(shown(enumeration, number, true), "shift,swapRequest,timeCard,timeOffRequest");
            assert_eq!(shown(enumeration, 2048, false), "unknownFutureValue");
            assert_eq!(shown(enumeration, 0, false), "none");
            assert!(has_hidden(enumeration, number) && !has_sentinel(enumeration, number));
            assert!(has_sentinel(enumeration, 1024 | 1) && !has_hidden(enumeration, 1024 | 1));
        });
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bits in proptest::collection::vec(0_usize..12, 0..12)) {
            with_enum("workforceIntegrationSupportedEntities", |enumeration| {
                let number = bits.iter().fold(0, |number, bit| number | enumeration.members[*bit].1);
                assert_eq!(parse(enumeration, &shown(enumeration, number, true), Reading::LENIENT), Some(number));
            });
        }

        #[test]
        fn reading_never_panics(text in "\\PC{0,40}") {
            with_enum("workforceIntegrationSupportedEntities", |enumeration| {
                let _ = parse(enumeration, &text, Reading::LENIENT);
            });
        }
    }
}
