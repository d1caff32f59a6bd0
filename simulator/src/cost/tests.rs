use super::*;

/// Mean wait of an M/M/c queue by Erlang's formula, for a service time of 1.
fn erlang(servers: u32, load: f64) -> f64 {
    let offered = load * f64::from(servers);
    let mut term = 1.0;
    let mut sum = 1.0;
    for k in 1..servers {
        term *= offered / f64::from(k);
        sum += term;
    }
    let last = term * offered / f64::from(servers) / (1.0 - load);
    last / (sum + last) / (f64::from(servers) * (1.0 - load))
}

#[test]
fn one_server_is_exact() {
    for load in [0.1, 0.5, 0.9, 0.99] {
        // M/M/1: rho/(1-rho). M/D/1, Pollaczek and Khinchine: half of that.
        let exact = load / (1.0 - load);
        assert!((waiting(1.0, load, 1.0, 1.0, 1.0) / exact - 1.0).abs() < 1e-12);
        assert!((waiting(1.0, load, 1.0, 1.0, 0.0) / exact - 0.5).abs() < 1e-12);
    }
}

#[test]
fn several_servers_are_near_erlang() {
    for servers in [2, 4, 8] {
        for load in [0.5, 0.7, 0.9, 0.97] {
            let (found, exact) = (waiting(1.0, load, servers.into(), 1.0, 1.0), erlang(servers, load));
            // At a high load within three per cent, below that within a twenty-fifth of a service time.
            let near = if load >= 0.9 { 0.03 * exact } else { 0.04 };
            assert!((found - exact).abs() < near, "{servers} {load}: {found} {exact}");
        }
    }
}

#[test]
fn the_default_stands_and_faults_are_told() {
    let default = Calibration::embedded().unwrap();
    let of = |items: f64| Size { items, records: 1e6, entries: 1e6 };
    assert!(default.plain(EXACT).holder.of(of(1.0)) < 0.001);
    assert!(default.plain(COUNT).holder.of(of(100.0)) > 10.0);
    let bad = DEFAULT.replace("fixed = 6.0", "fixed = -6.0");
    assert!(Calibration::parse(&bad).unwrap_err().to_string().contains("engine."));
    assert!(Calibration::parse("machine = 3").is_err());
}
