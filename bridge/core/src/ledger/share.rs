//! Dividing an amount so that every cent of it is somewhere.

use super::money::Cents;

/// Divides an amount pro rata to weights, to the cent: each part is its exact share rounded down or up, the largest
/// remainders are rounded up (of equals the first), and the parts sum to the amount. Weights below zero count as
/// zero. None if no weight is above zero.
///
/// The parts of `-amount` are those of `amount` with the other sign, so a full refund takes back exactly what the
/// payment gave.
pub fn share(amount: Cents, weights: &[Cents]) -> Option<Vec<Cents>> {
    let weights: Vec<i128> = weights.iter().map(|w| i128::from(w.0.max(0))).collect();
    let whole: i128 = weights.iter().sum();
    if whole == 0 {
        return None;
    }
    let size = i128::from(amount.0.unsigned_abs());
    let mut parts: Vec<i128> = weights.iter().map(|w| size * w / whole).collect();
    let missing = size - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(size * weights[i] % whole));
    for &i in order.iter().take(usize::try_from(missing).unwrap_or(0)) {
        parts[i] += 1;
    }
    let sign = if amount.is_negative() { -1 } else { 1 };
    // Each part is at most the amount, which is 64 bits wide.
    Some(
        parts
            .into_iter()
            .map(|p| Cents(sign * i64::try_from(p).unwrap_or(0)))
            .collect(),
    )
}
