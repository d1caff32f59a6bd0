//! Blocks of 128 bits: the cipher that stretches keys, and the hash that hides correlated ones.
//!
//! AES runs on the instructions that the processor has (VAES, AES-NI, or portable code); which ones is
//! found at run time by the crate `aes`. Blocks are little-endian.

use aes::{
    Aes128Enc,
    cipher::{Array, BlockCipherEncrypt, KeyInit},
};

mod transpose;

pub(crate) use transpose::{transpose, transpose64};

/// The registers for which loops are compiled: the widest that the processor has, or plain words where the ciphers are
/// told to do without instructions too (docs/benchmarks.md).
#[allow(unexpected_cfgs, reason = "it is a setting of the crate `aes`")]
pub(crate) fn registers() -> pulp::Arch {
    if cfg!(aes_backend = "soft") { pulp::Arch::Scalar } else { pulp::Arch::new() }
}

/// Blocks that are encrypted in one call.
const BATCH: usize = 128;

/// AES-128 under one key [FIPS 197].
#[derive(Clone)]
pub(crate) struct Cipher(Aes128Enc);

impl Cipher {
    pub(crate) fn new(key: u128) -> Self {
        Self(Aes128Enc::new(&key.to_le_bytes().into()))
    }

    /// Encrypts each block.
    pub(crate) fn encrypt(&self, blocks: &mut [u128]) {
        self.0.encrypt_blocks(Array::cast_slice_from_core_mut(bytemuck::cast_slice_mut(blocks)));
    }

    /// Blocks `first` and following of the key stream [NIST SP 800-38A, counter mode].
    pub(crate) fn stream(&self, first: u64, to: &mut [u128]) {
        (u128::from(first)..).zip(to.iter_mut()).for_each(|(count, block)| *block = count);
        self.encrypt(to);
    }

    /// Replaces each block x by π(π(x) ⊕ i) ⊕ π(x), where i is the tweak of its place and π this cipher. Tweakable
    /// circular correlation robust if π is an ideal permutation [Guo, Katz, Wang, Yu 2020, section 7.4, TMMO].
    pub(crate) fn hash(&self, blocks: &mut [u128], tweak: impl Fn(usize) -> u128) {
        for (batch, blocks) in blocks.chunks_mut(BATCH).enumerate() {
            let mut second = [0; BATCH];
            let second = second.get_mut(..blocks.len()).unwrap_or_default();
            self.encrypt(blocks);
            for (at, (to, from)) in second.iter_mut().zip(blocks.iter()).enumerate() {
                *to = from ^ tweak(batch * BATCH + at);
            }
            self.encrypt(second);
            blocks.iter_mut().zip(second.iter()).for_each(|(to, from)| *to ^= from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cipher_is_aes() {
        // FIPS 197, appendix C.1.
        let hex = |text: &str| u128::from_str_radix(text, 16).unwrap().swap_bytes();
        let cipher = Cipher::new(hex("000102030405060708090a0b0c0d0e0f"));
        let mut blocks = [hex("00112233445566778899aabbccddeeff"); 37];
        cipher.encrypt(&mut blocks);
        assert!(blocks.iter().all(|block| *block == hex("69c4e0d86a7b0430d8cdb78070b4c55a")));
    }

    #[test]
    fn streams_go_on_and_hashes_are_of_place_and_block() {
        let cipher = Cipher::new(7);
        let (mut whole, mut part) = ([0; 300], [0; 20]);
        cipher.stream(0, &mut whole);
        cipher.stream(200, &mut part);
        assert_eq!(whole[200..220], part);

        let mut hashed = whole;
        cipher.hash(&mut hashed, |at| at as u128 + 9);
        for (at, block) in whole.iter().enumerate() {
            let mut once = [*block];
            cipher.encrypt(&mut once);
            let mut twice = [once[0] ^ (at as u128 + 9)];
            cipher.encrypt(&mut twice);
            assert_eq!(hashed[at], once[0] ^ twice[0]);
        }
    }
}
