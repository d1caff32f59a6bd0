//! The Fourier transform of the bootstrapping, always the same one.
//!
//! Left to itself the library times several and takes the fastest, which in another process may be another one.
//! That rounds otherwise, and a query that is repeated would get another answer.

use std::sync::Once;

use tfhe::core_crypto::{
    fft_impl::fft64::{
        c64,
        math::{
            fft::{Fft, FftAlgo, Method, Plan, setup_custom_fft_plan},
            polynomial::FourierPolynomialMutView,
        },
    },
    prelude::{ComputationBuffers, Polynomial},
};

use super::parameters::BIG_DEGREE;

/// The transform for polynomials of [`BIG_DEGREE`].
pub(super) fn transform() -> Fft {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| {
        let size = BIG_DEGREE.to_fourier_polynomial_size().0;
        let method = Method::UserProvided { base_algo: FftAlgo::Dif8, base_n: size };
        setup_custom_fft_plan(Plan::new(size, method));
    });
    Fft::new(BIG_DEGREE)
}

/// At the n-th point a polynomial has its value at `exp(2πi·e/2N)`; this is e for each n.
pub(super) fn exponents() -> Vec<usize> {
    let fft = transform();
    let fft = fft.as_view();
    let size = BIG_DEGREE.to_fourier_polynomial_size().0;
    let mut x = Polynomial::new(0_u64, BIG_DEGREE);
    x.as_mut().iter_mut().skip(1).take(1).for_each(|word| *word = 1);
    let mut values = vec![c64 { re: 0.0, im: 0.0 }; size];
    let mut buffers = ComputationBuffers::new();
    buffers.resize(fft.forward_scratch().unaligned_bytes_required());
    fft.forward_as_integer(
        FourierPolynomialMutView { data: values.as_mut_slice() },
        x.as_view(),
        buffers.stack(),
    );
    let order = 2.0 * BIG_DEGREE.0 as f64;
    let exponent = |value: &c64| {
        let turns = libm::atan2(value.im, value.re) / std::f64::consts::TAU;
        (turns * order).round().rem_euclid(order) as usize
    };
    values.iter().map(exponent).collect()
}
