/// A logistic curve: ½ in the middle, 0.27 and 0.73 one width away, 0.12 and 0.88 two widths away.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    middle: f64,
    /// Negative for a falling one.
    width: f64,
}

pub(super) const fn rising(middle: f64, width: f64) -> Scale {
    Scale { middle, width }
}

pub(super) const fn falling(middle: f64, width: f64) -> Scale {
    Scale { middle, width: -width }
}

impl Scale {
    /// 0 to 1.
    pub(super) fn of(self, value: f64) -> f64 {
        1.0 / (1.0 + ((self.middle - value) / self.width).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_monotone_and_stays_inside(a in -1e9f64..1e9, b in -1e9f64..1e9) {
            let (up, down) = (rising(3.0, 0.5), falling(3.0, 0.5));
            prop_assert!((0.0..=1.0).contains(&up.of(a)));
            prop_assert!((a < b) <= (up.of(a) <= up.of(b)) && (a < b) <= (down.of(a) >= down.of(b)));
            prop_assert!((up.of(a) + down.of(a) - 1.0).abs() < 1e-12);
        }
    }
}
