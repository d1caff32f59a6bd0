//! Visits every number of a scenario with its path.

use super::{Abuse, Biometric, Party, People, Practice, Quantity, Readmission, Route, Scenario};

/// What is done with a number.
pub(super) type Visit<'a> = &'a mut dyn FnMut(&str, &mut Quantity);

/// Lists the numbers of a table, by the names they have in a file.
macro_rules! numbers {
    ($table:ty: $($name:ident),+) => {
        impl $table {
            /// Visits the numbers of this table.
            pub(super) fn each(&mut self, path: &str, visit: Visit<'_>) {
                $(visit(&format!("{path}.{}", stringify!($name)), &mut self.$name);)+
            }

            /// Gives the table's source to numbers that have none.
            fn fill(&mut self) {
                $(if self.$name.src.is_empty() {
                    self.$name.src.clone_from(&self.src);
                })+
            }
        }
    };
}

numbers!(People: count, minors, age_in_doubt, vulnerable, contested, blocked, asylum, documents, same_identity);
numbers!(Party: register_p, sojourn_days, retention_days, own_citizens, cores, mbit, round_trip_ms, officers,
    verifiers, verify_minutes, approvers, approve_minutes, refuse_share, work_from, work_until, work_days);
numbers!(Route: weight);
numbers!(Biometric: fmr, fnmr, failure_to_enrol, failure_to_acquire, availability, over_dispersion);
numbers!(Practice: share);
numbers!(Readmission: wanted, with_case, with_hit, without, days);
numbers!(Abuse: per_day, suppressed, canaries, audited, space, bits_needed);

impl Scenario {
    /// Visits every number; of an abuse those that its kind looks at.
    pub(crate) fn each(&mut self, visit: Visit<'_>) {
        self.people.each("people", visit);
        for (code, party) in &mut self.party {
            party.each(&format!("party.{code}"), visit);
        }
        for (place, route) in self.route.iter_mut().enumerate() {
            route.each(&format!("route[{place}]"), visit);
        }
        for (name, biometric) in &mut self.biometric {
            biometric.each(&format!("biometric.{name}"), visit);
        }
        for (place, practice) in self.practice.iter_mut().enumerate() {
            practice.each(&format!("practice[{place}]"), visit);
        }
        if let Some(readmission) = &mut self.readmission {
            readmission.each("readmission", visit);
        }
        for (field, bits) in &mut self.field_bits {
            visit(&format!("field_bits.{field}"), bits);
        }
        for (place, abuse) in self.abuse.iter_mut().enumerate() {
            let of = abuse.kind.numbers();
            abuse.each(&format!("abuse[{place}]"), &mut |path, quantity| {
                if of.iter().any(|name| path.ends_with(&format!(".{name}"))) {
                    visit(path, quantity);
                }
            });
        }
    }

    /// Gives the source of a table to its numbers that have none of their own.
    pub(super) fn fill(&mut self) {
        self.people.fill();
        self.party.values_mut().for_each(Party::fill);
        self.route.iter_mut().for_each(Route::fill);
        self.biometric.values_mut().for_each(Biometric::fill);
        self.practice.iter_mut().for_each(Practice::fill);
        self.readmission.iter_mut().for_each(Readmission::fill);
        self.abuse.iter_mut().for_each(Abuse::fill);
    }
}
