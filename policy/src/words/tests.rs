use super::*;

fn both_ways<T>(value: T, json: &str)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
    let cbor = serde_ipld_dagcbor::to_vec(&value).unwrap();
    assert_eq!(serde_ipld_dagcbor::from_slice::<T>(&cbor).unwrap(), value);
}

#[test]
fn words_survive_json_and_cbor() {
    both_ways("RS".parse::<AgencyCode>().unwrap(), "\"RS\"");
    both_ways("border-2".parse::<RegisterName>().unwrap(), "\"border-2\"");
    both_ways("N.petrovska_7".parse::<OfficerId>().unwrap(), "\"N.petrovska_7\"");
    both_ways(QueryId([0xab; 16]), "\"abababababababababababababababab\"");
    both_ways(Timestamp(1_700_000_000), "\"2023-11-14T22:13:20Z\"");
    both_ways(Purpose::AsylumPrior, "\"ASYLUM_PRIOR\"");
    both_ways(AgeBand::Doubtful, "\"doubtful\"");
}

#[test]
fn words_of_another_form_are_refused() {
    for bad in ["", "rs", "1RS", "RS MK", "ABCDEFGHIJKLM", "РС"] {
        assert!(bad.parse::<AgencyCode>().is_err(), "{bad}");
    }
    for bad in ["", "Border", "-x", "a b", "../x"] {
        assert!(bad.parse::<RegisterName>().is_err(), "{bad}");
    }
    assert!("ESPIONAGE".parse::<Purpose>().is_err());
    assert!("AB".repeat(32).parse::<Digest>().is_err(), "capital hex is not canonical");
    assert!("yesterday".parse::<Timestamp>().is_err());
    assert!(serde_ipld_dagcbor::from_slice::<QueryId>(&[0x43, 1, 2, 3]).is_err());
}

#[test]
fn every_code_reads_back() {
    for purpose in Purpose::ALL {
        assert_eq!(purpose.as_str().parse::<Purpose>().unwrap(), *purpose);
    }
    assert_eq!((Purpose::ALL.len(), LegalBasis::ALL.len(), Category::ALL.len()), (12, 6, 8));
}
