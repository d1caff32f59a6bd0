//! A first look at a rules text, before Cedar's parser sees it.
//!
//! The parser and every later walk over a clause recurse with its nesting, and a draft agreement
//! comes from a peer. So the length and the nesting of each clause are bounded here, by a scan
//! that uses no stack. It also finds where each clause stands, and refuses characters that make a
//! text read otherwise than it is written.

#![deny(clippy::arithmetic_side_effects)]

use std::ops::Range;

use super::error::Faults;

/// Longest rules text, in bytes.
pub const MAX_TEXT: usize = 256 * 1024;
/// Most clauses in a rules text.
pub const MAX_CLAUSES: usize = 500;
/// Longest clause, in bytes without comments and white space.
pub const MAX_CLAUSE: usize = 4 * 1024;
/// Deepest nesting of brackets within a clause.
pub const MAX_DEPTH: usize = 24;
/// Most operators and member accesses in a clause; each may nest the parsed clause by one.
pub const MAX_OPERATORS: usize = 400;

/// Where each clause of `text` stands, in bytes, from its first character to its semicolon. Notes whatever exceeds
/// a bound.
///
/// It has to see clauses, texts and comments exactly where Cedar's parser sees them (cedar-policy-core,
/// `parser/grammar.lalrpop`: a comment is `//[^\n\r]*`). Therefore a carriage return stands before a line feed or
/// nowhere; by itself it would end a comment there and be shown as nothing by many an editor.
pub(super) fn scan(text: &str, faults: &mut Faults<'_>) -> Vec<Range<usize>> {
    if text.len() > MAX_TEXT {
        faults.add(0, format!("the text has {} bytes", text.len()), format!("keep within {MAX_TEXT} bytes"));
        return Vec::new();
    }
    let mut places = Vec::new();
    let mut clause = Clause::default();
    let mut inside = Inside::Code;
    let mut previous = '\n';
    for (offset, c) in text.char_indices() {
        if unreadable(c) {
            faults.add(
                offset,
                format!("the character U+{:04X} is not allowed", u32::from(c)),
                "remove it: control and direction characters can make a text look other than it is",
            );
        }
        if c == '\r' && !text.get(offset..).is_some_and(|rest| rest.starts_with("\r\n")) {
            faults.add(
                offset,
                "a carriage return stands without a line feed",
                "end lines with a line feed, or with both: by itself it can hide a clause behind a comment",
            );
        }
        match inside {
            Inside::Comment if c == '\n' => inside = Inside::Code,
            Inside::Comment => {}
            Inside::Text { escaped } => {
                clause.length = clause.length.saturating_add(c.len_utf8());
                inside = match c {
                    '"' if !escaped => Inside::Code,
                    _ => Inside::Text { escaped: c == '\\' && !escaped },
                };
            }
            Inside::Code if c == '/' && text.get(offset..).is_some_and(|rest| rest.starts_with("//")) => {
                inside = Inside::Comment;
            }
            Inside::Code if c.is_whitespace() => {}
            Inside::Code => {
                if clause.length == 0 {
                    clause.start = offset;
                    places.push(offset..text.len());
                }
                clause.take(c, previous);
                if c == '"' {
                    inside = Inside::Text { escaped: false };
                }
                if c == ';' {
                    places
                        .iter_mut()
                        .next_back()
                        .into_iter()
                        .for_each(|place| place.end = offset.saturating_add(1));
                    clause.check(faults);
                    clause = Clause::default();
                }
            }
        }
        previous = c;
    }
    clause.check(faults);
    if places.len() > MAX_CLAUSES {
        faults.add(0, format!("the text has {} clauses", places.len()), format!("keep to {MAX_CLAUSES}"));
    }
    places
}

/// Where the scan stands.
#[derive(Clone, Copy)]
enum Inside {
    Code,
    Comment,
    Text { escaped: bool },
}

/// What was counted of the clause under way.
#[derive(Default)]
struct Clause {
    start: usize,
    length: usize,
    depth: usize,
    deepest: usize,
    operators: usize,
}

impl Clause {
    fn take(&mut self, c: char, previous: char) {
        self.length = self.length.saturating_add(c.len_utf8());
        match c {
            '(' | '[' | '{' => self.depth = self.depth.saturating_add(1),
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.deepest = self.deepest.max(self.depth);
        let word_starts = c.is_alphabetic() && !(previous.is_alphanumeric() || previous == '_');
        if word_starts || matches!(c, '.' | '+' | '-' | '*' | '!' | '<' | '>' | '=' | '&' | '|' | '[' | '(') {
            self.operators = self.operators.saturating_add(1);
        }
    }

    fn check(&self, faults: &mut Faults<'_>) {
        for (what, found, most) in [
            ("bytes", self.length, MAX_CLAUSE),
            ("levels of brackets", self.deepest, MAX_DEPTH),
            ("words and operators", self.operators, MAX_OPERATORS),
        ] {
            if found > most {
                let help = format!("keep a clause to {most}; split it into several");
                faults.add(self.start, format!("the clause has {found} {what}"), help);
            }
        }
    }
}

/// Control characters other than line ends and tabs, characters that steer reading direction, and the separators of
/// lines and paragraphs, at which an editor begins a line and Cedar does not.
fn unreadable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
