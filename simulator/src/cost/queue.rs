//! How long a query waits for a processor.

/// Seconds that a query waits before its work begins, on average, where `servers` cores of a node work at a load of
/// `load` (share of their time), a query takes `service` seconds, and the squared coefficients of variation of the
/// times between queries and of the work are `arrivals` and `services`.
///
/// `S rho^(sqrt(2(c+1))-1) / (c (1-rho)) (Ca2+Cs2)/2` [Sakasegawa 1977; Kingman's formula for one server]; exact
/// for M/M/1; for M/M/c within 3 % at a load of 0.9 and more, and within 0.04 services below. Infinite at a load of 1 or more.
pub fn waiting(service: f64, load: f64, servers: f64, arrivals: f64, services: f64) -> f64 {
    if load <= 0.0 {
        return 0.0;
    }
    if load >= 1.0 {
        return f64::INFINITY;
    }
    let power = libm::sqrt(2.0 * (servers + 1.0)) - 1.0;
    service * libm::pow(load, power) / (servers * (1.0 - load)) * (arrivals + services) / 2.0
}
