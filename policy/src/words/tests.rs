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
    both_ways("iris-1".parse::<FormName>().unwrap(), "\"iris-1\"");
    both_ways("tfhe/1.0".parse::<EngineName>().unwrap(), "\"tfhe/1.0\"");
    both_ways(Modality::Tenprint, "\"TENPRINT\"");
    both_ways(Position::Finger10, "\"FINGER_10\"");
}

#[test]
fn words_of_another_form_are_refused() {
    for bad in ["", "rs", "1RS", "RS MK", "ABCDEFGHIJKLM", "РС"] {
        assert!(bad.parse::<AgencyCode>().is_err(), "{bad}");
    }
    for bad in ["", "Border", "-x", "a b", "../x"] {
        assert!(bad.parse::<RegisterName>().is_err(), "{bad}");
    }
    for bad in ["", "Iris", "1iris", "iris/1", &"i".repeat(41)] {
        assert!(bad.parse::<FormName>().is_err(), "{bad}");
    }
    for bad in ["", "/tfhe", "TFHE", "tfhe 1", "tfhe_1", &"t".repeat(61)] {
        assert!(bad.parse::<EngineName>().is_err(), "{bad}");
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
    for position in Position::ALL {
        assert_eq!(position.as_str().parse::<Position>().unwrap(), *position);
    }
    assert_eq!((Modality::ALL.len(), Position::ALL.len()), (4, 14));
    assert_eq!((Purpose::ALL.len(), LegalBasis::ALL.len(), Category::ALL.len()), (12, 6, 8));
}

#[test]
fn every_modality_is_taken_somewhere() {
    let at = |modality| Position::ALL.iter().filter(|position| position.modality() == modality).count();
    assert_eq!([2, 1, 10, 1], [Modality::Iris, Modality::Face, Modality::Finger, Modality::Tenprint].map(at));
}

#[test]
fn times_outside_the_calendar_are_refused_in_every_form() {
    let cbor = |seconds: i64| serde_ipld_dagcbor::to_vec(&seconds).unwrap();
    for seconds in [i64::MIN, Timestamp::FIRST.0 - 1, Timestamp::LAST.0 + 1, i64::MAX] {
        let error = serde_ipld_dagcbor::from_slice::<Timestamp>(&cbor(seconds)).unwrap_err();
        assert!(error.to_string().contains(&seconds.to_string()), "{error}");
    }
    // One second before the year 0; jiff can read it, RFC 3339 cannot write it.
    for text in ["-000001-12-31T23:59:59Z", "9999-12-30T22:00:01Z", "10000-01-01T00:00:00Z"] {
        assert!(text.parse::<Timestamp>().is_err(), "{text}");
    }
    both_ways(Timestamp::FIRST, "\"0000-01-01T00:00:00Z\"");
    both_ways(Timestamp::LAST, "\"9999-12-30T22:00:00Z\"");
}

#[test]
fn moments_move_within_the_calendar() {
    let noon: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
    assert_eq!(noon.plus(-Timestamp::HOUR).to_string(), "2026-11-23T11:00:00Z");
    assert_eq!((noon.plus(i64::MAX), noon.plus(i64::MIN)), (Timestamp::LAST, Timestamp::FIRST));
    assert_eq!(Timestamp(i64::MAX).plus(i64::MAX), Timestamp::LAST);
    assert_eq!((noon.period(Timestamp::DAY), Timestamp(-1).period(Timestamp::DAY)), (20_780, -1));
    assert_eq!(noon.period(0), noon.0, "a period of no length is a second");
}
