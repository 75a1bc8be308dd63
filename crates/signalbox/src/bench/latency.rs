//! Latencies in a table of logarithmic classes: constant memory, 3 % wide.

/// Classes per doubling.
const STEPS: u32 = 32;

/// How often which latency was seen.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    classes: Vec<u64>,
    count: u64,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { classes: vec![0; 64 * 32], count: 0 }
    }
}

impl Latency {
    /// Counts one latency.
    pub(crate) fn add(&mut self, ns: u64) {
        self.classes[class_of(ns)] += 1;
        self.count += 1;
    }

    /// The latency in ms that the share `quantile` of all did not exceed; 0 where nothing was counted.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        let mut left = (quantile * count_of(self.count)).ceil();
        for (class, seen) in self.classes.iter().enumerate() {
            left -= count_of(*seen);
            if left <= 0.0 && *seen > 0 {
                return value_of(class) / 1e6;
            }
        }
        0.0
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a run stay far below 2^53")]
pub(crate) const fn count_of(count: u64) -> f64 {
    count as f64
}

/// Below 32 exact; above, the highest bit and the five bits after it.
fn class_of(ns: u64) -> usize {
    let high = ns.max(1).ilog2();
    let class = if high < 5 { ns } else { u64::from((high - 4) * STEPS) + ((ns >> (high - 5)) & 31) };
    usize::try_from(class).expect("64 doublings of 32 classes")
}

/// The middle of a class, in ns.
fn value_of(class: usize) -> f64 {
    let class = u32::try_from(class).expect("64 doublings of 32 classes");
    let (doubling, step) = (class / STEPS, class % STEPS);
    if doubling == 0 {
        f64::from(step)
    } else {
        (f64::from(STEPS + step) + 0.5) * 2f64.powi(i32::try_from(doubling - 1).expect("at most 64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_within_its_class() {
        let mut latency = Latency::default();
        for us in 1..=1000u64 {
            latency.add(us * 1000);
        }
        for (quantile, expected_ms) in [(0.5, 0.5), (0.99, 0.99), (1.0, 1.0)] {
            let found = latency.quantile_ms(quantile);
            assert!((found - expected_ms).abs() < 0.04 * expected_ms, "{quantile}: {found} ms");
        }
        assert_eq!(Latency::default().quantile_ms(0.5), 0.0);
    }
}
