//! Numbers as they are printed.

/// A ratio with what tells it from one.
pub(super) fn short(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.3}")
    } else {
        format!("{ratio:.2}")
    }
}

/// A ratio as it is printed: what stands there as 1.00x is not above 1.00x.
pub(super) fn rounded(ratio: f64) -> f64 {
    short(ratio).parse().unwrap_or(ratio)
}

/// A figure with about three digits that mean something.
pub(super) fn number(figure: f64) -> String {
    match figure {
        f if f.is_nan() => "–".to_owned(),
        f if f == f.trunc() && f.abs() < 1e6 => format!("{f:.0}"),
        f if f.abs() < 100.0 => format!("{f:.2}"),
        f => format!("{f:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{number, rounded, short};

    #[test]
    fn figures_are_short() {
        assert_eq!([number(0.0), number(43.0), number(11.035), number(6123.4)], ["0", "43", "11.04", "6123"]);
        assert_eq!([short(0.0071), short(0.954)], ["0.007", "0.95"]);
        assert_eq!([rounded(1.004), rounded(1.006), rounded(0.0306)], [1.0, 1.01, 0.031]);
        assert!(rounded(f64::NAN).is_nan());
    }
}
