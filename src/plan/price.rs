//! What the target costs by the table of its target, in words; without a table no figure.

use crate::provider::{Amount, Charge, Prices};
use schemars::JsonSchema;
use serde::Serialize;

/// What something costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Cost {
    /// What.
    pub what: String,
    /// How much, to a hundredth, such as `66.58`.
    pub amount: String,
    /// How that is reckoned.
    pub figures: String,
}

/// What the target is estimated to cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Price {
    /// When the prices were looked up.
    pub as_of: String,
    /// Their currency.
    pub currency: String,
    /// What costs every month.
    pub monthly: Vec<Cost>,
    /// All of that, reckoned exactly and then shown to a hundredth.
    pub monthly_total: String,
    /// What it costs once to take all content out.
    pub leaving: Cost,
    /// What is not reckoned.
    pub left_out: String,
}

impl Price {
    pub(super) fn of(prices: &Prices) -> Self {
        let total = prices.monthly.iter().map(|charge| charge.amount().0).sum();
        Self {
            as_of: prices.as_of.to_string(),
            currency: prices.currency.to_string(),
            monthly: prices.monthly.iter().map(cost).collect(),
            monthly_total: Amount(total).to_string(),
            leaving: cost(&prices.leaving),
            left_out: prices.left_out.clone(),
        }
    }
}

fn cost(charge: &Charge) -> Cost {
    Cost { what: charge.what.clone(), amount: charge.amount().to_string(), figures: charge.figures() }
}
