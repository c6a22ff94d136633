//! Reads how the id of a message is found.

use super::{
    super::{
        document::{Field, Table},
        mistakes::{Problem, Warning},
    },
    Kind, WithoutId,
};
use crate::id::{Pointer, Rule};

pub(super) fn rule(table: &mut Table<'_>, kind: Option<&Kind>) -> Option<Rule> {
    let rule = table.maybe("id", |field| {
        let rule = rule_of(&field)?;
        match (&rule, kind) {
            (Rule::None, Some(Kind::Overlap { owners: 1 })) => field.warn(Warning::Doubles),
            (Rule::None, Some(Kind::Overlap { .. })) => field.mistake(Problem::TwoWithoutIds),
            _ => {}
        }
        Some(rule)
    })?;
    if rule.is_none() && matches!(kind, Some(Kind::Overlap { .. })) {
        table.mistake("id", Problem::IdMissing);
        return None;
    }
    Some(rule.unwrap_or_default())
}

fn rule_of(field: &Field<'_>) -> Option<Rule> {
    const RULES: [&str; 4] =
        ["{ pointer = \"/seq\" }", "{ bytes = [0, 8] }", "\"hash\"", "\"none\""];
    let choice = || {
        field.mistake(Problem::Choice(RULES.to_vec()));
        None
    };
    if !field.is_table() {
        return match field.as_text() {
            Some("hash") => Some(Rule::Hash),
            Some("none") => Some(Rule::None),
            _ => choice(),
        };
    }
    let mut table = field.table()?;
    let pointer = table.maybe("pointer", |field| pointer(&field));
    let bytes = table.maybe("bytes", |field| bytes(&field));
    let ways = (table.has("pointer"), table.has("bytes"));
    table.finish();
    match ways {
        (true, false) => pointer?.map(Rule::Pointer),
        (false, true) => bytes?,
        _ => choice(),
    }
}

pub(super) fn pointer(field: &Field<'_>) -> Option<Pointer> {
    match Pointer::parse(field.any_text()?) {
        Ok(pointer) => Some(pointer),
        Err(error) => {
            field.mistake(Problem::Pointer(error));
            None
        }
    }
}

fn bytes(field: &Field<'_>) -> Option<Rule> {
    // No message of a WebSocket that is stored is larger.
    let bounds = field.list(|field| field.integer(0_u32..=64 << 20))?;
    match bounds[..] {
        [from, to] if from < to => Some(Rule::Bytes { from: from as usize, to: to as usize }),
        _ => {
            field.mistake(Problem::EmptyRange);
            None
        }
    }
}

pub(super) fn without_id(table: &mut Table<'_>, rule: Option<&Rule>) -> Option<WithoutId> {
    table.or("without_id", WithoutId::default(), |field| {
        let choice = field.choice(WithoutId::CHOICES)?;
        if let Some(Rule::Hash | Rule::None) = rule {
            field.no_effect_without("an `id` that is a pointer or a range of bytes");
        }
        Some(choice)
    })
}
