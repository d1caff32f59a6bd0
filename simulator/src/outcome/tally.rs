//! What is counted.

use serde::{Deserialize, Serialize};

/// Makes a table of amounts that can be added up.
macro_rules! tally {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $field:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct $name { $($(#[$what])* pub $field: f64),+ }

        impl $name {
            /// Adds another.
            pub fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)+
            }

            /// Every amount times a factor.
            pub fn scale(&mut self, factor: f64) {
                $(self.$field *= factor;)+
            }

            /// Names and amounts, for tables.
            pub fn amounts(&self) -> Vec<(&'static str, f64)> {
                vec![$((stringify!($field), self.$field)),+]
            }
        }
    };
}

tally! {
    /// What one party asked of another.
    PairTally {
        /// Occasions on which an officer would ask, whether there is an agreement or not.
        wished,
        /// Of them, those without an agreement in force.
        without_agreement,
        /// Of them, those for which a quota was spent.
        refused_quota,
        /// Of them, those that terms or rules refused.
        refused_rules,
        /// Of them, those for which the holder's node did not answer.
        unanswered,
        /// Queries answered.
        queries,
        /// Identifiers and probes in them.
        items,
        /// Hits: true and false.
        hits,
        /// Hits on the person that was asked about.
        true_hits,
        /// Hits on somebody else.
        false_hits,
        /// Persons asked about who are in the register and were not found because the rules kept the record out.
        missed_by_rules,
        /// The same, because the identifier or the template did not agree.
        missed_by_error,
        /// Occasions without an answer whose person is in the register.
        missed_unasked,
        /// Hits that the asker's officers verified as the person.
        verified,
        /// Claims.
        claims,
        /// Claims of which a field was released.
        cases_released,
        /// Claims that rules or people refused.
        cases_refused,
        /// Claims that nobody decided in time, and hits that were claimed too late.
        cases_expired,
        /// Fields released.
        fields_released,
        /// Bits that answers told: the sum of H(p | earlier answers).
        hit_bits,
        /// The most that they can have told: one for each yes or no.
        hit_bits_bound,
        /// Bits that released fields told, at most.
        field_bits,
        /// Bits that the asker told the holder by opening its probes in claims, at most.
        opened_bits,
        /// Hits on records of minors.
        minors_hit,
        /// Different minors of whose records a field was released to the asker.
        minors_exposed,
        /// Seconds of processor at the asker.
        asker_cpu,
        /// Seconds of processor at the holder.
        holder_cpu,
        /// Bytes from asker to holder.
        bytes_up,
        /// Bytes from holder to asker, snapshots included.
        bytes_down,
        /// Seconds that answers were waited for, summed over queries.
        wait_answer,
        /// Hours from hit to decision of a claim, summed over claims that were decided.
        wait_case,
        /// Hours of the asker's officers.
        asker_hours,
        /// Hours of the holder's officers.
        holder_hours,
        /// Counts answered.
        counts,
        /// ε spent on them.
        epsilon,
        /// Persons that both have, summed over counts.
        count_true,
        /// What the counts said, noise included.
        count_told,
        /// Returns asked of the holder.
        returns_asked,
        /// Returns that the holder took.
        returns_taken,
    }
}

tally! {
    /// What one party did by itself.
    PartyTally {
        /// Persons who came.
        arrivals,
        /// Registrations.
        registrations,
        /// Different persons registered.
        persons,
        /// Records at the end.
        records,
        /// Busiest day of its node: share of its processors' time that was asked for.
        peak_load,
        /// Longest time that a hit waited for its verifiers or approvers, in hours.
        longest_wait,
        /// Cases that were open at the end.
        open_cases,
    }
}

tally! {
    /// The people.
    PersonTally {
        /// Different persons who came, in the days that count, as all amounts are.
        persons,
        /// Different persons who were registered anywhere.
        registered,
        /// Registrations, all parties together.
        registrations,
        /// Persons registered by more than one party.
        by_several,
        /// Persons of whom some party learned that another has them.
        recognised,
        /// Different minors of whose records a field was released anywhere.
        minors_exposed,
        /// Moves from party to party.
        moves,
        /// Moves that were returns with an answer behind them.
        returned,
    }
}
