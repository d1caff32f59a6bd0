//! What is assumed of a request: what the program sees to before any rule is asked.

use crate::rules::{attribute::Attribute, space::Names};

/// The kinds of request, by their actions in Cedar.
pub(super) const ACTIONS: [&str; 5] = ["QueryExact", "QueryCount", "QueryMatch", "Search", "Release"];

/// Conditions on requests of one kind, as Cedar, each of which always holds in the program.
pub(super) fn assumptions(action: &str, names: &Names) -> Vec<String> {
    // A doubtful age is decided as the youngest.
    let youngest = "!resource.ageInDoubt || resource.minor".to_owned();
    let mut all = match action {
        "Search" => vec![youngest],
        "Release" => vec![youngest, "context.approvals >= 0 && context.approvals <= 2".to_owned()],
        _ => numbers(),
    };
    all.extend(belonging(action, names));
    all
}

/// Numbers are in the ranges of the program's types, and quotas are consistent.
fn numbers() -> Vec<String> {
    let ranges = [
        ("batchSize", Attribute::BatchSize),
        ("quotaUsed", Attribute::QuotaUsed),
        ("quotaLeft", Attribute::QuotaLeft),
        ("officerUsed", Attribute::OfficerUsed),
        ("officerLeft", Attribute::OfficerLeft),
        ("reciprocity", Attribute::Reciprocity),
        ("balance", Attribute::Balance),
        ("unexplained", Attribute::Unexplained),
        ("hour", Attribute::Hour),
        ("weekday", Attribute::Weekday),
    ];
    let range = |(name, attribute): (&str, Attribute)| {
        let (least, most) = attribute.range()?;
        Some(format!("context.{name} >= {least} && context.{name} <= {most}"))
    };
    let mut all: Vec<_> = ranges.into_iter().filter_map(range).collect();
    let most = u32::MAX;
    all.push(format!(
        "context.quotaUsed + context.quotaLeft >= 0 && context.quotaUsed + context.quotaLeft <= {most}"
    ));
    if let Some((least, most)) = Attribute::Now.range() {
        let (least, most) = (Attribute::Now.show(least), Attribute::Now.show(most));
        all.push(format!("context.now >= datetime(\"{least}\") && context.now <= datetime(\"{most}\")"));
    }
    all
}

/// An officer, a register and a record belong to one agency each, the one their id says. Only names
/// that occur in the rules matter.
fn belonging(action: &str, names: &Names) -> Vec<String> {
    let mut all = Vec::new();
    let agencies: Vec<_> = names.agencies.iter().map(|code| format!("Agency::\"{code}\"")).collect();
    let registers: Vec<_> =
        names.registers.iter().map(|(code, name)| (format!("Register::\"{code}/{name}\""), code)).collect();
    let mut apart = |what: &str, among: &[String]| {
        for (i, one) in among.iter().enumerate() {
            for other in among.iter().skip(i.saturating_add(1)) {
                all.push(format!("!({what} in {one} && {what} in {other})"));
            }
        }
    };
    if action != "Search" {
        apart("principal", &agencies);
    }
    apart("resource", &agencies);
    let of_records = matches!(action, "Search" | "Release");
    if of_records {
        let registers: Vec<_> = registers.iter().map(|(register, _)| register.clone()).collect();
        apart("resource", &registers);
    }
    if action != "Search" {
        all.extend(names.officers.iter().map(|(code, officer)| {
            format!("principal != Officer::\"{code}/{officer}\" || principal in Agency::\"{code}\"")
        }));
    }
    let relation = if of_records { "in" } else { "==" };
    all.extend(registers.iter().map(|(register, code)| {
        format!("!(resource {relation} {register}) || resource in Agency::\"{code}\"")
    }));
    all
}
