//! The Fourier transform of the bootstrapping, always the same one.
//!
//! Left to itself the library times several and takes the fastest, which in another process may be another one.
//! That rounds otherwise, and a query that is repeated would get another answer.

use std::sync::Once;

use tfhe::core_crypto::fft_impl::fft64::math::fft::{Fft, FftAlgo, Method, Plan, setup_custom_fft_plan};

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
