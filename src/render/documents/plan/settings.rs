//! What becomes of settings: by reason where the migration decides, one by one where a person carries them over.

use crate::model::Disposition;
use crate::plan::Plan;
use serde::Serialize;
use std::collections::BTreeMap;

/// Settings with one outcome and one reason.
#[derive(Serialize)]
pub(super) struct Group {
    reason: String,
    count: usize,
    example: String,
}

/// One setting that a person carries over.
#[derive(Serialize)]
pub(super) struct Hand {
    setting: String,
    instruction: String,
}

/// What is left behind.
pub(super) fn dropped(plan: &Plan) -> Vec<Group> {
    groups(plan, |disposition| match disposition {
        Disposition::Dropped { why } => Some(*why),
        _ => None,
    })
}

/// What arrives in another form.
pub(super) fn transformed(plan: &Plan) -> Vec<Group> {
    groups(plan, |disposition| match disposition {
        Disposition::Transformed { rule, .. } => Some(*rule),
        _ => None,
    })
}

/// What a person carries over, and how many more there are whose names are personal.
pub(super) fn by_hand(plan: &Plan) -> (Vec<Hand>, usize) {
    let (mut hands, mut personal) = (Vec::new(), 0);
    for entry in &plan.ledger.entries {
        match &entry.disposition {
            Disposition::Manual { .. } if entry.personal => personal += 1,
            Disposition::Manual { instruction } => {
                hands.push(Hand { setting: entry.setting.clone(), instruction: instruction.clone() })
            }
            _ => {}
        }
    }
    (hands, personal)
}

fn groups(plan: &Plan, reason: fn(&Disposition) -> Option<&'static str>) -> Vec<Group> {
    let mut groups: BTreeMap<&str, (usize, Option<&str>)> = BTreeMap::new();
    for entry in &plan.ledger.entries {
        if let Some(reason) = reason(&entry.disposition) {
            let group = groups.entry(reason).or_default();
            group.0 += 1;
            if !entry.personal {
                group.1 = group.1.or(Some(&entry.setting));
            }
        }
    }
    groups
        .into_iter()
        .map(|(reason, (count, example))| Group {
            reason: reason.to_owned(),
            count,
            example: example.unwrap_or("see docs/ledger.md").to_owned(),
        })
        .collect()
}
