//! Codes of states and issuing organisations, brought to three letters.

use zeroize::Zeroizing;

use super::{Reason, number::compact};

/// ISO 3166-1, sorted: each entry is the alpha-3 code followed by the alpha-2 code.
#[rustfmt::skip]
const ISO_3166: [&str; 249] = [
    "ABWAW", "AFGAF", "AGOAO", "AIAAI", "ALAAX", "ALBAL", "ANDAD", "AREAE", "ARGAR", "ARMAM", "ASMAS", "ATAAQ",
    "ATFTF", "ATGAG", "AUSAU", "AUTAT", "AZEAZ", "BDIBI", "BELBE", "BENBJ", "BESBQ", "BFABF", "BGDBD", "BGRBG",
    "BHRBH", "BHSBS", "BIHBA", "BLMBL", "BLRBY", "BLZBZ", "BMUBM", "BOLBO", "BRABR", "BRBBB", "BRNBN", "BTNBT",
    "BVTBV", "BWABW", "CAFCF", "CANCA", "CCKCC", "CHECH", "CHLCL", "CHNCN", "CIVCI", "CMRCM", "CODCD", "COGCG",
    "COKCK", "COLCO", "COMKM", "CPVCV", "CRICR", "CUBCU", "CUWCW", "CXRCX", "CYMKY", "CYPCY", "CZECZ", "DEUDE",
    "DJIDJ", "DMADM", "DNKDK", "DOMDO", "DZADZ", "ECUEC", "EGYEG", "ERIER", "ESHEH", "ESPES", "ESTEE", "ETHET",
    "FINFI", "FJIFJ", "FLKFK", "FRAFR", "FROFO", "FSMFM", "GABGA", "GBRGB", "GEOGE", "GGYGG", "GHAGH", "GIBGI",
    "GINGN", "GLPGP", "GMBGM", "GNBGW", "GNQGQ", "GRCGR", "GRDGD", "GRLGL", "GTMGT", "GUFGF", "GUMGU", "GUYGY",
    "HKGHK", "HMDHM", "HNDHN", "HRVHR", "HTIHT", "HUNHU", "IDNID", "IMNIM", "INDIN", "IOTIO", "IRLIE", "IRNIR",
    "IRQIQ", "ISLIS", "ISRIL", "ITAIT", "JAMJM", "JEYJE", "JORJO", "JPNJP", "KAZKZ", "KENKE", "KGZKG", "KHMKH",
    "KIRKI", "KNAKN", "KORKR", "KWTKW", "LAOLA", "LBNLB", "LBRLR", "LBYLY", "LCALC", "LIELI", "LKALK", "LSOLS",
    "LTULT", "LUXLU", "LVALV", "MACMO", "MAFMF", "MARMA", "MCOMC", "MDAMD", "MDGMG", "MDVMV", "MEXMX", "MHLMH",
    "MKDMK", "MLIML", "MLTMT", "MMRMM", "MNEME", "MNGMN", "MNPMP", "MOZMZ", "MRTMR", "MSRMS", "MTQMQ", "MUSMU",
    "MWIMW", "MYSMY", "MYTYT", "NAMNA", "NCLNC", "NERNE", "NFKNF", "NGANG", "NICNI", "NIUNU", "NLDNL", "NORNO",
    "NPLNP", "NRUNR", "NZLNZ", "OMNOM", "PAKPK", "PANPA", "PCNPN", "PERPE", "PHLPH", "PLWPW", "PNGPG", "POLPL",
    "PRIPR", "PRKKP", "PRTPT", "PRYPY", "PSEPS", "PYFPF", "QATQA", "REURE", "ROURO", "RUSRU", "RWARW", "SAUSA",
    "SDNSD", "SENSN", "SGPSG", "SGSGS", "SHNSH", "SJMSJ", "SLBSB", "SLESL", "SLVSV", "SMRSM", "SOMSO", "SPMPM",
    "SRBRS", "SSDSS", "STPST", "SURSR", "SVKSK", "SVNSI", "SWESE", "SWZSZ", "SXMSX", "SYCSC", "SYRSY", "TCATC",
    "TCDTD", "TGOTG", "THATH", "TJKTJ", "TKLTK", "TKMTM", "TLSTL", "TONTO", "TTOTT", "TUNTN", "TURTR", "TUVTV",
    "TWNTW", "TZATZ", "UGAUG", "UKRUA", "UMIUM", "URYUY", "USAUS", "UZBUZ", "VATVA", "VCTVC", "VENVE", "VGBVG",
    "VIRVI", "VNMVN", "VUTVU", "WLFWF", "WSMWS", "YEMYE", "ZAFZA", "ZMBZM", "ZWEZW",
];

/// Codes that stand for themselves: issuing organisations and nationalities without a state
/// (ICAO 9303-3 section 5), the user-assigned code of Kosovo*, and two former states whose
/// registration numbers are still held.
const OTHER: [&str; 12] =
    ["EUE", "SCG", "UNA", "UNK", "UNO", "XKX", "XOM", "XPO", "XXA", "XXB", "XXC", "YUG"];

/// Other codes in use for a state, and the code taken for them.
const ALIASES: [(&str, &str); 12] = [
    ("D", "DEU"),   // machine-readable zones
    ("EL", "GRC"),  // European Union
    ("GBD", "GBR"), // five kinds of British nationality, one issuer
    ("GBN", "GBR"),
    ("GBO", "GBR"),
    ("GBP", "GBR"),
    ("GBS", "GBR"),
    ("RKS", "XKX"), // documents of Kosovo*
    ("UK", "GBR"),
    ("XK", "XKX"),  // European Union
    ("XKK", "XKX"), // Unicode CLDR and others
    ("YU", "YUG"),
];

/// The alpha-3 code for a code of two or three letters or an alias, in any case.
pub(super) fn alpha3(text: &str) -> Result<&'static str, Reason> {
    let code: Zeroizing<String> = compact(text)?;
    let iso = ISO_3166.iter().find_map(|entry| {
        let (alpha3, alpha2) = (entry.get(..3)?, entry.get(3..)?);
        (alpha3 == code.as_str() || alpha2 == code.as_str()).then_some(alpha3)
    });
    let other = || OTHER.iter().copied().find(|other| *other == code.as_str());
    let alias = || ALIASES.iter().find(|(alias, _)| *alias == code.as_str()).map(|(_, taken)| *taken);
    iso.or_else(other).or_else(alias).ok_or(Reason::UnknownState)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::rows, *};

    #[test]
    fn documented_aliases_are_the_table() {
        let mut documented = Vec::new();
        for row in rows("### States") {
            let taken = row[1].trim_matches('`').to_owned();
            documented
                .extend(row[0].split(' ').map(|code| (code.trim_matches('`').to_owned(), taken.clone())));
        }
        documented.sort();
        assert_eq!(documented, ALIASES.map(|(alias, taken)| (alias.to_owned(), taken.to_owned())));
    }

    #[test]
    fn every_code_is_unique_and_finds_itself() {
        let mut seen = std::collections::BTreeSet::new();
        for entry in ISO_3166 {
            let (alpha3_code, alpha2_code) = entry.split_at(3);
            assert_eq!(alpha3(alpha3_code), Ok(alpha3_code));
            assert_eq!(alpha3(alpha2_code), Ok(alpha3_code));
            assert_eq!(alpha2_code.len(), 2);
            assert!(seen.insert(alpha3_code) && seen.insert(alpha2_code), "{entry} is listed twice");
        }
        for code in OTHER {
            assert_eq!(alpha3(code), Ok(code));
            assert!(seen.insert(code), "{code} is listed twice");
        }
        for (alias, taken) in ALIASES {
            assert_eq!(alpha3(alias), Ok(taken));
            assert_eq!(alpha3(taken), Ok(taken), "{alias} leads to an unknown code");
            assert!(seen.insert(alias), "{alias} is listed twice");
        }
    }

    #[test]
    fn unknown_codes_are_refused() {
        for code in ["", "S", "XX", "XXX", "UTO", "SER", "SRBA", "688", "Srbija", "CS", "KS"] {
            assert_eq!(alpha3(code), Err(Reason::UnknownState), "{code}");
        }
        assert_eq!(alpha3("S\u{200f}RB"), Err(Reason::Character));
    }
}
