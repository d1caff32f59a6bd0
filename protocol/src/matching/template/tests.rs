#![allow(clippy::arithmetic_side_effects)]

use proptest::prelude::*;

use super::*;

/// Positions of a template, about one in eight of them masked.
fn positions() -> impl Strategy<Value = Vec<Option<bool>>> {
    let position = prop_oneof![1 => Just(None), 7 => any::<bool>().prop_map(Some)];
    prop::collection::vec(position, SHORTEST..=1_100)
}

/// One bit a flag, position 0 in the highest bit of the first byte; written independently.
fn bytes(flags: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0; flags.len().div_ceil(8)];
    for (at, flag) in flags.enumerate() {
        if flag {
            bytes[at / 8] |= 0x80 >> (at % 8);
        }
    }
    bytes
}

proptest! {
    #[test]
    fn positions_and_bytes_are_two_writings_of_one_template(positions in positions()) {
        let template = Template::from_positions(&positions).unwrap();
        let bits = bytes(positions.iter().map(|position| *position == Some(true)));
        let mask = bytes(positions.iter().map(Option::is_some));
        prop_assert_eq!(template.to_bytes(), (bits.clone(), mask.clone()));
        prop_assert_eq!(&Template::from_bytes(positions.len(), &bits, Some(&mask)).unwrap(), &template);
        prop_assert_eq!(template.length(), positions.len());
        prop_assert_eq!(template.usable(), positions.iter().flatten().count());
        prop_assert_eq!(template.positions().collect::<Vec<_>>(), positions);
    }

    #[test]
    fn a_masked_bit_is_stored_as_nought(
        (length, bits, mask) in (SHORTEST / 8..=100).prop_flat_map(|bytes| {
            let some = || prop::collection::vec(any::<u8>(), bytes);
            (Just(bytes * 8), some(), some())
        })
    ) {
        let template = Template::from_bytes(length, &bits, Some(&mask)).unwrap();
        let cleared: Vec<u8> = bits.iter().zip(&mask).map(|(bits, mask)| bits & mask).collect();
        prop_assert_eq!(template.to_bytes(), (cleared.clone(), mask.clone()));
        prop_assert_eq!(Template::from_bytes(length, &cleared, Some(&mask)).unwrap(), template);
    }

    #[test]
    fn words_hold_every_position_and_nothing_else(positions in positions()) {
        let template = Template::from_positions(&positions).unwrap();
        let words: Vec<(u64, u64)> = template.words().collect();
        prop_assert_eq!(words.len(), positions.len().div_ceil(64));
        for (at, position) in positions.iter().enumerate() {
            let (bits, mask) = words[at / 64];
            prop_assert_eq!(bits >> (at % 64) & 1 == 1, *position == Some(true));
            prop_assert_eq!(mask >> (at % 64) & 1 == 1, position.is_some());
        }
        let ones: u32 = words.iter().map(|(_, mask)| mask.count_ones()).sum();
        prop_assert_eq!(ones as usize, template.usable());
    }
}

#[test]
fn the_first_position_is_the_highest_bit() {
    let mut bits = [0; 17];
    (bits[0], bits[1], bits[16]) = (0x80, 0x03, 0x10);
    let template = Template::from_bytes(132, &bits, None).unwrap();
    let set: Vec<usize> =
        template.positions().enumerate().filter(|(_, bit)| *bit == Some(true)).map(|(at, _)| at).collect();
    assert_eq!(set, [0, 14, 15, 131]);
    let mut mask = [0xff; 17];
    mask[16] = 0xf0;
    assert_eq!(template.to_bytes(), (bits.to_vec(), mask.to_vec()));
    assert_eq!(template.usable(), 132);
}

#[test]
fn lengths_are_bounded() {
    for length in [0, 1, SHORTEST - 1, LONGEST + 1, usize::MAX] {
        assert_eq!(Template::from_bytes(length, &[0; 16], None), Err(TemplateError::Length(length)));
    }
    for length in [SHORTEST - 1, LONGEST + 1] {
        let positions = vec![Some(true); length];
        assert_eq!(Template::from_positions(&positions), Err(TemplateError::Length(length)));
    }
    for length in [SHORTEST, LONGEST] {
        let template = Template::from_positions(&vec![Some(true); length]).unwrap();
        assert_eq!((template.length(), template.usable()), (length, length));
        assert_eq!(Template::from_bytes(length, &vec![0xff; length / 8], None), Ok(template));
    }
}

#[test]
fn bytes_must_be_as_many_as_the_length_needs() {
    for found in [0, 16, 18] {
        let due = Err(TemplateError::Bytes { expected: 17, found });
        assert_eq!(Template::from_bytes(130, &vec![0; found], None), due);
        assert_eq!(Template::from_bytes(130, &[0; 17], Some(&vec![0; found])), due);
    }
}

#[test]
fn nothing_stands_after_the_last_position() {
    for at in 2..8 {
        let mut rest = [0; 17];
        rest[16] = 0x80 >> at;
        assert_eq!(Template::from_bytes(130, &rest, None), Err(TemplateError::Rest));
        assert_eq!(Template::from_bytes(130, &[0; 17], Some(&rest)), Err(TemplateError::Rest));
    }
}

#[test]
fn debug_shows_no_bits() {
    let template = Template::from_bytes(128, &[0xab; 16], None).unwrap();
    assert_eq!(format!("{template:?}"), "Template { length: 128 }");
}
