//! A first look at a rules text, before Cedar's parser sees it.
//!
//! The parser and every later walk over a clause recurse with its nesting, and a draft agreement
//! comes from a peer. So the length and the nesting of each clause are bounded here, by a scan
//! that uses no stack. It also finds where each clause starts, and refuses characters that make a
//! text read otherwise than it is written.

#![deny(clippy::arithmetic_side_effects)]

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

/// Where each clause of `text` starts, in bytes. Notes whatever exceeds a bound.
pub(super) fn scan(text: &str, faults: &mut Faults<'_>) -> Vec<usize> {
    if text.len() > MAX_TEXT {
        faults.add(0, format!("the text has {} bytes", text.len()), format!("keep within {MAX_TEXT} bytes"));
        return Vec::new();
    }
    let mut starts = Vec::new();
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
                    starts.push(offset);
                }
                clause.take(c, previous);
                if c == '"' {
                    inside = Inside::Text { escaped: false };
                }
                if c == ';' {
                    clause.check(faults);
                    clause = Clause::default();
                }
            }
        }
        previous = c;
    }
    clause.check(faults);
    if starts.len() > MAX_CLAUSES {
        faults.add(0, format!("the text has {} clauses", starts.len()), format!("keep to {MAX_CLAUSES}"));
    }
    starts
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

/// Control characters other than line ends and tabs, and characters that steer reading direction.
fn unreadable(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
