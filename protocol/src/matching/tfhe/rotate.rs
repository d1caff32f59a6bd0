//! Blind rotation with two bits of the key in a step.
//!
//! A step multiplies by `X^(a·s + b·t) = 1 + (X^a - 1)·s + (X^b - 1)·t + (X^a - 1)(X^b - 1)·s·t`. With
//! encryptions of s, t and s·t this takes the transforms of one external product, where a bit at a time takes
//! those of two; and transforms are most of the time [Bourse, Minelli, Minihold, Paillier 2018, section 4.2;
//! Zhou et al. 2018]. The noise that this adds is worked out in `docs/protocols/match-one-round.md`.

use std::sync::OnceLock;

use pulp::Simd;
use tfhe::core_crypto::{
    algorithms::polynomial_algorithms::polynomial_wrapping_monic_monomial_div,
    fft_impl::fft64::{
        c64,
        math::{fft::Fft, polynomial::FourierPolynomialMutView},
    },
    prelude::*,
};

use super::{
    fourier::{exponents, transform},
    parameters::{BIG, BIG_DEGREE, BIG_LWE, BOOTSTRAP, MODULUS, SMALL},
};

/// Points at which a transformed polynomial is known.
const POINTS: usize = BIG_DEGREE.0 / 2;
/// Polynomials of a ciphertext of the big key.
const SIZE: usize = BIG.0 + 1;
/// Bits that are encrypted for each pair of the key.
const OF_PAIR: usize = 3;
/// The bits of the key that a bootstrapping key encrypts.
pub(super) const EXTENDED: LweDimension = LweDimension(SMALL.0 / 2 * OF_PAIR);
/// What a digit of the decomposition stands for: 2^DIGIT.
const DIGIT: usize = 64 - BOOTSTRAP.0.0 * BOOTSTRAP.1.0;
const _: () = assert!(BOOTSTRAP.1.0 == 1, "one level");

/// Points that are worked on at once, for a whole batch: the key's part for them stays in the fastest cache.
const BLOCK: usize = 64;
const BLOCKS: usize = POINTS / BLOCK;

/// Values at some points, real and imaginary parts apart, so that loops over them are vectors.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Block {
    re: [f64; BLOCK],
    im: [f64; BLOCK],
}

impl Block {
    const ZERO: Self = Self { re: [0.0; BLOCK], im: [0.0; BLOCK] };

    fn iter(&self) -> impl Iterator<Item = c64> {
        self.re.iter().zip(&self.im).map(|(re, im)| c64 { re: *re, im: *im })
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = (&mut f64, &mut f64)> {
        self.re.iter_mut().zip(&mut self.im)
    }
}

/// A transformed polynomial.
type Points = [Block; BLOCKS];

/// For each pair of bits both and their product.
pub(super) fn extended(key: &LweSecretKeyOwned<u64>) -> LweSecretKeyOwned<u64> {
    let (pairs, _) = key.as_ref().as_chunks::<2>();
    LweSecretKey::from_container(pairs.iter().flat_map(|[s, t]| [*s, *t, s & t]).collect())
}

/// A bootstrapping key to compute with: 113 MB.
pub(super) struct Rotation {
    /// For each pair, each block of points, each of the pair's encrypted bits, each column: the rows.
    key: Vec<[Block; SIZE]>,
}

impl Rotation {
    /// Transforms a key.
    pub(super) fn new(key: &LweBootstrapKeyOwned<u64>) -> Self {
        let mut workspace = Workspace::new();
        let mut blocks = vec![[Block::ZERO; SIZE]; EXTENDED.0 * BLOCKS * SIZE];
        let mut points = [Block::ZERO; BLOCKS];
        // The library's order: bits, rows, columns, points.
        for (at, polynomial) in key.as_polynomial_list().iter().enumerate() {
            workspace.forward_torus(&polynomial, &mut points);
            let (bit, row, column) = (at / SIZE / SIZE, at / SIZE % SIZE, at % SIZE);
            let (pair, of_pair) = (bit / OF_PAIR, bit % OF_PAIR);
            for (block, from) in points.iter().enumerate() {
                let place = ((pair * BLOCKS + block) * OF_PAIR + of_pair) * SIZE + column;
                if let Some(to) = blocks.get_mut(place).and_then(|rows| rows.get_mut(row)) {
                    *to = *from;
                }
            }
        }
        Self { key: blocks }
    }

    /// Multiplies the table by X^(phase of the input), for each input of a batch on one core; gives the
    /// constant coefficients, under the big key [Chillotti et al. 2020, programmable bootstrapping].
    pub(super) fn bootstrap(
        &self,
        table: &GlweCiphertextOwned<u64>,
        inputs: &[LweCiphertextOwned<u64>],
    ) -> Vec<LweCiphertextOwned<u64>> {
        let (mut workspace, powers) = (Workspace::new(), powers());
        let mut batch: Vec<Running> = inputs.iter().map(|input| Running::new(table, input)).collect();
        for (at, key) in self.key.chunks_exact(BLOCKS * OF_PAIR * SIZE).enumerate() {
            batch.iter_mut().for_each(|running| workspace.forward(running));
            pulp::Arch::new().dispatch(Step { key, powers, at, batch: &mut batch });
            batch.iter_mut().for_each(|running| workspace.add_backward(running));
        }
        batch.iter().map(Running::constant).collect()
    }
}

/// X^a - 1 at the points of the transform, for each a below 2N: 17 MB, the same for every key.
fn powers() -> &'static [Points] {
    static POWERS: OnceLock<Vec<Points>> = OnceLock::new();
    POWERS.get_or_init(made_powers)
}

fn made_powers() -> Vec<Points> {
    let (order, exponents) = (2 * BIG_DEGREE.0, exponents());
    let roots: Vec<(f64, f64)> = (0..order)
        .map(|at| {
            let (sin, cos) = libm::sincos(std::f64::consts::TAU * at as f64 / order as f64);
            (cos - 1.0, sin)
        })
        .collect();
    let mut powers = vec![[Block::ZERO; BLOCKS]; order];
    for (power, to) in powers.iter_mut().enumerate() {
        for ((re, im), exponent) in to.iter_mut().flat_map(Block::iter_mut).zip(&exponents) {
            if let Some(root) = roots.get(exponent * power % order) {
                (*re, *im) = *root;
            }
        }
    }
    powers
}

/// One input on its way.
struct Running {
    /// The input's mask, modulo 2N.
    exponents: Vec<usize>,
    accumulator: GlweCiphertextOwned<u64>,
    /// For each block of points: the accumulator's digits, transformed; then what a step adds to it.
    points: Vec<[Block; SIZE]>,
}

impl Running {
    fn new(table: &GlweCiphertextOwned<u64>, input: &LweCiphertextOwned<u64>) -> Self {
        let view = LweCiphertext::from_container(input.as_ref(), MODULUS);
        let log = BIG_DEGREE.to_blind_rotation_input_modulus_log();
        let switched = lwe_ciphertext_centered_binary_modulus_switch::<u64, usize, _>(view, log);
        let exponents = switched.mask().collect();
        Self {
            exponents,
            accumulator: turned(table, switched.body()),
            points: vec![[Block::ZERO; SIZE]; BLOCKS],
        }
    }

    fn constant(&self) -> LweCiphertextOwned<u64> {
        let mut output = LweCiphertext::new(0, BIG_LWE.to_lwe_size(), MODULUS);
        extract_lwe_sample_from_glwe_ciphertext(&self.accumulator, &mut output, MonomialDegree(0));
        output
    }
}

/// The table times X^-by.
fn turned(table: &GlweCiphertextOwned<u64>, by: usize) -> GlweCiphertextOwned<u64> {
    let mut accumulator = table.clone();
    let mut polynomials = accumulator.as_mut_polynomial_list();
    for (mut to, from) in polynomials.iter_mut().zip(table.as_polynomial_list().iter()) {
        polynomial_wrapping_monic_monomial_div(&mut to, &from, MonomialDegree(by));
    }
    accumulator
}

/// What one core transforms with.
struct Workspace {
    fft: Fft,
    buffers: ComputationBuffers,
    digits: Polynomial<Vec<u64>>,
    complex: Vec<c64>,
}

impl Workspace {
    fn new() -> Self {
        let fft = transform();
        let mut buffers = ComputationBuffers::new();
        let need = [fft.as_view().forward_scratch(), fft.as_view().backward_scratch()];
        let need = need.map(|need| need.unaligned_bytes_required());
        buffers.resize(need.into_iter().max().unwrap_or_default());
        let complex = vec![c64 { re: 0.0, im: 0.0 }; POINTS];
        Self { fft, buffers, digits: Polynomial::new(0, BIG_DEGREE), complex }
    }

    fn forward_torus(&mut self, polynomial: &PolynomialView<'_, u64>, to: &mut Points) {
        let fourier = FourierPolynomialMutView { data: self.complex.as_mut_slice() };
        self.fft.as_view().forward_as_torus(fourier, polynomial.as_view(), self.buffers.stack());
        read(&self.complex, to.iter_mut());
    }

    /// Cuts the accumulator into digits and transforms them.
    fn forward(&mut self, running: &mut Running) {
        let polynomials = running.accumulator.as_polynomial_list();
        for (at, polynomial) in polynomials.iter().enumerate() {
            pulp::Arch::new().dispatch(Cut(polynomial.as_ref(), self.digits.as_mut()));
            let fourier = FourierPolynomialMutView { data: self.complex.as_mut_slice() };
            self.fft.as_view().forward_as_integer(fourier, self.digits.as_view(), self.buffers.stack());
            read(&self.complex, running.points.iter_mut().filter_map(|block| block.get_mut(at)));
        }
    }

    /// Adds what the points say to the accumulator.
    fn add_backward(&mut self, running: &mut Running) {
        let mut polynomials = running.accumulator.as_mut_polynomial_list();
        for (at, mut to) in polynomials.iter_mut().enumerate() {
            let from = running.points.iter().filter_map(|block| block.get(at));
            for (to, from) in self.complex.chunks_exact_mut(BLOCK).zip(from) {
                pulp::Arch::new().dispatch(Join(from, to));
            }
            let fourier = FourierPolynomialMutView { data: self.complex.as_mut_slice() };
            let fft = self.fft.as_view();
            fft.add_backward_in_place_as_torus(to.as_mut_view(), fourier, self.buffers.stack());
        }
    }
}

fn read<'a>(from: &[c64], to: impl Iterator<Item = &'a mut Block>) {
    to.zip(from.chunks_exact(BLOCK)).for_each(|(to, from)| pulp::Arch::new().dispatch(Part(from, to)));
}

// Loops in `pulp::WithSimd` are compiled for the widest vectors there are.

/// Rounds words to digits.
struct Cut<'a>(&'a [u64], &'a mut [u64]);

impl pulp::WithSimd for Cut<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (word, digit) in self.0.iter().zip(self.1) {
            *digit = (word.wrapping_add(1 << (DIGIT - 1)).cast_signed() >> DIGIT).cast_unsigned();
        }
    }
}

/// Takes real and imaginary parts apart.
struct Part<'a>(&'a [c64], &'a mut Block);

impl pulp::WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (from, (re, im)) in self.0.iter().zip(self.1.iter_mut()) {
            (*re, *im) = (from.re, from.im);
        }
    }
}

/// Puts them together again.
struct Join<'a>(&'a Block, &'a mut [c64]);

impl pulp::WithSimd for Join<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.iter().zip(self.1).for_each(|(from, to)| *to = from);
    }
}

/// Turns digits into what a step adds: (X^a - 1)·s + (X^b - 1)·t + (X^a - 1)(X^b - 1)·s·t times the
/// accumulator.
struct Step<'a> {
    key: &'a [[Block; SIZE]],
    powers: &'a [Points],
    at: usize,
    batch: &'a mut [Running],
}

impl pulp::WithSimd for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { key, powers, at, batch } = self;
        let power = |running: &Running, at: usize| powers.get(*running.exponents.get(at)?);
        for (block, key) in key.chunks_exact(OF_PAIR * SIZE).enumerate() {
            for running in &mut *batch {
                let (Some(a), Some(b)) = (power(running, 2 * at), power(running, 2 * at + 1)) else {
                    continue;
                };
                let points = (a.get(block), b.get(block), running.points.get_mut(block));
                let (Some(a), Some(b), Some(points)) = points else { continue };
                let both = multiply(simd, a, b);
                let mut sums = [Block::ZERO; SIZE];
                for (factor, columns) in [a, b, &both].into_iter().zip(key.chunks_exact(SIZE)) {
                    for (sum, rows) in sums.iter_mut().zip(columns) {
                        add_product(simd, sum, factor, points, rows);
                    }
                }
                *points = sums;
            }
        }
    }
}

/// A complex number in each lane.
type Complex<S> = (<S as Simd>::f64s, <S as Simd>::f64s);

#[inline(always)]
fn lanes<S: Simd>(points: &Block) -> impl Iterator<Item = Complex<S>> {
    let (re, im) = (S::as_simd_f64s(&points.re).0, S::as_simd_f64s(&points.im).0);
    re.iter().zip(im).map(|(re, im)| (*re, *im))
}

#[inline(always)]
fn lanes_mut<S: Simd>(points: &mut Block) -> impl Iterator<Item = (&mut S::f64s, &mut S::f64s)> {
    let (re, im) = (S::as_mut_simd_f64s(&mut points.re).0, S::as_mut_simd_f64s(&mut points.im).0);
    re.iter_mut().zip(im)
}

/// a·b + c.
#[inline(always)]
fn multiply_add<S: Simd>(simd: S, a: Complex<S>, b: Complex<S>, c: Complex<S>) -> Complex<S> {
    let re = simd.negate_mul_add_f64s(a.1, b.1, simd.mul_add_f64s(a.0, b.0, c.0));
    let im = simd.mul_add_f64s(a.1, b.0, simd.mul_add_f64s(a.0, b.1, c.1));
    (re, im)
}

#[inline(always)]
fn multiply<S: Simd>(simd: S, a: &Block, b: &Block) -> Block {
    let (mut product, zero) = (Block::ZERO, (simd.splat_f64s(0.0), simd.splat_f64s(0.0)));
    for (((re, im), a), b) in lanes_mut::<S>(&mut product).zip(lanes::<S>(a)).zip(lanes::<S>(b)) {
        (*re, *im) = multiply_add(simd, a, b, zero);
    }
    product
}

/// Adds `factor · Σ from·rows`, at each point.
#[inline(always)]
fn add_product<S: Simd>(
    simd: S,
    sum: &mut Block,
    factor: &Block,
    from: &[Block; SIZE],
    rows: &[Block; SIZE],
) {
    let zero = (simd.splat_f64s(0.0), simd.splat_f64s(0.0));
    let ([from_0, from_1, from_2], [row_0, row_1, row_2]) = (from, rows);
    let pair = |from, row| lanes::<S>(from).zip(lanes::<S>(row));
    let pairs = pair(from_0, row_0).zip(pair(from_1, row_1)).zip(pair(from_2, row_2));
    for (((re, im), factor), ((first, second), third)) in
        lanes_mut::<S>(sum).zip(lanes::<S>(factor)).zip(pairs)
    {
        let product = multiply_add(simd, first.0, first.1, zero);
        let product = multiply_add(simd, second.0, second.1, product);
        let product = multiply_add(simd, third.0, third.1, product);
        (*re, *im) = multiply_add(simd, factor, product, (*re, *im));
    }
}

#[cfg(test)]
mod tests;
