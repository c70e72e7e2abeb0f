//! What the parser says, in the words of an author.

use serde_saphyr::granit_parser::ErrorKind;

/// What is wrong with the text, and what to do, for the mistakes that people make; the parser's
/// own words for the rest.
pub(super) fn explain(kind: &ErrorKind) -> (String, Option<&'static str>) {
    let (message, help) = if is_nesting(kind) {
        return (nesting(), None);
    } else if is_unclosed(kind) {
        ("a bracket or brace is never closed", Some("close it with `]` or `}`"))
    } else if is_tab(kind) {
        ("a tab stands where YAML allows spaces only", Some("indent with spaces"))
    } else if *kind == ErrorKind::UnclosedQuotedScalar {
        ("a quoted text is never closed", Some("close it with the quote that opens it"))
    } else if is_indentation(kind) {
        (
            "this line does not belong to what is above it",
            Some("give the keys of one mapping, and the dashes of one list, the same indentation"),
        )
    } else if *kind == ErrorKind::InvalidColonPlacement {
        ("a `:` stands where no key can be", Some("is a bracket, brace or quote before it open?"))
    } else if *kind == ErrorKind::MappingValueNotAllowed {
        (
            "a `:` stands where no key can be",
            Some("a text that holds `: ` needs quotes; a new key needs a new line"),
        )
    } else if *kind == ErrorKind::ExpectedFlowMappingSeparator
        || *kind == ErrorKind::ExpectedFlowSequenceSeparator
    {
        ("a `,` or the closing bracket is missing here", None)
    } else if *kind == ErrorKind::DirectiveDisallowed {
        ("a `%` directive is no part of this language", None)
    } else {
        return (format!("this is not YAML: {kind}"), None);
    };
    (message.to_owned(), help)
}

/// What to do where the parser stumbles over `${axis}` inside brackets or braces, where YAML wants
/// quotes around it.
pub(super) fn bare_axis(text: &str, at: usize) -> Option<&'static str> {
    let line = text[..at].rsplit('\n').next().unwrap_or_default();
    let bare = line.rfind("${").is_some_and(|open| !line[..open].ends_with(['"', '\'', '$']));
    let bare = bare || (line.ends_with('$') && text[at..].starts_with('{'));
    bare.then_some("inside brackets and braces put quotes around it: `\"${axis}\"`")
}

pub(super) fn nesting() -> String {
    format!("lists and mappings stand more than {} deep in each other", super::DEPTH_MAX)
}

fn is_nesting(kind: &ErrorKind) -> bool {
    *kind == ErrorKind::RecursionLimitExceeded
}

fn is_unclosed(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnclosedFlowCollection { .. }
            | ErrorKind::UnexpectedEofFlowSequence
            | ErrorKind::UnexpectedEofFlowMapping
            | ErrorKind::UnexpectedEofImplicitFlowMapping
    )
}

pub(super) fn is_tab(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation
            | ErrorKind::TabAtBlockScalarStart
            | ErrorKind::TabInPlainScalar
    )
}

fn is_indentation(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::InvalidIndentation
            | ErrorKind::ExpectedBlockMappingKey
            | ErrorKind::ExpectedBlockSequenceEntry
            | ErrorKind::BlockSequenceEntryNotAllowed
            | ErrorKind::SimpleKeyExpected
            | ErrorKind::InvalidSimpleKey
    )
}
