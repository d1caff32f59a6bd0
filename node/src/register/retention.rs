//! How long a record is kept: at most, and if its line does not say.
//!
//! Regulation (EU) 2024/1358 (Eurodac), Article 29: ten years for applicants, five for irregular
//! crossing and illegal stay. The other categories have no common rule; they follow the five years of
//! the Visa Information System (Regulation (EC) 767/2008, Article 23) and of alerts on wanted and missing persons
//! (Regulation (EU) 2018/1862, Article 53), and remains the ten years of the longest rule.

use symbolon_policy::words::Category;

/// Months from the day on which the data was taken to the day of erasure.
pub fn longest_months(category: Category) -> u16 {
    match category {
        Category::AsylumApplicant | Category::Remains => 120,
        Category::IrregularCrossing
        | Category::IllegalStay
        | Category::Readmitted
        | Category::VisaRefused
        | Category::Wanted
        | Category::Missing => 60,
    }
}
