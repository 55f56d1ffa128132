//! Prices as a target has them, and what they amount to: whole millionths, never floating point.

use crate::model::{Word, word};
use std::fmt;

/// An amount of money in millionths of its currency's unit, read from a decimal text such as `0.0912`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub u128);

/// Millionths of one.
const ONE: u128 = 1_000_000;

impl Word for Amount {
    const EXPECTED: &'static str =
        "a price such as \"0.0912\": at most six digits before and after the point";
    const EXAMPLE: &'static str = "0.0912";

    fn parse(text: &str) -> Option<Self> {
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |text: &str| (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(part) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let (whole, part): (u128, u128) = (whole.parse().ok()?, format!("{part:0<6}").parse().ok()?);
        Some(Self(whole * ONE + part))
    }
}

impl fmt::Display for Amount {
    /// To a hundredth, half up: `17.04`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.0 + ONE / 200) / (ONE / 100);
        write!(f, "{}.{:02}", hundredths / 100, hundredths % 100)
    }
}

word!(
    /// A currency, by its three letters.
    Currency,
    "a currency such as USD",
    "USD",
    |text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase())
);
word!(
    /// A day.
    Day,
    "a day such as 2026-11-01",
    "2026-11-01",
    |text| text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
);

/// Something that costs by its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// What.
    pub what: String,
    /// How much of it, in thousandths of the unit.
    pub thousandths: u128,
    /// The unit, such as `h`.
    pub unit: &'static str,
    /// The price of one.
    pub each: Amount,
}

impl Charge {
    /// So many whole units.
    pub fn of(what: impl Into<String>, count: u64, unit: &'static str, each: Amount) -> Self {
        Self { what: what.into(), thousandths: u128::from(count) * 1_000, unit, each }
    }

    /// So many bytes, by the GiB; a part of a thousandth counts as a whole one.
    pub fn of_bytes(what: impl Into<String>, bytes: u64, each: Amount) -> Self {
        let thousandths = (u128::from(bytes) * 1_000).div_ceil(1 << 30);
        Self { what: what.into(), thousandths, unit: "GiB", each }
    }

    /// What it comes to.
    pub fn amount(&self) -> Amount {
        Amount(self.thousandths.saturating_mul(self.each.0) / 1_000)
    }

    /// How that is reckoned: `730 h × 0.0912`.
    pub fn figures(&self) -> String {
        let (whole, part) = (self.thousandths / 1_000, self.thousandths % 1_000);
        let count = if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}") };
        let price = format!("{}.{:06}", self.each.0 / ONE, self.each.0 % ONE);
        let price = price.trim_end_matches('0').trim_end_matches('.');
        format!("{count} {} × {price}", self.unit)
    }
}

/// What a site costs, by the table of its target.
#[derive(Clone, Debug)]
pub struct Prices {
    /// When the table was made.
    pub as_of: Day,
    /// Its currency.
    pub currency: Currency,
    /// What costs every month.
    pub monthly: Vec<Charge>,
    /// What it costs to take all content out once.
    pub leaving: Charge,
    /// What is not reckoned, as a phrase.
    pub left_out: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_as_it_is_written_and_never_guessed() {
        let read = |text| Amount::parse(text).map(|amount| amount.0);
        assert_eq!(read("0.0912"), Some(91_200));
        assert_eq!((read("12"), read("0"), read("1.5")), (Some(12_000_000), Some(0), Some(1_500_000)));
        for wrong in ["", ".5", "1.", "01.5", "1,5", "-1", "1e3", "0.1234567", "1234567", "$1", "1.2.3"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    /// 730 hours of 0.0912 are 66.576; half a hundredth counts as one.
    #[test]
    fn what_it_comes_to_is_exact_and_shown_to_a_hundredth() {
        let charge = Charge::of("machine", 730, "h", Amount(91_200));
        assert_eq!(
            (charge.amount().to_string(), charge.figures()),
            ("66.58".into(), "730 h × 0.0912".into())
        );
        assert_eq!(Amount(5_000).to_string(), "0.01");
        assert_eq!(Amount(4_999).to_string(), "0.00");
        let stored = Charge::of_bytes("storage", (3 << 30) / 2, Amount(24_000));
        assert_eq!((stored.amount(), stored.figures()), (Amount(36_000), "1.500 GiB × 0.024".into()));
        assert_eq!(Charge::of_bytes("storage", 1, Amount(ONE)).amount(), Amount(1_000));
        assert_eq!(
            Charge::of_bytes("storage", u64::MAX, Amount(u128::MAX)).amount(),
            Amount(u128::MAX / 1_000)
        );
    }
}
