//! The published vectors of the suite in all three modes, and ones that must fail.

use serde::Deserialize;

use super::*;
use crate::{
    exchange::Misbehaviour,
    group::{decode_point, decode_scalar},
};

#[derive(Deserialize)]
struct Group {
    mode: u8,
    seed: String,
    #[serde(rename = "keyInfo")]
    key_info: String,
    #[serde(rename = "skSm")]
    secret: String,
    #[serde(rename = "pkSm")]
    public: Option<String>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Vector {
    batch: usize,
    blind: String,
    blinded_element: String,
    evaluation_element: String,
    input: String,
    output: String,
    info: Option<String>,
    proof: Option<PublishedProof>,
}

#[derive(Deserialize)]
struct PublishedProof {
    proof: String,
    r: String,
}

fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn list<const N: usize>(text: &str) -> Vec<[u8; N]> {
    text.split(',').map(|item| hex(item).try_into().unwrap()).collect()
}

fn groups() -> Vec<(Mode, Group)> {
    let groups: Vec<Group> =
        serde_json::from_str(include_str!("../../testdata/rfc9497_ristretto255_sha512.json")).unwrap();
    assert_eq!(groups.len(), 3);
    let modes = [Mode::Base, Mode::Verifiable, Mode::PartiallyOblivious];
    groups.into_iter().map(|group| (modes[usize::from(group.mode)], group)).collect()
}

fn with_points(bytes: &[PointBytes]) -> Vec<(RistrettoPoint, PointBytes)> {
    bytes.iter().map(|b| (decode_point(b).unwrap(), *b)).collect()
}

#[test]
fn every_published_vector_holds() {
    let mut seen = 0;
    for (mode, group) in groups() {
        let key =
            KeyPair::derive(&hex(&group.seed).try_into().unwrap(), &hex(&group.key_info), mode).unwrap();
        assert_eq!(key.secret().as_bytes()[..], hex(&group.secret));
        if let Some(public) = &group.public {
            assert_eq!(key.public_bytes()[..], hex(public));
        }
        for vector in &group.vectors {
            let info = vector.info.as_deref().map(hex);
            let blinds: Vec<Scalar> = list(&vector.blind).iter().map(|b| decode_scalar(b).unwrap()).collect();
            let inputs: Vec<Vec<u8>> = vector.input.split(',').map(hex).collect();
            let blinded: Vec<PointBytes> = list(&vector.blinded_element);
            let evaluated: Vec<PointBytes> = list(&vector.evaluation_element);
            let outputs: Vec<[u8; 64]> = list(&vector.output);
            assert_eq!([inputs.len(), blinded.len(), evaluated.len(), outputs.len()], [vector.batch; 4]);

            // The partially oblivious mode divides by the tweaked key where the others multiply.
            let (used, multiplier) = match &info {
                Some(info) => {
                    let tweaked = key.tweak(info).unwrap();
                    assert_eq!(tweak_public(key.public(), info).unwrap(), *tweaked.public());
                    let inverse = tweaked.secret().invert();
                    (tweaked, inverse)
                }
                None => (key.clone(), *key.secret()),
            };
            for i in 0..vector.batch {
                let point = element(&inputs[i], mode).unwrap() * blinds[i];
                assert_eq!(point.compress().to_bytes(), blinded[i]);
                assert_eq!(compress_doubles(&[point * half(&multiplier)]), [evaluated[i]]);
                let unblinded = decode_point(&evaluated[i]).unwrap() * blinds[i].invert();
                let output = finalize(&inputs[i], info.as_deref(), &unblinded.compress().to_bytes()).unwrap();
                assert_eq!(output, outputs[i]);
                seen += 1;
            }

            let Some(published) = &vector.proof else { continue };
            let nonce = decode_scalar(&hex(&published.r).try_into().unwrap()).unwrap();
            let expected: [u8; 64] = hex(&published.proof).try_into().unwrap();
            let (c, d) = match mode {
                Mode::PartiallyOblivious => (&evaluated, &blinded),
                _ => (&blinded, &evaluated),
            };
            let mut own = Composite::new(used.public_bytes(), mode);
            own.add_own(&with_points(c), d).unwrap();
            assert_eq!(own.prove(&used, &nonce).to_bytes(), expected);
            let proof = Proof::from_bytes(&expected).unwrap();
            let verify = |c: &[PointBytes], d: &[PointBytes], proof: &Proof, public: &RistrettoPoint| {
                let mut foreign = Composite::new(used.public_bytes(), mode);
                foreign.add_foreign(&with_points(c), &with_points(d)).unwrap();
                foreign.verify(public, proof)
            };
            assert_eq!(verify(c, d, &proof, used.public()), Ok(()));

            // Vectors that must fail: swapped roles, another element, another key, a changed proof.
            let refused = Err(Misbehaviour::Proof.into());
            assert_eq!(verify(d, c, &proof, used.public()), refused);
            let mut other = d.clone();
            other[0] = c[0];
            assert_eq!(verify(c, &other, &proof, used.public()), refused);
            assert_eq!(verify(c, d, &proof, &(used.public() + used.public())), refused);
            for byte in [0, 32] {
                let mut bytes = expected;
                bytes[byte] ^= 1;
                if let Ok(changed) = Proof::from_bytes(&bytes) {
                    assert_eq!(verify(c, d, &changed, used.public()), refused);
                }
            }
            if vector.batch > 1 {
                let reversed = |list: &[PointBytes]| list.iter().rev().copied().collect::<Vec<_>>();
                assert_eq!(verify(&reversed(c), &reversed(d), &proof, used.public()), refused, "order");
                assert_eq!(verify(&c[..1], &d[..1], &proof, used.public()), refused, "a part of the batch");
            }
        }
    }
    assert_eq!(seen, 10, "two vectors, and two of one and one of two in each verifiable mode");
}

#[test]
fn a_second_implementation_agrees() {
    use voprf_ng::{Ristretto255, VoprfServer};
    let server = VoprfServer::<Ristretto255>::new_from_seed(&[9; 32], b"symbolon").unwrap();
    let key = KeyPair::derive(&[9; 32], b"symbolon", Mode::Verifiable).unwrap();
    assert_eq!(key.public_bytes()[..], server.get_public_key().compress().to_bytes());
    let stream = crate::seed::Seed::new([5; 32]).stream("oracle");
    for i in 0..20_u64 {
        let input = i.to_be_bytes();
        let blind = stream.scalar(i);
        let point = element(&input, Mode::Verifiable).unwrap() * blind;
        let evaluated = point * key.secret();
        let output = finalize(&input, None, &(evaluated * blind.invert()).compress().to_bytes()).unwrap();
        assert_eq!(output[..], server.evaluate(&input).unwrap()[..]);
    }
}

#[test]
fn one_batch_of_many_chunks_equals_single_pieces() {
    let key = KeyPair::new(Scalar::from(77_u64)).unwrap();
    let stream = crate::seed::Seed::new([6; 32]).stream("chunks");
    let inputs: Vec<_> = (0..2_500)
        .map(|i| RistrettoPoint::mul_base(&stream.scalar(i)))
        .map(|point| (point, point.compress().to_bytes()))
        .collect();
    let outputs: Vec<_> =
        inputs.iter().map(|(p, _)| p * key.secret()).map(|p| (p, p.compress().to_bytes())).collect();
    let encoded: Vec<_> = outputs.iter().map(|(_, bytes)| *bytes).collect();
    let prove = |chunk: usize| {
        let mut composite = Composite::new(key.public_bytes(), Mode::Verifiable);
        inputs.chunks(chunk).zip(encoded.chunks(chunk)).for_each(|(i, o)| composite.add_own(i, o).unwrap());
        composite.prove(&key, &stream.scalar(9_999))
    };
    let proof = prove(2_500);
    assert_eq!(proof, prove(1));
    assert_eq!(proof, prove(999));
    let mut foreign = Composite::new(key.public_bytes(), Mode::Verifiable);
    foreign.add_foreign(&inputs[..1_300], &outputs[..1_300]).unwrap();
    assert!(foreign.verify(key.public(), &proof).is_err(), "half a batch");
    foreign.add_foreign(&inputs[1_300..], &outputs[1_300..]).unwrap();
    foreign.verify(key.public(), &proof).unwrap();
}

#[test]
fn keys_show_nothing() {
    let key = KeyPair::new(Scalar::from(3_u64)).unwrap();
    assert!(!format!("{key:?}").contains("secret"));
    assert!(KeyPair::new(Scalar::ZERO).is_err());
    let over = vec![0; INPUT_LIMIT + 1];
    assert!(finalize(&over, None, &[0; 32]).is_err() && key.tweak(&over).is_err());
}
