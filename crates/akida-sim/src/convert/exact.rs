//! Floors that no rounding can move.

/// Largest magnitude of a summand: with 58 bits of mantissa it fits 128 bits.
pub(super) const MAX_MAGNITUDE: f64 = 1e30;

/// floor(t + n · s) for `t`, `s` of at most [`MAX_MAGNITUDE`], exactly, beyond ±2^62 replaced by that end.
pub(super) fn floor_of_sum(t: f64, n: u8, s: f64) -> i64 {
    const END: i128 = 1 << 62;
    let (t, t_exponent) = decompose(t);
    let (s, s_exponent) = decompose(s);
    let product = s * i128::from(n);
    // On a grid of 2^grid that holds the integers and the coarser of the two numbers, rounding the finer one down
    // leaves the floor of the sum where it is.
    let grid = t_exponent.max(s_exponent).min(0);
    let sum = on_grid(t, t_exponent - grid) + on_grid(product, s_exponent - grid);
    on_grid(sum, grid).clamp(-END, END) as i64
}

/// The integers (m, e) with value = m · 2^e.
fn decompose(value: f64) -> (i128, i32) {
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let fraction = i128::from(bits & ((1 << 52) - 1));
    let (mantissa, exponent) = if exponent == 0 {
        (fraction, -1074)
    } else {
        (fraction | (1 << 52), exponent - 1075)
    };
    if mantissa == 0 {
        // Zero lies on every grid; an exponent of its own would only make the grid coarser.
        return (0, -1074);
    }
    (if value < 0.0 { -mantissa } else { mantissa }, exponent)
}

/// floor(m · 2^shift).
fn on_grid(m: i128, shift: i32) -> i128 {
    if shift >= 0 {
        m << shift
    } else {
        m >> (-shift).min(127)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_round_in_double_precision_do_not_move_the_floor() {
        // 0.1 + 9 · 0.1 rounds to 1 from above and below depending on the order; the exact sum exceeds 1.
        assert_eq!(floor_of_sum(0.1, 9, 0.1), 1);
        // 0.3 in binary is below 3/10: 10 · 0.3 is below 3 although the product rounds to 3.
        assert_eq!(10.0 * 0.3, 3.0);
        assert_eq!(floor_of_sum(0.0, 10, 0.3), 2);
        assert_eq!(floor_of_sum(-1e-300, 3, 1.0), 2);
        assert_eq!(floor_of_sum(1e-300, 3, 1.0), 3);
        assert_eq!(floor_of_sum(-5e-324, 0, 1.0), -1);
    }

    #[test]
    fn plain_sums_are_floored() {
        assert_eq!(floor_of_sum(-153.6, 1, 358.4), 204);
        assert_eq!(floor_of_sum(-153.6, 0, 358.4), -154);
        assert_eq!(floor_of_sum(0.0, 7, 0.5), 3);
        assert_eq!(floor_of_sum(7.0, 0, 1e-310), 7);
        assert_eq!(floor_of_sum(1e15, 14, 0.25), 1_000_000_000_000_003);
    }

    #[test]
    fn sums_beyond_the_range_take_its_end() {
        assert_eq!(floor_of_sum(1e30, 14, 1e30), 1 << 62);
        assert_eq!(floor_of_sum(-1e30, 0, 1.0), -(1 << 62));
        // 2^90 cancels exactly.
        let huge = 1_237_940_039_285_380_274_899_124_224.0;
        assert_eq!(floor_of_sum(-huge, 1, huge), 0);
    }
}
